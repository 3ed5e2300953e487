/**
 * keepalived on a node: Debian's, or the one that KEEPALIVED names in the environment of the test run.
 *
 *   const keepalived = await Keepalived.start(node, [{ name: 'web', vrid: 51, priority: 100, addresses: [...] }])
 *   await keepalived.becomes('web', 'MASTER')
 *   await keepalived.refusals()          what its statistics count as errors, by instance
 *   await keepalived.stop()              keepalived.kill() for SIGKILL of all its processes
 */
import { execFileSync } from 'node:child_process';
import { vi } from 'vitest';
import type { Node } from '../../lab/support/node.ts';
import type { LabProcess } from '../../lab/support/process.ts';

const PROGRAM = process.env.KEEPALIVED ?? 'keepalived';

/** Whether it is 2.4 or later, which has `auth_hmac` and both forms of the checksum. */
export const hasLaterForms = (): boolean => {
  const words = execFileSync('sh', ['-c', '"$0" --version 2>&1', PROGRAM], { encoding: 'utf8' });
  const [, major = 0, minor = 0] = /v(\d+)\.(\d+)/.exec(words) ?? [];
  return Number(major) * 100 + Number(minor) >= 204;
};

export type KeepalivedState = 'MASTER' | 'BACKUP' | 'FAULT';

export interface Instance {
  readonly name: string;
  readonly interface?: string;
  readonly vrid: number;
  readonly priority: number;
  /** 3 unless given. */
  readonly version?: 2 | 3;
  /** Seconds; 0.1 unless given. */
  readonly interval?: number;
  readonly addresses: readonly string[];
  readonly excluded?: readonly string[];
  /** Further lines. */
  readonly more?: readonly string[];
}

export class Keepalived {
  readonly node: Node;
  readonly process: LabProcess;
  readonly #statistics: string;

  private constructor(node: Node, process: LabProcess, statistics: string) {
    this.node = node;
    this.process = process;
    this.#statistics = statistics;
  }

  /** `more`: further blocks. Resolves when every instance has entered its first state. */
  static async start(node: Node, instances: readonly Instance[], more = ''): Promise<Keepalived> {
    const file = `${node.scratch}/keepalived.conf`;
    await node.writeFile(file, `${more}\n${instances.map(blockOf).join('\n')}`);
    const pids = ['-p', `${node.scratch}/parent.pid`, '-r', `${node.scratch}/vrrp.pid`];
    const process = await node.spawn([PROGRAM, '-P', '-n', '-l', '-f', file, ...pids], {
      // Where it writes its statistics.
      env: { TMPDIR: node.scratch },
    });
    const keepalived = new Keepalived(node, process, `${node.scratch}/keepalived.stats`);
    await Promise.all(
      instances.map(({ name }) =>
        process.output.waitFor((line) => line.includes(`(${name}) Entering `), {
          what: `keepalived's ${name} to enter a state`,
        }),
      ),
    );
    return keepalived;
  }

  get mark(): number {
    return this.process.output.mark;
  }

  async becomes(name: string, state: KeepalivedState, since = 0): Promise<void> {
    const what = `keepalived's ${name} to become ${state}`;
    await this.process.output.waitFor((line) => line.includes(`(${name}) Entering ${state} STATE`), {
      since,
      what,
    });
  }

  /** The states that an instance has entered since, oldest first. */
  states(name: string, since = 0): readonly string[] {
    return this.process.output.all
      .slice(since)
      .flatMap((line) => line.split(`(${name}) Entering `)[1]?.split(' ')[0] ?? []);
  }

  /** Adverts that it refused or could not send, as `instance: what: number`. */
  async refusals(): Promise<readonly string[]> {
    await this.node.run(['rm', '-f', this.#statistics]);
    const pid = (await this.node.readFile(`${this.node.scratch}/vrrp.pid`)).trim();
    await this.node.run(['kill', '-USR2', pid]);
    const text = await vi.waitUntil(
      async () => {
        const { stdout } = await this.node.exec(['cat', this.#statistics]);
        return stdout.includes('Priority Zero') ? stdout : undefined;
      },
      { timeout: 60_000 },
    );
    return refusalsIn(text);
  }

  async reload(instances: readonly Instance[], more = ''): Promise<void> {
    await this.node.writeFile(
      `${this.node.scratch}/keepalived.conf`,
      `${more}\n${instances.map(blockOf).join('\n')}`,
    );
    this.process.kill('SIGHUP');
  }

  async stop(): Promise<void> {
    this.process.kill('SIGTERM');
    await this.process.exit;
  }

  /** SIGKILL of all its processes at once. */
  async kill(): Promise<void> {
    const files = ['parent', 'vrrp'].map((name) => `${this.node.scratch}/${name}.pid`);
    await this.node.run(`kill -KILL $(cat ${files.join(' ')}); rm -f ${files.join(' ')}`);
    await this.process.exit;
  }
}

function blockOf(instance: Instance): string {
  const { name, interface: device = 'eth0', vrid, priority, version = 3, interval = 0.1 } = instance;
  const { addresses, excluded = [], more = [] } = instance;
  return [
    `vrrp_instance ${name} {`,
    `  interface ${device}`,
    `  virtual_router_id ${vrid}`,
    `  priority ${priority}`,
    `  version ${version}`,
    `  advert_int ${interval}`,
    ...more.map((line) => `  ${line}`),
    '  virtual_ipaddress {',
    ...addresses.map((address) => `    ${address}`),
    '  }',
    ...(excluded.length === 0 ? [] : [`  virtual_ipaddress_excluded {\n    ${excluded.join('\n    ')}\n  }`]),
    '}',
  ].join('\n');
}

/** All counters of its statistics that are not about adverts and changes of state. */
function refusalsIn(text: string): readonly string[] {
  const found: string[] = [];
  let instance = '';
  let section = '';
  for (const line of text.split('\n')) {
    const [, name] = /^VRRP Instance: (\S+)/.exec(line) ?? [];
    const [, heading] = /^ {2}(\S.*):\s*$/.exec(line) ?? [];
    const [, what = '', count = '0'] = /^ {4}(\S.*): (\d+)/.exec(line) ?? [];
    if (name !== undefined) instance = name;
    if (heading !== undefined) section = heading;
    if (/errors|failure/i.test(section) && Number(count) > 0)
      found.push(`${instance}: ${section}: ${what}: ${count}`);
  }
  return found;
}
