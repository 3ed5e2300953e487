/**
 * Connections behind fullnat after a take-over. IPVS knows them by its connection synchronisation, connection tracking
 * does not. It learns of one by the client's next packet; a client that only listens sends none, so that the real
 * server's packets would be dropped until it gives up.
 */
import { readFile } from 'node:fs/promises';
import { KnownConnections } from '../balance/known-connections.ts';
import { packetRulesOf } from '../balance/packet-rules.ts';
import { type Tracked, trackConnections } from '../kernel/conntrack.ts';
import { connectionsIn } from '../kernel/ipvs-connections.ts';
import { isKernelError } from '../kernel/kernel-error.ts';
import type { Config } from '../model/config.ts';
import type { IpvsConnection, TranslatedConnection } from '../model/connections.ts';
import type { Log } from '../model/messages.ts';
import type { SourceNatRule } from '../model/packet-rules.ts';
import type { RouterStatus } from '../model/router-status.ts';
import { milliseconds } from '../model/units.ts';

const CONNECTIONS = '/proc/net/ip_vs_conn';
/** Lines that are read with nothing else in between: a million take seconds, in which the manager has other work, too. */
const TURN = 2_000;
/** The kernel that hands over tells of connections that have just begun up to a second later (ip_vs_sync.c). */
const ONCE_MORE = milliseconds(2_000);

export interface TrackedConnectionsKernel {
  /** Every connection that IPVS knows, some at a time; none where there is no IPVS. */
  known(): AsyncIterable<readonly IpvsConnection[]>;
  /** See `trackConnections` of kernel/conntrack.ts. */
  track(
    connections: readonly TranslatedConnection[],
    doubtful: readonly TranslatedConnection[],
    signal: AbortSignal,
  ): Promise<Tracked>;
}

export interface TrackedConnectionsOptions {
  readonly log: Log;
  /** The kernel's unless given. */
  readonly kernel?: TrackedConnectionsKernel;
}

export class TrackedConnections {
  readonly #log: Log;
  readonly #kernel: TrackedConnectionsKernel;
  /** What is to be kept up when these virtual routers become active. */
  #rules: ReadonlyMap<string, readonly SourceNatRule[]> = new Map();
  #active: ReadonlySet<string> = new Set();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #end = new AbortController();
  /** One take-over after the other. */
  #working: Promise<void> = Promise.resolve();

  constructor({ log, kernel = { known: readKnown, track: trackConnections } }: TrackedConnectionsOptions) {
    this.#log = log;
    this.#kernel = kernel;
  }

  configure({ virtualRouters, virtualServers }: Pick<Config, 'virtualRouters' | 'virtualServers'>): void {
    const { sourceNats } = packetRulesOf(virtualServers);
    const floating = sourceNats.filter(({ to }) => to !== 'auto');
    this.#rules = new Map(
      virtualRouters.map(({ name, addresses }) => {
        const held = new Set<string>(addresses.map(({ address }) => address));
        return [name, floating.filter(({ to }) => held.has(to))] as const;
      }),
    );
  }

  /** The states that the virtual routers are in now. */
  routersAre(statuses: readonly Pick<RouterStatus, 'name' | 'state'>[]): void {
    const active = statuses.filter(({ state }) => state === 'active').map(({ name }) => name);
    const taken = active.filter((name) => !this.#active.has(name));
    this.#active = new Set(active);
    for (const name of taken) {
      this.#takeOver(name);
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        if (this.#active.has(name)) this.#takeOver(name);
      }, ONCE_MORE);
      this.#timers.add(timer);
    }
  }

  /** Resolves when nothing is under way any more: soon, since a million take a minute that nobody needs then. */
  async close(): Promise<void> {
    this.#end.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    await this.#working;
  }

  #takeOver(name: string): void {
    const rules = this.#rules.get(name) ?? [];
    if (rules.length > 0) this.#working = this.#working.then(() => this.#track(name, rules));
  }

  async #track(name: string, rules: readonly SourceNatRule[]): Promise<void> {
    try {
      const all = new KnownConnections(rules);
      for await (const some of this.#kernel.known()) {
        if (this.#end.signal.aborted) return;
        all.add(some);
      }
      const { connections, doubtful } = all.known;
      if (connections.length + doubtful.length === 0) return;
      const { made, there, refused, errors } = await this.#kernel.track(
        connections,
        doubtful,
        this.#end.signal,
      );
      if (made === 0 && refused === 0) return;
      const [error] = errors;
      const words = [
        `virtual router ${name}: connections by fullnat taken over: ${made + there}`,
        ...(error === undefined ? [] : [`refused: ${refused} (${error.message}${advice(error)})`]),
        ...(doubtful.length === 0
          ? []
          : [`in doubt, since their clients have the same port: ${doubtful.length}`]),
      ];
      this.#log(error === undefined ? 'info' : 'warn', words.join(', '));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#log('error', `connections by fullnat whose clients only listen do not go on here: ${why}`);
    }
  }
}

const advice = (error: Error): string =>
  isKernelError(error, 'ENOMEM')
    ? ': the table of connection tracking is full: raise net.netfilter.nf_conntrack_max'
    : '';

async function* readKnown(): AsyncGenerator<readonly IpvsConnection[]> {
  const lines = await readLines();
  for (let at = 1; at < lines.length; at += TURN) {
    yield connectionsIn(lines.slice(at, at + TURN));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function readLines(): Promise<readonly string[]> {
  try {
    return (await readFile(CONNECTIONS, 'utf8')).split('\n');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
