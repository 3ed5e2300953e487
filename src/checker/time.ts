/** Time as the checker sees it: one monotonic clock and timers on it, injected so that tests own both. */
import type { Clock, Instant } from '../model/units.ts';
import { elapsed, instant } from '../model/units.ts';

/** Takes a timer back; harmless after it fired. */
export type Cancel = () => void;

export interface Time {
  readonly now: Clock;
  /** The date, for people only: milliseconds since 1970. */
  readonly date: () => number;
  /** Runs `run` once, at `due` or as soon after it as the event loop allows, never before. */
  readonly at: (due: Instant, run: () => void) => Cancel;
}

/** setTimeout fires at once for anything longer (a signed 32-bit number of milliseconds). */
const LONGEST_TIMER = 2 ** 31 - 1;

function monotonicNow(): Instant {
  const [seconds, nanoseconds] = process.hrtime();
  return instant(seconds * 1000 + nanoseconds / 1e6);
}

/** CLOCK_MONOTONIC and Node's timers. These may fire up to 1 ms early, so the clock is asked again. */
export const systemTime: Time = {
  now: monotonicNow,
  date: Date.now,
  at(due, run) {
    let timer: NodeJS.Timeout;
    const check = (): void => {
      const left = elapsed(monotonicNow(), due);
      if (left <= 0) run();
      else timer = setTimeout(check, Math.min(Math.ceil(left), LONGEST_TIMER));
    };
    timer = setTimeout(check, Math.min(Math.max(0, Math.ceil(elapsed(monotonicNow(), due))), LONGEST_TIMER));
    return () => clearTimeout(timer);
  },
};
