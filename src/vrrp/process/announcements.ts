/** Announcements with pauses between them, for switches that drop bursts. */
import type { IpAddress } from '../../model/address.ts';
import type { Milliseconds } from '../../model/units.ts';

/** Of one interface: those whose turn has not come. */
export class Announcements {
  readonly #announce: (address: IpAddress) => void;
  readonly #waiting = new Set<IpAddress>();
  #next: NodeJS.Timeout | undefined;

  /** `announce` tells the neighbours of one address. */
  constructor(announce: (address: IpAddress) => void) {
    this.#announce = announce;
  }

  /** The first at once; what waits already is not queued a second time. */
  add(addresses: readonly IpAddress[], spacing: Milliseconds): void {
    for (const address of addresses) this.#waiting.add(address);
    if (this.#next === undefined) this.#turn(spacing);
  }

  /** Forgets all that wait. */
  clear(): void {
    clearTimeout(this.#next);
    this.#next = undefined;
    this.#waiting.clear();
  }

  #turn(spacing: Milliseconds): void {
    const [address] = this.#waiting;
    this.#next = undefined;
    if (address === undefined) return;
    this.#waiting.delete(address);
    this.#announce(address);
    this.#next = setTimeout(() => this.#turn(spacing), spacing);
  }
}
