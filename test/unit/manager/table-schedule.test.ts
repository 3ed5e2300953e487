/** When the table is read again. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { TableSchedule } from '../../../src/manager/table-schedule.ts';
import { instant, milliseconds } from '../../../src/model/units.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** How long it rests after a table that took `cost` milliseconds to read. */
function restAfter(cost: number, again = false): number {
  const begun = performance.now();
  let rest = Number.NaN;
  const schedule = new TableSchedule({
    clock: () => instant(performance.now()),
    isAwaited: () => false,
    onVerify: () => {
      rest = performance.now() - begun;
    },
    onLook: () => undefined,
  });
  schedule.verified(again, milliseconds(cost));
  vi.advanceTimersByTime(3_600_000);
  schedule.close();
  return rest;
}

it('is soon where something may succeed then, and every ten seconds otherwise', () => {
  expect(restAfter(20)).toBe(10_000);
  expect(restAfter(20, true)).toBe(1_000);
});

it('rests ten times as long as a long table takes, in which nobody is answered', () => {
  expect(restAfter(6_000)).toBe(60_000);
  expect(restAfter(6_000, true)).toBe(60_000);
});
