/**
 * Time as far as this process was there to use it. A machine that is paused, moved to another host, out of memory or
 * too busy has a process stand still; its clocks go on meanwhile, and what others sent in time lies unread. So what
 * limits how long others may take goes by this, not by the clock alone.
 */
import { type Clock, elapsed, type Instant, instant, type Milliseconds } from '../model/units.ts';

/** See `createAwakeClock`. */
export interface AwakeClock {
  /** Its instants are its own: only the time between two of them means anything. */
  readonly now: Clock;
  /** How often the process has stood still so far. */
  standstills(): number;
  /** Nobody has looked at it for a while, on purpose: that was no standstill. */
  skip(): void;
}

/** Goes with `clock` as long as it is looked at every `longest`; of a longer time between two looks, so much counts. */
export function createAwakeClock(clock: Clock, longest: Milliseconds): AwakeClock {
  let looked: Instant = clock();
  let stood = 0;
  let standstills = 0;
  return {
    now() {
      const at = clock();
      const over = elapsed(looked, at) - longest;
      looked = at;
      if (over > 0) {
        stood += over;
        standstills++;
      }
      return instant(at - stood);
    },
    standstills: () => standstills,
    skip() {
      looked = clock();
    },
  };
}
