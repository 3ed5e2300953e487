/** A director of the tests: the vrrp process on a node of the lab, with the test in the place of its manager. */
import { join } from 'node:path';
import type { VirtualRouter } from '../../../src/model/config.ts';
import type { ManagerToVrrp, VrrpNetwork, VrrpToManager } from '../../../src/model/messages.ts';
import type { RouterState, RouterStatus } from '../../../src/model/router-status.ts';
import type { TrackVerdict } from '../../../src/model/tracking.ts';
import { centiseconds } from '../../../src/model/units.ts';
import { recordLastWords } from '../../lab/support/last-words.ts';
import type { Node } from '../../lab/support/node.ts';
import type { LabProcess } from '../../lab/support/process.ts';
import { virtualRouter as filledIn, vrrpNetwork } from '../../support/virtual-router.ts';

export const VIP = '10.1.1.254';

/**
 * Whoever stands still for three intervals gives its addresses up: for where that must not be, since a busy machine
 * stands still for longer than three times 100 ms now and then.
 */
export const STEADY = { advertInterval: centiseconds(100) };

/** A virtual router with 100 ms between its adverts. */
export const virtualRouter = (priority: number, changes: Partial<VirtualRouter> = {}): VirtualRouter =>
  filledIn({ priority, advertInterval: centiseconds(10), ...changes });

type Said =
  | VrrpToManager
  | { type: 'pid'; pid: number }
  | { type: 'exit'; code: number | null; signal: string | null };

/** What the manager says beside the virtual routers themselves. */
export interface DirectorOptions {
  readonly resume?: readonly string[];
  readonly realtime?: boolean;
  readonly standby?: readonly string[];
  readonly verdicts?: readonly TrackVerdict[];
  readonly network?: Partial<VrrpNetwork>;
}

export class Director {
  readonly node: Node;
  readonly #process: LabProcess;
  readonly #pid: number;
  #questions = 0;

  private constructor(node: Node, process: LabProcess, pid: number) {
    this.node = node;
    this.#process = process;
    this.#pid = pid;
  }

  /** Resolves when it has taken the configuration in. */
  static async start(
    node: Node,
    routers: readonly VirtualRouter[],
    options: DirectorOptions = {},
  ): Promise<Director> {
    const process = await node.spawn(['node', join(import.meta.dirname, 'stand-in.ts')]);
    const name = `the vrrp process on ${node.name}`;
    recordLastWords({ name, log: process.stdout, write: (line) => line.slice(0, 400), node });
    const first = JSON.parse(await process.stdout.waitFor((line) => line.startsWith('{"type":"pid"')));
    const director = new Director(node, process, first.pid);
    await director.heard(({ type }) => type === 'ready');
    await director.configure(routers, options);
    return director;
  }

  /** The number of messages heard so far: pass it as `since`. */
  get mark(): number {
    return this.#process.stdout.mark;
  }

  /** All changes of state so far, oldest first. */
  get states(): readonly RouterStatus[] {
    return this.#process.stdout.all
      .map((line) => JSON.parse(line) as Said)
      .flatMap((said) => (said.type === 'state' ? [said.status] : []));
  }

  async configure(
    routers: readonly VirtualRouter[],
    { resume = [], realtime = false, standby = [], verdicts = [], network = {} }: DirectorOptions = {},
  ): Promise<void> {
    const since = this.mark;
    const whole = vrrpNetwork({ ...network, routers });
    this.tell({ type: 'configure', network: whole, realtime, resume, standby, verdicts });
    await this.heard(({ type }) => type === 'configured', since);
  }

  async query(): Promise<readonly RouterStatus[]> {
    const id = ++this.#questions;
    this.tell({ type: 'query', id });
    const answer = await this.heard((said) => said.type === 'status' && said.id === id);
    return answer.type === 'status' ? answer.routers : [];
  }

  async only(): Promise<RouterStatus> {
    const [status] = await this.query();
    if (status === undefined) throw new Error(`${this.node.name} has no virtual router`);
    return status;
  }

  /** Resolves with the change to this state; `releasing` tells the hand-over from plain active. */
  async becomes(
    state: RouterState,
    { since = 0, releasing = false, name = 'web' } = {},
  ): Promise<RouterStatus> {
    const said = await this.heard(
      (message) =>
        message.type === 'state' &&
        message.status.name === name &&
        message.status.state === state &&
        message.status.releasing === releasing,
      since,
      `${this.node.name} to become ${state}`,
    );
    if (said.type !== 'state') throw new Error('unreachable: the predicate chose a state');
    return said.status;
  }

  async heard(wanted: (said: Said) => boolean, since = 0, what = 'a message'): Promise<Said> {
    return JSON.parse(
      await this.#process.stdout.waitFor((line) => wanted(JSON.parse(line)), { since, what }),
    );
  }

  /** Resolves when a line of the log has `part` in it. */
  async logged(part: string): Promise<void> {
    await this.heard(
      (said) => said.type === 'log' && said.message.includes(part),
      0,
      `the log to say "${part}"`,
    );
  }

  tell(message: ManagerToVrrp): void {
    this.#process.write(`${JSON.stringify(message)}\n`);
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.#pid, signal);
  }

  /** What becomes of it when its manager dies. */
  loseManager(): void {
    this.#process.end();
  }

  async exited(): Promise<{ readonly code: number | null; readonly signal: string | null }> {
    const end = await this.heard(({ type }) => type === 'exit', 0, `${this.node.name} to end`);
    return end.type === 'exit' ? { code: end.code, signal: end.signal } : { code: null, signal: null };
  }

  async stop(): Promise<void> {
    this.tell({ type: 'stop' });
    await this.exited();
  }
}

/** Whether the kernel of `node` holds the address. */
export const holds = async (node: Node, address: string = VIP, device = 'eth0'): Promise<boolean> =>
  (await node.run(`ip -o -4 address show dev ${device}`)).includes(` ${address}/`);

export interface AddressWatch {
  /** The number of notices heard so far: pass it as `since`. */
  readonly mark: number;
  /** Resolves with the removal of the VIP. */
  gone(since?: number): Promise<void>;
  /** Resolves when the VIP is put, or its lease renewed. */
  put(since?: number): Promise<void>;
  /** How often the VIP was removed so far. */
  removals(): number;
}

/** Watches the VIP on a node from now on. */
export async function watchAddresses(node: Node): Promise<AddressWatch> {
  const monitor = await node.spawn(['ip', 'monitor', 'address']);
  // It says nothing when it is ready, so it is shown a change until it tells of one.
  let ready = false;
  const sign = monitor.stdout
    .waitFor((line) => line.includes('192.0.2.1'))
    .then(() => {
      ready = true;
    });
  while (!ready) {
    await node.run('ip address add 192.0.2.1/32 dev lo && ip address del 192.0.2.1/32 dev lo');
    await Promise.race([sign, new Promise((resolve) => setImmediate(resolve))]);
  }
  const isVip = (line: string, deleted: boolean) =>
    line.startsWith('Deleted') === deleted && line.includes(` ${VIP}/`);
  const seen = async (deleted: boolean, since = 0): Promise<void> => {
    await monitor.stdout.waitFor((line) => isVip(line, deleted), {
      since,
      what: `${VIP} to be ${deleted ? 'removed from' : 'put on'} ${node.name}`,
    });
  };
  return {
    get mark() {
      return monitor.stdout.mark;
    },
    gone: (since) => seen(true, since),
    put: (since) => seen(false, since),
    removals: () => monitor.stdout.all.filter((line) => isVip(line, true)).length,
  };
}
