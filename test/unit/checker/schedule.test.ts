import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { firstStart, nextStart, phaseOf } from '../../../src/checker/schedule.ts';
import { instant, milliseconds } from '../../../src/model/units.ts';
import { TCP, target } from './targets.ts';

const INTERVAL = 3000;
const NOW = instant(123_456_789.25);
const named = (id: string, interval = INTERVAL) =>
  target(80, { ...TCP, interval: milliseconds(interval) }, id);
const many = Array.from({ length: 1000 }, (_, i) => named(`10.1.${i >> 8}.${i & 255}:80 tcp`));

describe('the schedule', () => {
  test('spreads targets evenly over the interval', () => {
    const tenths = Array<number>(10).fill(0);
    for (const { id } of many) {
      const tenth = Math.floor(phaseOf(id) * 10);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
    // 100 each on average, with a standard deviation of 9.5; the ids are fixed, so this is no matter of luck.
    expect(Math.min(...tenths)).toBeGreaterThan(60);
    expect(Math.max(...tenths)).toBeLessThan(140);
  });

  test('probes targets without health at once, a thousand a second at most', () => {
    const alone = firstStart(named('a'), NOW, false, 1);
    expect(alone - NOW).toBeGreaterThanOrEqual(0);
    expect(alone - NOW).toBeLessThan(1);
    const starts = many.map((one) => firstStart(one, NOW, false, many.length) - NOW);
    expect(Math.max(...starts)).toBeLessThan(1000);
    expect(Math.max(...starts)).toBeGreaterThan(900);
    expect(firstStart(named('a', 100), NOW, false, 5000) - NOW).toBeLessThan(100);
  });

  test('a target with a known health keeps to its grid, so a restart of the checker moves nothing', () => {
    const one = named('a');
    const start = firstStart(one, NOW, true, 1000);
    expect(start).toBeGreaterThan(NOW);
    expect(start - NOW).toBeLessThanOrEqual(INTERVAL);
    const later = instant(nextStart(one, start, start) - 1);
    expect(firstStart(one, later, true, 7)).toBeCloseTo(start + INTERVAL, 5);
  });

  test('follows the previous start, so late timers do not add up', () => {
    const one = named('a');
    const first = firstStart(one, NOW, true, 1);
    let due = first;
    for (let i = 0; i < 100_000; i++) due = nextStart(one, due, instant(due + 17.3));
    expect(due - first).toBeCloseTo(100_000 * INTERVAL, 3);
  });

  test('skips what passed while a probe ran, and makes nothing up', () => {
    const one = named('a');
    const first = firstStart(one, NOW, true, 1);
    expect(nextStart(one, first, instant(first + 2.5 * INTERVAL)) - first).toBeCloseTo(3 * INTERVAL, 5);
  });

  test('the next start is ahead, and no more than an interval away', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.integer({ min: 10, max: 3_600_000 }),
        fc.double({ min: 0, max: 1e12, noNaN: true }),
        (id, interval, at) => {
          const one = named(id, interval);
          const next = nextStart(one, instant(at), instant(at + 0.1));
          expect(next).toBeGreaterThan(at);
          expect(next).toBeLessThan(at + 1.01 * interval + 0.2);
          expect(nextStart(one, next, next) - next).toBeCloseTo(interval, 2);
        },
      ),
    );
  });
});
