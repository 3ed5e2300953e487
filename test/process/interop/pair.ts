/**
 * Two directors and a client on one or two switches: vipward on `ours`, keepalived on `theirs`. Who holds which
 * address, and since when, is read off the kernels' own notices.
 */
import { vi } from 'vitest';
import type { RouterStatus } from '../../../src/model/router-status.ts';
import type { Daemon, LogLine } from '../../lab/support/daemon.ts';
import { Lab } from '../../lab/support/lab.ts';
import type { NamespaceNode, Switch } from '../../lab/support/network.ts';
import type { Node } from '../../lab/support/node.ts';
import type { LabProcess } from '../../lab/support/process.ts';

/** On every switch N (1, 2): 10.1.N.x, fd00:N::x and fe80::ff:fe00:Nx (from the Ethernet address). */
export interface Pair {
  readonly lab: Lab;
  readonly lans: readonly Switch[];
  /** .10 */
  readonly ours: NamespaceNode;
  /** .11 */
  readonly theirs: NamespaceNode;
  /** .100 */
  readonly client: NamespaceNode;
}

export async function makePair(switches: 1 | 2 = 1): Promise<Pair> {
  const lab = await Lab.create();
  const lans: Switch[] = [];
  for (let n = 1; n <= switches; n++) lans.push(await lab.addSwitch(`lan${n}`));
  const host = async (name: string, last: number, id: string) => {
    const ports = lans.map((on, index) => ({
      on,
      mac: `02:00:00:00:0${index + 1}:${id}`,
      addresses: [`10.1.${index + 1}.${last}/24`, `fd00:${index + 1}::${last}/64 nodad`],
    }));
    return await lab.addHost(name, { ports });
  };
  const ours = await host('ours', 10, '10');
  const theirs = await host('theirs', 11, '11');
  const client = await host('client', 100, '64');
  // Nothing is sent from an address that may be another's.
  for (const node of [ours, theirs, client])
    await vi.waitUntil(async () => (await node.run('ip -6 addr show tentative')) === '', { timeout: 60_000 });
  return { lab, lans, ours, theirs, client };
}

/** As the file has it; JSON is YAML. */
export const fileOf = (routers: Readonly<Record<string, object>>, more: object = {}): string =>
  JSON.stringify({ director: { name: 'ours' }, virtual_routers: routers, ...more });

/** The receive checks of a virtual router that refused something. */
export const refusalsOf = ({ name, counters }: RouterStatus): readonly string[] =>
  Object.entries({ ...counters.rejected, sendErrors: counters.sendErrors }).flatMap(([reason, count]) =>
    count > 0 ? [`${name}: ${reason}: ${count}`] : [],
  );

/**
 * Of a machine that is short of processors, and no trouble with the peer: that we stood still, and that keepalived,
 * which is not realtime, sent once more before it had heard us.
 */
const SHORT_OF_CPU = /process stood still for|was active beside us: it must give way/;

/** What the log tells of trouble, but for what `isExcused`. */
export const troublesOf = (
  { log }: Daemon,
  isExcused: (line: LogLine) => boolean = () => false,
): readonly string[] =>
  log.all
    .filter((line) => line.level !== 'info' && !SHORT_OF_CPU.test(line.message) && !isExcused(line))
    .map(({ level, message }) => `${level} ${message}`);

/** The addresses that a node holds, on whichever link. */
export async function heldBy(node: Node): Promise<ReadonlySet<string>> {
  const lines = (await node.run('ip -o address show')).split('\n');
  return new Set(lines.flatMap((line) => / inet6? ([^ /]+)/.exec(line)?.[1] ?? []));
}

interface Span {
  readonly from: number;
  /** undefined: still. */
  to: number | undefined;
}

/** When a node held which address, by its kernel's notices: milliseconds since the epoch. */
export class Holdings {
  readonly #node: Node;
  readonly #monitor: LabProcess;
  readonly #spans = new Map<string, Span[]>();

  private constructor(node: Node, monitor: LabProcess) {
    this.#node = node;
    this.#monitor = monitor;
  }

  /** Resolves when it misses nothing from now on. */
  static async watch(node: Node): Promise<Holdings> {
    const monitor = await node.spawn(['ip', '-ts', '-o', 'monitor', 'address']);
    const holdings = new Holdings(node, monitor);
    await holdings.sync();
    return holdings;
  }

  /** Takes in everything that has happened so far. */
  async sync(): Promise<void> {
    const since = this.#monitor.stdout.mark;
    let seen = false;
    const sign = this.#monitor.stdout
      .waitFor((line) => line.includes(' 192.0.2.1/'), { since })
      .then(() => {
        seen = true;
      });
    // It says nothing when it is ready, so it is shown a change until it tells of one.
    while (!seen) {
      await this.#node.run('ip address add 192.0.2.1/32 dev lo && ip address del 192.0.2.1/32 dev lo');
      await Promise.race([sign, new Promise((resolve) => setImmediate(resolve))]);
    }
    this.#spans.clear();
    for (const line of this.#monitor.stdout.all) this.#take(line);
  }

  spans(address: string): readonly Readonly<Span>[] {
    return this.#spans.get(address) ?? [];
  }

  #take(line: string): void {
    const [, time = '', deleted, address = ''] =
      /^\[(\S+)\] (Deleted )?.* inet6? ([^ /]+)/.exec(line.replaceAll('\\', ' ')) ?? [];
    if (address === '') return;
    const at = Date.parse(`${time}Z`);
    const spans = this.#spans.get(address) ?? [];
    this.#spans.set(address, spans);
    const last = spans.at(-1);
    const open = last !== undefined && last.to === undefined;
    if (deleted !== undefined && open) last.to = at;
    else if (deleted === undefined && !open) spans.push({ from: at, to: undefined });
  }
}

/** For how long, in ms, both held the address since `from`: the longest time in one piece. */
export function longestOverlap(address: string, one: Holdings, other: Holdings, from = 0): number {
  const now = Date.now();
  const both = one
    .spans(address)
    .flatMap((a) =>
      other.spans(address).map((b) => Math.min(a.to ?? now, b.to ?? now) - Math.max(a.from, b.from, from)),
    );
  return Math.max(0, ...both);
}
