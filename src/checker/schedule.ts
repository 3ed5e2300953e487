/**
 * When probes start; pure. Each target has its own phase, which its id alone decides, on a grid of one interval from
 * the clock's zero. So starts are spread over the interval, nothing drifts, and no reload moves a target that stays. Where
 * the checker stood still, so did its clock: what was due meanwhile does not come due all at once.
 */
import { hash } from 'node:crypto';
import type { CheckTarget } from '../model/check.ts';
import type { Instant } from '../model/units.ts';
import { after, instant, milliseconds } from '../model/units.ts';

/** How close new targets are packed: 1,000 first probes a second, so that a service comes up fast. */
const FIRST_SPACING = milliseconds(1);

/** The target's place in its interval: 0 up to 1, evenly spread over ids. */
export const phaseOf = (id: string): number => hash('sha256', id, 'buffer').readUInt32BE(0) / 2 ** 32;

/**
 * The first start. A target with a known health keeps to its grid; one without is waited for, so it is probed soon:
 * within one millisecond for each of the `newcomers` that came with it, and within its interval.
 */
export function firstStart(target: CheckTarget, now: Instant, known: boolean, newcomers: number): Instant {
  if (known) return gridPointAfter(target, now);
  const spread = Math.min(target.check.interval, newcomers * FIRST_SPACING);
  return after(now, milliseconds(phaseOf(target.id) * spread));
}

/**
 * The start after the one that was due at `previous`, at `now` when that probe has ended: the next point of the grid
 * that is still to come, so that a failure is looked at within one interval. Points that passed while the probe ran
 * are skipped, never made up for.
 */
export function nextStart(target: CheckTarget, previous: Instant, now: Instant): Instant {
  // A little beyond, as a previous start on the grid must not be found again by a rounding error.
  const earliest = previous + target.check.interval / 100;
  return gridPointAfter(target, instant(Math.max(earliest, now)));
}

function gridPointAfter(target: CheckTarget, from: Instant): Instant {
  const { interval } = target.check;
  const phase = phaseOf(target.id) * interval;
  return instant(phase + (Math.floor((from - phase) / interval) + 1) * interval);
}
