/** The clock of a process that stands still now and then. */
import { expect, it } from 'vitest';
import { createAwakeClock } from '../../../src/checker/awake.ts';
import { instant, milliseconds } from '../../../src/model/units.ts';

function setUp() {
  let now = 5_000;
  const clock = createAwakeClock(() => instant(now), milliseconds(200));
  /** The clock's own time after `duration` during which nobody looked at it. */
  const lookAfter = (duration: number): number => {
    now += duration;
    return clock.now();
  };
  const pass = (duration: number): void => {
    now += duration;
  };
  return { clock, lookAfter, pass };
}

it('goes with the other clock as long as it is looked at in time', () => {
  const { clock, lookAfter } = setUp();
  expect([lookAfter(0), lookAfter(100), lookAfter(200)]).toEqual([5_000, 5_100, 5_300]);
  expect(clock.standstills()).toBe(0);
});

it('leaves out what a standstill took, but for the longest time between two looks', () => {
  const { clock, lookAfter } = setUp();
  expect([lookAfter(60_000), lookAfter(100)]).toEqual([5_200, 5_300]);
  expect(clock.standstills()).toBe(1);
});

it('goes on for a process that always stands still, so that every limit ends', () => {
  const { clock, lookAfter } = setUp();
  expect([1, 2, 3].map(() => lookAfter(1_000))).toEqual([5_200, 5_400, 5_600]);
  expect(clock.standstills()).toBe(3);
});

it('takes a time in which nobody wanted to know it for no standstill', () => {
  const { clock, lookAfter, pass } = setUp();
  pass(60_000);
  clock.skip();
  expect(lookAfter(100)).toBe(65_100);
  expect(clock.standstills()).toBe(0);
});
