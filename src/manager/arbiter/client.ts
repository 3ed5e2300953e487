/**
 * etcd as arbiter: each unit (a sync group, or a virtual router that is in none) has a key there, bound to a lease, and
 * only the director whose name stands in it may be active on its own judgement.
 */
import type { Arbiter } from '../../model/guard.ts';
import type { Log } from '../../model/messages.ts';
import { reasonOf } from '../../model/reason.ts';
import { type Clock, elapsed, type Instant, secondsToMilliseconds } from '../../model/units.ts';
import { Cluster, type ClusterStatus } from './cluster.ts';
import { Contender } from './contender.ts';
import { type Etcd, EtcdOverHttp } from './etcd.ts';
import { EtcdError } from './etcd-error.ts';

/** How often the same failure is logged, in milliseconds. */
const REPEAT = 60_000;
/** How long `close` tries to give leases back, in milliseconds. */
const CLOSE_LIMIT = 2_000;

export interface ArbiterOptions {
  readonly arbiter: Arbiter;
  /** Name of this director: for people who look into etcd, and for `status`. */
  readonly director: string;
  /** What tells this director from every other, of the same name too: see `readIdentity`. */
  readonly identity: string;
  readonly log: Log;
  /** CLOCK_MONOTONIC. */
  readonly clock: Clock;
  /**
   * The unit is ours until `heldUntil`, which comes again, later each time, with every keep-alive that succeeded;
   * undefined: no longer. Never called from within `want(unit, true)` for a unit that was not wanted before.
   * `contended`: the arbiter answers, and another director has it.
   */
  onLease(unit: string, heldUntil: Instant | undefined, contended: boolean): void;
  /** Whether there is still somebody who may use what is held: nothing is renewed for one who hangs. */
  isUsed?(): boolean;
  /** Instead of the one that `arbiter` describes. */
  readonly etcd?: Etcd;
}

export interface ArbiterStatus extends ClusterStatus {
  readonly units: readonly UnitStatus[];
}

export interface UnitStatus {
  readonly unit: string;
  /** `waiting`: another director has it, or etcd does not answer. `held` may outlive its time while etcd is away. */
  readonly state: 'held' | 'waiting' | 'released';
  /** Name of the director that has it, as far as is known. */
  readonly holder: string | undefined;
  readonly heldUntil: Instant | undefined;
}

/** One time of being wanted. */
interface Era {
  readonly contender: Contender;
  readonly end: AbortController;
  readonly ended: Promise<void>;
}

interface Unit {
  era: Era | undefined;
  /** What the last era held has been given back. */
  released: Promise<void>;
  /** Ends the giving back early: the unit is wanted again. */
  hurry: AbortController;
}

export class ArbiterClient {
  readonly #options: ArbiterOptions;
  readonly #cluster: Cluster;
  readonly #etcd: Etcd;
  readonly #value: string;
  readonly #units = new Map<string, Unit>();
  /** Those of whom the log has been told that they hold their unit. */
  readonly #held = new WeakSet<Contender>();
  /** When each failure was logged last, on the monotonic clock. */
  readonly #logged = new Map<string, Instant>();

  constructor(options: ArbiterOptions) {
    const { arbiter, director, identity, log } = options;
    this.#options = options;
    this.#cluster = new Cluster(arbiter, log);
    this.#etcd = options.etcd ?? new EtcdOverHttp(this.#cluster);
    this.#value = JSON.stringify({ director, identity });
  }

  /**
   * While a unit is wanted, its lease is striven for and then kept. No longer wanted, it is given back: only say so
   * when the unit's addresses are gone. To say again that it is wanted has the present state told again.
   */
  want(unit: string, wanted: boolean): void {
    const entry = this.#units.get(unit);
    if (!wanted) {
      if (entry?.era !== undefined) this.#giveBack(unit, entry, entry.era);
    } else if (entry?.era === undefined) {
      this.#strive(unit, entry);
    } else {
      const { heldUntil, rival } = entry.era.contender;
      if (heldUntil !== undefined && heldUntil > this.#options.clock())
        this.#options.onLease(unit, heldUntil, false);
      else if (rival !== undefined) this.#options.onLease(unit, undefined, true);
    }
  }

  status(): ArbiterStatus {
    const units = [...this.#units].map(([unit, { era }]) => this.#unitStatus(unit, era?.contender));
    return { ...this.#cluster.status, units };
  }

  /** Gives everything back, with a limit; nothing is told any more. */
  async close(): Promise<void> {
    for (const [unit, entry] of this.#units)
      if (entry.era !== undefined) this.#giveBack(unit, entry, entry.era);
    const limit = AbortSignal.timeout(CLOSE_LIMIT);
    limit.addEventListener('abort', () => {
      for (const { hurry } of this.#units.values()) hurry.abort();
    });
    await Promise.all([...this.#units.values()].map(({ released }) => released));
    this.#units.clear();
    this.#cluster.close();
  }

  /**
   * Ends without giving anything back: what is held ends by itself, unless a successor with the same identity takes it
   * over. Nothing is told any more.
   */
  leave(): void {
    for (const { era, hurry } of this.#units.values()) {
      era?.end.abort();
      hurry.abort();
    }
    this.#units.clear();
    this.#cluster.close();
  }

  #strive(unit: string, entry: Unit | undefined): void {
    const { arbiter, clock } = this.#options;
    const end = new AbortController();
    entry?.hurry.abort();
    const contender = new Contender({
      etcd: this.#etcd,
      key: `${arbiter.prefix}${unit}`,
      value: this.#value,
      isOurs: (value) => holderIn(value).identity === this.#options.identity,
      lease: arbiter.lease,
      clock,
      onLease: (heldUntil) => this.#tell(unit, contender, heldUntil),
      onContended: (contended) => this.#options.onLease(unit, undefined, contended),
      isUsed: () => this.#options.isUsed?.() ?? true,
      onFailure: (error) => this.#failed(unit, error),
    });
    const before = entry?.released ?? Promise.resolve();
    const ended = before.then(() => contender.contend(end.signal));
    this.#units.set(unit, {
      era: { contender, end, ended },
      released: before,
      hurry: new AbortController(),
    });
  }

  #giveBack(unit: string, entry: Unit, { contender, end, ended }: Era): void {
    const held = contender.heldUntil !== undefined;
    entry.era = undefined;
    end.abort();
    if (held) {
      this.#options.log('info', `arbiter: gives back the lease of ${unit}`, { unit });
      this.#options.onLease(unit, undefined, false);
    }
    const limit = AbortSignal.timeout(secondsToMilliseconds(this.#options.arbiter.lease));
    entry.released = ended
      .then(() => contender.release(AbortSignal.any([limit, entry.hurry.signal])))
      .then(() => {
        if (this.#units.get(unit) === entry && entry.era === undefined) this.#units.delete(unit);
      });
  }

  #tell(unit: string, contender: Contender, heldUntil: Instant | undefined): void {
    const known = this.#held.has(contender);
    if (heldUntil === undefined) {
      this.#held.delete(contender);
      this.#options.log('warn', `arbiter: the lease of ${unit} is lost`, { unit });
    } else if (!known) {
      this.#held.add(contender);
      this.#options.log('info', `arbiter: the lease of ${unit} is ours`, { unit });
    }
    this.#options.onLease(unit, heldUntil, false);
  }

  /** That etcd is away has been logged already, once for all units. */
  #failed(unit: string, error: unknown): void {
    if (error instanceof EtcdError && !error.final) return;
    const message = reasonOf(error);
    const now = this.#options.clock();
    const before = this.#logged.get(message);
    if (before !== undefined && elapsed(before, now) < REPEAT) return;
    this.#logged.set(message, now);
    this.#options.log('error', `arbiter: etcd refuses: ${message}`, { unit });
  }

  #unitStatus(unit: string, contender: Contender | undefined): UnitStatus {
    const heldUntil = contender?.heldUntil;
    if (contender === undefined) return { unit, state: 'released', holder: undefined, heldUntil };
    return heldUntil === undefined
      ? { unit, state: 'waiting', holder: directorOf(contender.rival), heldUntil }
      : { unit, state: 'held', holder: this.#options.director, heldUntil };
  }
}

/** The director's name in a key's value, which may be anybody's: then it is shown as it is. */
function directorOf(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const { director } = holderIn(value);
  return typeof director === 'string' ? director : value;
}

/** Empty for what no director wrote. */
function holderIn(value: string): { readonly director?: unknown; readonly identity?: unknown } {
  try {
    const holder: unknown = JSON.parse(value);
    return typeof holder === 'object' && holder !== null ? holder : {};
  } catch {
    return {};
  }
}
