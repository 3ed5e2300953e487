import type { Time } from '../../../src/checker/time.ts';
import type { Instant } from '../../../src/model/units.ts';
import { instant } from '../../../src/model/units.ts';

export interface FakeTime extends Time {
  /** Moves the clock on, firing each timer that comes due at its own instant, in order. */
  advance(duration: number): void;
  /** As advance, but lets promises settle after each timer. */
  advanceAsync(duration: number): Promise<void>;
  /** Whoever asks from now on is told that the process stood still once more. */
  standStill(): void;
  /** Timers that are still to fire. */
  pending(): number;
}

/** Time that stands still until it is told to move. */
export function createFakeTime(start = 1_000_000): FakeTime {
  let now = start;
  let standstills = 0;
  const timers = new Set<{ readonly due: Instant; readonly run: () => void }>();
  const fireNext = (until: number): boolean => {
    const [next] = [...timers].filter((timer) => timer.due <= until).sort((a, b) => a.due - b.due);
    if (next === undefined) return false;
    timers.delete(next);
    now = Math.max(now, next.due);
    next.run();
    return true;
  };
  return {
    now: () => instant(now),
    date: () => now,
    standstills: () => standstills,
    standStill: () => void standstills++,
    at(due, run) {
      const timer = { due, run };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance(duration) {
      const until = now + duration;
      while (fireNext(until));
      now = until;
    },
    async advanceAsync(duration) {
      const until = now + duration;
      await settled();
      while (fireNext(until)) await settled();
      now = until;
    },
    pending: () => timers.size,
  };
}

/** Resolves when the promises that could settle have. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
