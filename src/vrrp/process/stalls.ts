/** Notices that this process stood still: its deadline passed long before anything looks at it. */
import { elapsed, type Instant, type Milliseconds, milliseconds } from '../../model/units.ts';
import type { ThrottledLog } from './throttle.ts';

/** A deadline that is acted upon so late is worth a line: adverts were missed, and the shortest lease lasts a second. */
const STALL = milliseconds(500);
/** Below this nobody can have slept longer than others wait: two of the shortest advert intervals. */
const SHORTEST_STALL = milliseconds(20);

/** What it goes by, and whom it tells. */
export interface StallsContext {
  /** The deadline that should have woken us. */
  readonly due: () => Instant | undefined;
  readonly complain: ThrottledLog;
  onStall(now: Instant): void;
}

/** To be asked whenever anything is about to be read or done. */
export class Stalls {
  readonly #context: StallsContext;
  /** When a stall was looked for last, and the deadline that was missed then. */
  #heeded: { readonly due: Instant | undefined; readonly at: Instant } | undefined;

  constructor(context: StallsContext) {
    this.#context = context;
  }

  /**
   * Whatever this process reads first when it wakes up: that it slept comes before. What the kernel tells of leases
   * that ended meanwhile would be put right otherwise, which is to take the addresses back from a successor.
   */
  heed(now: Instant): void {
    const due = this.#context.due();
    if (this.#lateness(now) < SHORTEST_STALL) return;
    // Once for each packet of a flood would be too often.
    const heeded = this.#heeded;
    if (heeded !== undefined && heeded.due === due && elapsed(heeded.at, now) < SHORTEST_STALL) return;
    this.#heeded = { due, at: now };
    this.#context.onStall(now);
  }

  /** Nothing was sent meanwhile, and the kernel may have ended leases: the only trace of that may be this line. */
  tell(now: Instant): void {
    const lateness = this.#lateness(now);
    if (lateness < STALL) return;
    const seconds = (lateness / 1000).toFixed(3);
    const message = `the vrrp process stood still for ${seconds} s: a paused machine, or too little CPU`;
    this.#context.complain('stall', 'warn', message);
  }

  #lateness(now: Instant): Milliseconds {
    const due = this.#context.due();
    return due === undefined ? milliseconds(0) : elapsed(due, now);
  }
}
