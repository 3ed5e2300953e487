/** Time as the checker sees it: one monotonic clock and timers on it, injected so that tests own both. */
import type { Clock, Instant } from '../model/units.ts';
import { elapsed, instant, milliseconds } from '../model/units.ts';
import { createAwakeClock } from './awake.ts';

/** Takes a timer back; harmless after it fired. */
export type Cancel = () => void;

export interface Time {
  /** Goes on for as long as this process does: see awake.ts. */
  readonly now: Clock;
  /** How often this process has stood still so far. */
  readonly standstills: () => number;
  /** The date, for people only: milliseconds since 1970. */
  readonly date: () => number;
  /**
   * Runs `run` once, at `due` or as soon after it as the event loop allows, never before; what has come in by then is
   * heard first.
   */
  readonly at: (due: Instant, run: () => void) => Cancel;
}

/** setTimeout fires at once for anything longer (a signed 32-bit number of milliseconds). */
const LONGEST_TIMER = 2 ** 31 - 1;
/** In ms: how often the clock is looked at while anybody waits for it, and how late a look may be. */
const BEAT = 100;
const LONGEST_TURN = milliseconds(2 * BEAT);

function monotonicNow(): Instant {
  const [seconds, nanoseconds] = process.hrtime();
  return instant(seconds * 1000 + nanoseconds / 1e6);
}

const awake = createAwakeClock(monotonicNow, LONGEST_TURN);
let waiting = 0;
let beat: NodeJS.Timeout | undefined;

function begin(): void {
  if (waiting++ > 0) return;
  awake.skip();
  beat = setInterval(awake.now, BEAT).unref();
}

function end(): void {
  if (--waiting === 0) clearInterval(beat);
}

/** CLOCK_MONOTONIC, without the time in which this process stood still, and Node's timers. */
export const systemTime: Time = {
  now() {
    if (waiting === 0) awake.skip();
    return awake.now();
  },
  standstills: awake.standstills,
  date: Date.now,
  at(due, run) {
    let timer: NodeJS.Timeout | undefined;
    let turn: NodeJS.Immediate | undefined;
    const cancel = (): void => {
      if (timer === undefined && turn === undefined) return;
      clearTimeout(timer);
      clearImmediate(turn);
      timer = undefined;
      turn = undefined;
      end();
    };
    const check = (): void => {
      const left = elapsed(awake.now(), due);
      // Node's timers may fire up to 1 ms early, and all the more when this process has stood still.
      if (left > 0) {
        timer = setTimeout(check, Math.min(Math.ceil(left), LONGEST_TIMER));
        return;
      }
      // Node runs timers first, and what came in while this process did something else is read behind them.
      turn = setImmediate(() => {
        cancel();
        run();
      });
    };
    begin();
    timer = setTimeout(check, Math.min(Math.max(0, Math.ceil(elapsed(awake.now(), due))), LONGEST_TIMER));
    return cancel;
  },
};
