import { type Clock, instant } from '../model/units.ts';

/** The kernel's CLOCK_MONOTONIC: what timerfd counts by, and the same in every process of this machine. */
export const monotonicNow: Clock = () => {
  const [seconds, nanoseconds] = process.hrtime();
  return instant(seconds * 1e3 + nanoseconds / 1e6);
};
