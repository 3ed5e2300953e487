/**
 * Connections behind fullnat after a take-over. IPVS knows them by its connection synchronisation, connection tracking
 * does not. It learns of one by the client's next packet; a client that only listens sends none, so that the real
 * server's packets would be dropped until it gives up.
 */
import { KnownConnections } from '../balance/known-connections.ts';
import { packetRulesOf } from '../balance/packet-rules.ts';
import { type Tracked, trackConnections } from '../kernel/conntrack.ts';
import { readKnownConnections } from '../kernel/ipvs-connections.ts';
import { isKernelError } from '../kernel/kernel-error.ts';
import type { IpAddress } from '../model/address.ts';
import type { Config } from '../model/config.ts';
import type { IpvsConnection, TranslatedConnection } from '../model/connections.ts';
import type { Log } from '../model/messages.ts';
import type { SourceNatRule } from '../model/packet-rules.ts';
import { reasonOf } from '../model/reason.ts';
import type { RouterStatus } from '../model/router-status.ts';
import { milliseconds } from '../model/units.ts';

/** The kernel that hands over tells of connections that have just begun up to a second later (ip_vs_sync.c). */
const ONCE_MORE = milliseconds(2_000);
/** After that: clients whose connections could not be made known speak meanwhile, or are reset. */
const SETTLING = milliseconds(60_000);

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
  /** Sources at which connections may be spoken of that are not known here: until some time after the take-over. */
  readonly onAwaited: (sources: readonly IpAddress[]) => void;
  /** The kernel's unless given. */
  readonly kernel?: TrackedConnectionsKernel;
}

/** From one take-over to its end. */
interface Term {
  timer: NodeJS.Timeout | undefined;
  /** What will be known here is. */
  isSettled: boolean;
}

export class TrackedConnections {
  readonly #log: Log;
  readonly #onAwaited: TrackedConnectionsOptions['onAwaited'];
  readonly #kernel: TrackedConnectionsKernel;
  /** What is to be kept up when these virtual routers become active. */
  #rules: ReadonlyMap<string, readonly SourceNatRule[]> = new Map();
  /** Of the virtual routers that are active. */
  readonly #terms = new Map<string, Term>();
  readonly #end = new AbortController();
  /** One take-over after the other. */
  #working: Promise<void> = Promise.resolve();

  constructor({
    log,
    onAwaited,
    kernel = { known: readKnownConnections, track: trackConnections },
  }: TrackedConnectionsOptions) {
    this.#log = log;
    this.#onAwaited = onAwaited;
    this.#kernel = kernel;
  }

  configure({ virtualRouters, virtualServers }: Pick<Config, 'virtualRouters' | 'virtualServers'>): void {
    const { sourceNats } = packetRulesOf(virtualServers);
    const floating = sourceNats.filter(({ to }) => isFixed(to));
    this.#rules = new Map(
      virtualRouters.map(({ name, addresses }) => {
        const held = new Set<string>(addresses.map(({ address }) => address));
        return [name, floating.filter(({ to }) => held.has(to))] as const;
      }),
    );
    this.#tellAwaited();
  }

  /** The states that the virtual routers are in now. */
  routersAre(statuses: readonly Pick<RouterStatus, 'name' | 'state'>[]): void {
    const active = new Set(statuses.filter(({ state }) => state === 'active').map(({ name }) => name));
    for (const [name, { timer, isSettled }] of this.#terms) {
      if (active.has(name)) continue;
      clearTimeout(timer);
      this.#terms.delete(name);
      if (isSettled) this.#tellAwaited();
    }
    for (const name of active) if (!this.#terms.has(name)) this.#begin(name);
  }

  #begin(name: string): void {
    const term: Term = { timer: undefined, isSettled: false };
    this.#terms.set(name, term);
    this.#takeOver(name);
    const later = (delay: number, action: () => void): void => {
      // It may have ended while connections were made known.
      if (this.#terms.get(name) === term) term.timer = setTimeout(action, delay);
    };
    later(ONCE_MORE, () => {
      this.#takeOver(name);
      this.#working = this.#working.then(() =>
        later(SETTLING, () => {
          term.isSettled = true;
          this.#tellAwaited();
        }),
      );
    });
  }

  /** A backup awaits them already: none may be reset before it has noticed that it is active. */
  #tellAwaited(): void {
    const waiting = [...this.#rules].filter(([name]) => this.#terms.get(name)?.isSettled !== true);
    this.#onAwaited([...new Set(waiting.flatMap(([, rules]) => rules.map(({ to }) => to)))].filter(isFixed));
  }

  /** Resolves when nothing is under way any more: soon, since a million take a minute that nobody needs then. */
  async close(): Promise<void> {
    this.#end.abort();
    for (const { timer } of this.#terms.values()) clearTimeout(timer);
    this.#terms.clear();
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
      const why = reasonOf(error);
      this.#log('error', `connections by fullnat whose clients only listen do not go on here: ${why}`);
    }
  }
}

const isFixed = (to: SourceNatRule['to']): to is IpAddress => to !== 'auto';

const advice = (error: Error): string =>
  isKernelError(error, 'ENOMEM')
    ? ': the table of connection tracking is full: raise net.netfilter.nf_conntrack_max'
    : '';
