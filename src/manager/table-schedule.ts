/** When the table is read next, and when those entries are looked at of which somebody waits for connections to end. */
import { after, type Clock, elapsed, type Instant, type Milliseconds, milliseconds } from '../model/units.ts';

/** How often the table is compared with the kernel's, unasked. */
const VERIFY_INTERVAL = milliseconds(10_000);
/** How often it is looked at while somebody finishes connections. */
const DRAIN_INTERVAL = milliseconds(1_000);
/**
 * To read a table of 65,535 virtual servers takes seconds, in which nobody is answered: whatever reading costs, it rests
 * for so many times as long.
 */
const REST = 10;
/** How soon it is read after changes that were planned without that. */
const VERIFY_SOON = milliseconds(1_000);
/** When a table that could not be read, or not be changed as it should, is tried again. */
const TRY_AGAIN = milliseconds(1_000);

export interface TableScheduleOptions {
  readonly clock: Clock;
  readonly isAwaited: () => boolean;
  /** The whole table is to be read, or only what is awaited is to be looked at; each arms the next. */
  readonly onVerify: () => void;
  readonly onLook: () => void;
}

export class TableSchedule {
  readonly #options: TableScheduleOptions;
  #timer: NodeJS.Timeout | undefined;
  #verifyAt: Instant;
  #closed = false;

  constructor(options: TableScheduleOptions) {
    this.#options = options;
    this.#verifyAt = options.clock();
  }

  /** It was read just now, at this `cost`; `again`: something is left to be done that may succeed soon. */
  verified(again: boolean, cost: Milliseconds): void {
    this.#verifyIn(Math.max(again ? TRY_AGAIN : VERIFY_INTERVAL, cost * REST));
    this.arm();
  }

  /** It was changed without being read. */
  changed(): void {
    this.#verifyIn(Math.min(VERIFY_SOON, elapsed(this.#options.clock(), this.#verifyAt)));
    this.arm();
  }

  /** Somebody may be awaited now, or no longer. */
  arm(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    const { clock, isAwaited, onVerify, onLook } = this.#options;
    const rest = Math.max(0, elapsed(clock(), this.#verifyAt));
    const delay = isAwaited() ? Math.min(rest, DRAIN_INTERVAL) : rest;
    this.#timer = setTimeout(() => (delay < rest ? onLook() : onVerify()), delay);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #verifyIn(delay: number): void {
    this.#verifyAt = after(this.#options.clock(), milliseconds(delay));
  }
}
