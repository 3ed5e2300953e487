/**
 * Which fences were ordered, and which directors are off by them: one fence serves every unit that waits for the same
 * director, known by its address.
 */
import type { IpAddress } from '../../model/address.ts';
import { elapsed, type Instant, type Milliseconds } from '../../model/units.ts';

/** An active director that fell silent, as one member of a unit heard it. */
export interface SilentPeer {
  readonly address: IpAddress;
  /** When it was heard last. */
  readonly at: Instant;
  /** How long a backup like this one listens before it acts. */
  readonly patience: Milliseconds;
}

/** Of one director. */
export class Fences {
  /** The addresses of the peer that each fence is for, until its end. */
  readonly #ordered = new Map<number, readonly IpAddress[]>();
  readonly #offSince = new Map<IpAddress, Instant>();
  #next = 1;

  /** A number that no fence has had. */
  next(): number {
    return this.#next++;
  }

  /** A unit is active as a whole on one director: all these addresses are that one's. */
  order(id: number, addresses: readonly IpAddress[]): void {
    this.#ordered.set(id, addresses);
  }

  /** The end of a fence. */
  end(id: number, done: boolean, now: Instant): void {
    if (done) for (const address of this.#ordered.get(id) ?? []) this.#offSince.set(address, now);
    this.#ordered.delete(id);
  }

  /**
   * Whether it was fenced since it was heard last, and cannot be active again: one that is started again listens for as
   * long as any backup does.
   */
  isOff({ address, at, patience }: SilentPeer, now: Instant): boolean {
    const since = this.#offSince.get(address);
    return since !== undefined && since > at && elapsed(since, now) <= patience;
  }
}
