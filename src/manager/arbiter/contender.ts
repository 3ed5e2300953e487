/**
 * One unit's part in the contest for its key in etcd, for as long as the unit is wanted.
 *
 *   read the key ─ another's ─▶ wait for its change ─▶ again
 *        └ free, or left by our former process ─▶ grant a lease ─▶ write the key, bound to it ─▶ hold: keep alive
 *
 * A write is conditional on the revision that was read, so of two that try one fails, and a request that arrives late
 * (its sender has given up, or died) changes nothing that came after. What a former process of ours holds is taken over
 * by binding the key to a new lease: whatever that process sent last then ends nothing of ours.
 *
 * A keep-alive counts only once a reading by the majority confirms it in the same term: a leader that was cut off, or
 * stood still, renews leases for a moment although another already rules and may give the key away.
 */
import { type Clock, elapsed, type Instant, type Milliseconds, type Seconds } from '../../model/units.ts';
import { pause } from './delay.ts';
import type { Entry, Etcd, LeaseId, Reading } from './etcd.ts';
import { EtcdError } from './etcd-error.ts';
import { backOff, heldUntil, keepAliveInterval } from './hold-time.ts';

/** Leases of failed attempts that are remembered, to be given back: older ones have most likely ended by themselves. */
const MOST_LEASES = 8;

export interface ContenderOptions {
  readonly etcd: Etcd;
  readonly key: string;
  /** What stands in the key while it is ours: no other director ever writes the same. */
  readonly value: string;
  /** Whether a value that stands in the key is of this director, if under another name; only `value` unless given. */
  isOurs?(value: string): boolean;
  /** Time to live that is asked of etcd. */
  readonly lease: Seconds;
  readonly clock: Clock;
  /** The unit is ours until then, later than what was told before; undefined: no longer. */
  onLease(heldUntil: Instant | undefined): void;
  /** Whether another is known to have it, when that changes; false as well while etcd does not answer. */
  onContended?(contended: boolean): void;
  /**
   * Whether there is still somebody who may use what is held: asked before anything is obtained or renewed. Otherwise
   * a lease would be kept for ever for a process that hangs.
   */
  isUsed?(): boolean;
  /** A request failed, for whatever reason; it is tried again. */
  onFailure(error: unknown): void;
}

/** How often it is looked whether what is held is used again, in milliseconds. */
const LOOK_INTERVAL = 200 as Milliseconds;

/** A lease that our key is bound to. */
interface Hold {
  readonly id: LeaseId;
  readonly ttl: Milliseconds;
  readonly until: Instant;
}

type Confirmation = { readonly until: Instant; readonly ttl: Milliseconds } | 'lost' | 'unconfirmed';

export class Contender {
  readonly #options: ContenderOptions;
  readonly #leaseTime: Milliseconds;
  /** Value of the key when it was another's; undefined: free, ours, or not known. */
  #rival: string | undefined;
  #told: Instant | undefined;
  /** Leases that were granted to this contender and not ended yet. */
  readonly #leases = new Set<LeaseId>();

  constructor(options: ContenderOptions) {
    this.#options = options;
    this.#leaseTime = (options.lease * 1000) as Milliseconds;
  }

  get rival(): string | undefined {
    return this.#rival;
  }

  /** Until when the unit is ours as far as is known; may have passed. */
  get heldUntil(): Instant | undefined {
    return this.#told;
  }

  /** Takes part until `signal` aborts. Nothing is told after that. Never throws. */
  async contend(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      try {
        const hold = await this.#obtain(signal);
        failures = 0;
        if (hold !== undefined && !signal.aborted) await this.#keep(hold, signal);
      } catch (error) {
        if (signal.aborted) break;
        this.#rivalIs(undefined);
        this.#options.onFailure(error);
        await pause(backOff(++failures, this.#leaseTime, Math.random()), signal);
      }
    }
    this.#told = undefined;
    this.#rival = undefined;
  }

  /**
   * Gives back what is held, with the key, trying until `signal` aborts; what cannot be given back ends by itself with
   * its lease. Never throws.
   */
  async release(signal: AbortSignal): Promise<void> {
    for (let failures = 0; this.#leases.size > 0 && !signal.aborted; ) {
      await Promise.all(
        [...this.#leases].map((id) =>
          this.#options.etcd.revoke(id, signal).then(
            () => this.#leases.delete(id),
            () => undefined,
          ),
        ),
      );
      if (this.#leases.size > 0) await pause(backOff(++failures, this.#leaseTime, Math.random()), signal);
    }
  }

  /** The unit's key for us, once; undefined when somebody else was faster or has just gone. */
  async #obtain(signal: AbortSignal): Promise<Hold | undefined> {
    const { etcd, key, value, lease, clock } = this.#options;
    await this.#untilUsed(signal);
    const reading = await etcd.read(key, signal);
    const { entry } = reading;
    if (entry !== undefined && entry.value !== value && this.#options.isOurs?.(entry.value) !== true) {
      this.#rivalIs(entry.value);
      await this.#untilChanged(reading, entry, signal);
      return undefined;
    }
    this.#rivalIs(undefined);
    const sentAt = clock();
    const granted = await etcd.grant(lease, signal);
    this.#remember(granted.id);
    // When this throws, the key may be bound to the lease all the same, or be so yet: then the next reading finds it.
    // To end the lease now could end what a former process of ours still counts on.
    const written = await etcd.write(key, value, granted.id, entry?.modified ?? '0', signal);
    if (written) return { id: granted.id, ttl: granted.ttl, until: heldUntil(sentAt, granted.ttl) };
    void this.#revoke(granted.id, signal);
    return undefined;
  }

  /** The watch brings the news at once; the reading now and then is for a watch that has gone deaf. */
  async #untilChanged(reading: Reading, entry: Entry, signal: AbortSignal): Promise<void> {
    const { etcd, key } = this.#options;
    const interval = keepAliveInterval(this.#leaseTime);
    const done = new AbortController();
    const over = AbortSignal.any([signal, done.signal]);
    let { revision } = reading;
    const watch = async () => {
      while (!over.aborted) {
        if (await etcd.changed(key, revision, over).catch(() => false)) done.abort();
        else await pause(interval, over);
      }
    };
    void watch();
    try {
      for (;;) {
        await pause(interval, over);
        if (over.aborted) return;
        const now = await etcd.read(key, signal);
        if (now.entry?.modified !== entry.modified) return;
        revision = now.revision;
      }
    } finally {
      done.abort();
    }
  }

  /** Keeps what is held; returns when it is lost. Throws only when `signal` aborts. */
  async #keep(hold: Hold, signal: AbortSignal): Promise<void> {
    this.#tell(hold.until);
    let { ttl } = hold;
    let failures = 0;
    let wait = keepAliveInterval(ttl);
    for (;;) {
      await pause(wait, signal);
      await this.#untilUsed(signal);
      signal.throwIfAborted();
      try {
        const sentAt = this.#options.clock();
        const confirmation = await this.#renew(hold.id, sentAt, signal);
        signal.throwIfAborted();
        if (confirmation === 'lost') return await this.#lost(hold.id, signal);
        if (confirmation === 'unconfirmed') throw new EtcdError('the leader of etcd changed meanwhile');
        this.#tell(confirmation.until);
        ({ ttl } = confirmation);
        failures = 0;
        const next = keepAliveInterval(ttl) - elapsed(sentAt, this.#options.clock());
        wait = Math.max(0, next) as Milliseconds;
      } catch (error) {
        if (signal.aborted) throw error;
        this.#options.onFailure(error);
        wait = backOff(++failures, this.#leaseTime, Math.random());
      }
    }
  }

  async #untilUsed(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#options.isUsed?.() === false) await pause(LOOK_INTERVAL, signal);
  }

  #rivalIs(value: string | undefined): void {
    const changed = (this.#rival === undefined) !== (value === undefined);
    this.#rival = value;
    if (changed) this.#options.onContended?.(value !== undefined);
  }

  async #renew(id: LeaseId, sentAt: Instant, signal: AbortSignal): Promise<Confirmation> {
    const { etcd, key } = this.#options;
    const renewal = await etcd.keepAlive(id, signal);
    if (renewal === undefined) return 'lost';
    const { entry, term } = await etcd.read(key, signal);
    if (entry?.lease !== id) return 'lost';
    if (term !== renewal.term) return 'unconfirmed';
    return { until: heldUntil(sentAt, renewal.ttl), ttl: renewal.ttl };
  }

  async #lost(id: LeaseId, signal: AbortSignal): Promise<void> {
    this.#told = undefined;
    this.#options.onLease(undefined);
    await this.#revoke(id, signal);
  }

  /** Never earlier than what was told before. What has passed already is no news. */
  #tell(until: Instant): void {
    if (until <= this.#options.clock() || (this.#told !== undefined && until <= this.#told)) return;
    this.#told = until;
    this.#options.onLease(until);
  }

  #remember(id: LeaseId): void {
    this.#leases.add(id);
    const [oldest] = this.#leases;
    if (this.#leases.size > MOST_LEASES && oldest !== undefined) this.#leases.delete(oldest);
  }

  /** One try, for a lease that guards nothing any more: it would end by itself, too. */
  async #revoke(id: LeaseId, signal: AbortSignal): Promise<void> {
    try {
      await this.#options.etcd.revoke(id, signal);
    } catch (error) {
      // It is left to `release`.
      if (signal.aborted) return;
      this.#options.onFailure(error);
    }
    this.#leases.delete(id);
  }
}
