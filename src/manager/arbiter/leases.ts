/**
 * The leases of the vrrp process's units, over every change of the arbiter and every death of that process: which are
 * wanted, and which are held.
 */
import type { Config } from '../../model/config.ts';
import type { Log } from '../../model/messages.ts';
import type { Instant } from '../../model/units.ts';
import { monotonicNow } from '../../sys/clock.ts';
import { ArbiterClient, type ArbiterOptions, type ArbiterStatus } from './client.ts';
import { readIdentity } from './identity.ts';

export interface LeasesOptions extends Pick<ArbiterOptions, 'onLease'> {
  readonly stateDir: string;
  readonly log: Log;
  /** Whether the vrrp process lives: nothing is renewed for one that hangs. */
  isUsed(): boolean;
}

export class Leases {
  readonly #options: LeasesOptions;
  #arbiter: { readonly client: ArbiterClient; readonly definition: string } | undefined;
  readonly #held = new Map<string, Instant>();
  readonly #wanted = new Set<string>();
  /** Those that the dead vrrp process wanted and the new one has not named yet. */
  readonly #inDoubt = new Set<string>();

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  /** Until when each unit's lease is ours, as far as is known; may have passed. */
  get held(): ReadonlyMap<string, Instant> {
    return this.#held;
  }

  /** undefined: there is no arbiter. */
  get status(): ArbiterStatus | undefined {
    return this.#arbiter?.client.status();
  }

  /**
   * Another arbiter takes the leases over from the former one, which are ours until they would have ended. Returns a
   * former one that has no successor: it is to be closed when the vrrp process knows that there is none any more.
   */
  configure({ arbiter, director }: Pick<Config, 'arbiter' | 'director'>): ArbiterClient | undefined {
    const definition = JSON.stringify([arbiter, director.name]);
    if (this.#arbiter?.definition === definition) return undefined;
    const former = this.#arbiter?.client;
    this.#arbiter = undefined;
    if (arbiter === undefined) return former;
    former?.leave();
    const { stateDir, log, isUsed } = this.#options;
    const client: ArbiterClient = new ArbiterClient({
      arbiter,
      director: director.name,
      identity: readIdentity(stateDir, log),
      log,
      clock: monotonicNow,
      onLease: (unit, heldUntil, contended) => this.#onLease(unit, heldUntil, contended),
      isUsed,
    });
    this.#arbiter = { client, definition };
    for (const unit of this.#wanted) client.want(unit, true);
    return undefined;
  }

  want(unit: string, wanted: boolean): void {
    this.#inDoubt.delete(unit);
    if (wanted) this.#wanted.add(unit);
    else this.#wanted.delete(unit);
    this.#arbiter?.client.want(unit, wanted);
  }

  /** A new vrrp process begins: what its predecessor wanted is kept until it is known whether it still is. */
  doubt(): void {
    for (const unit of this.#wanted) this.#inDoubt.add(unit);
  }

  /** It has said what it wants. The rest is given back: the addresses that it was for are gone by now. */
  settle(): void {
    for (const unit of [...this.#inDoubt]) this.want(unit, false);
  }

  /** Gives everything back, with a limit. */
  async close(): Promise<void> {
    await this.#arbiter?.client.close();
  }

  #onLease(unit: string, heldUntil: Instant | undefined, contended: boolean): void {
    if (heldUntil === undefined) this.#held.delete(unit);
    else this.#held.set(unit, heldUntil);
    this.#options.onLease(unit, heldUntil, contended);
  }
}
