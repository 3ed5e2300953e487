/**
 * Two directors as network namespaces on a switch of their own, with an observer on it that takes the kernel's time
 * stamps. The namespaces stay while programs come and go in them.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Lab } from '../lab/support/lab.ts';
import { signalIfAlive } from '../lab/support/local.ts';
import type { NamespaceNode, Switch } from '../lab/support/network.ts';
import type { ArpSeen, Seen, VrrpSeen } from '../lab/support/observer.ts';
import type { LabProcess } from '../lab/support/process.ts';
import { type Observer, observe } from '../lab/support/tools.ts';
import type { Program } from './bench.ts';
import { MANY_VIPS, prepareProgram, type RouterSettings, VIP } from './program.ts';

/** 224.0.0.18 as /proc/net/igmp writes it. */
const VRRP_GROUP = '120000E0';
/** How long anything may take before the bench gives up. */
const LIMIT = 30_000;

export class Pair {
  readonly lan: Switch;
  readonly observer: Observer;
  readonly directors: readonly [Director, Director];

  private constructor(lan: Switch, observer: Observer, directors: readonly [Director, Director]) {
    this.lan = lan;
    this.observer = observer;
    this.directors = directors;
  }

  /** `name`: short, of its own within the lab. */
  static async create(lab: Lab, name: string): Promise<Pair> {
    const lan = await lab.addSwitch(name);
    const make = async (letter: string, address: string): Promise<Director> => {
      const ports = [{ on: lan, addresses: [`${address}/24`] }];
      return new Director(await lab.addHost(`${name}-${letter}`, { ports }), address);
    };
    const directors = [await make('a', '10.1.1.1'), await make('b', '10.1.1.2')] as const;
    return new Pair(lan, await observe(lan), directors);
  }

  /** The next advert of this director that has a priority. */
  async advertOf(director: Director, since?: number): Promise<VrrpSeen> {
    return await this.anyAdvert((advert) => advert.source === director.address, since);
  }

  /** The next advert, of whomever, that has a priority. */
  async anyAdvert(
    wanted: (advert: VrrpSeen) => boolean,
    since = this.observer.events.mark,
  ): Promise<VrrpSeen> {
    const seen = await this.observer.events.waitFor(
      (event) => event.kind === 'vrrp' && event.priority > 0 && wanted(event),
      { since, what: `an advert on ${this.lan.name}`, timeout: LIMIT },
    );
    return seen as VrrpSeen;
  }

  /** Its next gratuitous ARP of the VIP, told by where it comes from: the rival's address is unknown to ARP. */
  async announcementAfter(rival: VrrpSeen, since: number): Promise<ArpSeen> {
    const seen = await this.observer.events.waitFor(
      (event) =>
        event.kind === 'arp' &&
        event.gratuitous &&
        event.sender === VIP &&
        event.sourceMac !== rival.sourceMac,
      { since, what: 'a gratuitous ARP of the other director', timeout: LIMIT },
    );
    return seen as ArpSeen;
  }
}

export const isAdvert = (event: Seen, from: string): event is VrrpSeen =>
  event.kind === 'vrrp' && event.source === from;

export class Director {
  readonly node: NamespaceNode;
  readonly address: string;
  #process: LabProcess | undefined;
  #pids: readonly number[] = [];

  constructor(node: NamespaceNode, address: string) {
    this.node = node;
    this.address = address;
  }

  /** Starts the program as the only one here; resolves when it listens to adverts. */
  async start(program: Program, settings: RouterSettings): Promise<void> {
    await this.launch(program, settings);
    if (this.#process !== undefined) await this.listening(this.#process);
  }

  /** Starts the program as the only one here; gives the moment just before, in ms since the epoch. */
  async launch(program: Program, settings: RouterSettings): Promise<number> {
    await this.clear();
    const command = await prepareProgram(program, this.node, settings);
    const now = performance.timeOrigin + performance.now();
    this.#process = await this.node.spawn(command);
    return now;
  }

  /** Resolves when some process of this node has joined the VRRP group. `process`: any in its namespace. */
  async listening(process: LabProcess): Promise<void> {
    await until(`${this.node.name} to listen`, async () => {
      if (process.ended !== undefined)
        throw new Error(
          `${this.node.name}: ended with ${process.ended.code}\n${process.output.all.join('\n')}`,
        );
      return (await this.node.readFile('/proc/net/igmp')).includes(VRRP_GROUP);
    });
    this.#pids = await this.pids();
  }

  /** What the program has written so far. */
  get output(): readonly string[] {
    return this.#process?.output.all ?? [];
  }

  async pids(): Promise<readonly number[]> {
    const text = await this.node.run(['ip', 'netns', 'pids', this.node.namespace]);
    const own = text.trim().split('\n').map(Number);
    const alive = await Promise.all(own.map(async (pid) => ((await commandOf(pid)) === 'ip' ? 0 : pid)));
    return alive.filter((pid) => pid > 0);
  }

  /** Asks the program to end, as a service manager does. */
  stop(): void {
    this.#process?.kill('SIGTERM');
  }

  async ended(): Promise<void> {
    await this.#process?.exit;
    this.#process = undefined;
  }

  /**
   * Death of the machine: all processes stand still in the same instant, so that none notices the death of another,
   * then the cable is cut, then they are gone.
   */
  async die(): Promise<void> {
    for (const pid of this.#pids) signalIfAlive(pid, 'SIGSTOP');
    await this.node.ports[0]?.disconnect();
    for (const pid of this.#pids) signalIfAlive(pid, 'SIGKILL');
    await this.ended();
  }

  /** As after a boot: no program, no VIP, the cable in. */
  async clear(): Promise<void> {
    this.#process?.killAll('SIGKILL');
    await this.ended();
    await this.node.run(
      `ip address delete ${VIP}/24 dev eth0 2>/dev/null; ip -4 address flush to ${MANY_VIPS} dev eth0 2>/dev/null
       ip neighbour flush all; true`,
    );
    await this.node.ports[0]?.connect();
  }
}

const commandOf = async (pid: number): Promise<string> =>
  (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'ip')).trim();

/** Asks again and again, since nothing tells when it comes true. Rejects after `LIMIT`. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + LIMIT; !(await holds()); await delay(5))
    if (performance.now() > end) throw new Error(`waiting for ${what}: nothing within ${LIMIT} ms`);
}
