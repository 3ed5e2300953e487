import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deviations, median, quantile, summarize } from '../../bench/statistics.ts';

const some = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1 });

describe('quantile', () => {
  it('is the middle value of an odd number, and halfway between the two of an even number', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  it('sorts by number, not by text', () => expect(median([10, 9, 100])).toBe(10));

  it('interpolates as R and NumPy do', () => {
    expect(quantile([1, 2, 3, 4, 5], 0.9)).toBeCloseTo(4.6, 12);
    expect(quantile([15, 20, 35, 40, 50], 0.4)).toBeCloseTo(29, 12);
  });

  it('refuses what has no quantile', () => {
    expect(() => quantile([], 0.5)).toThrow(RangeError);
    expect(() => quantile([1], 1.1)).toThrow(RangeError);
    expect(() => quantile([1], Number.NaN)).toThrow(RangeError);
  });

  it('leaves the values as they were', () => {
    const values = [3, 1, 2];
    quantile(values, 0.5);
    expect(values).toEqual([3, 1, 2]);
  });

  it('lies within the values, grows with q, and does not depend on their order', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(some, share, share, (values, a, b) => {
        const [low, high] = [quantile(values, Math.min(a, b)), quantile(values, Math.max(a, b))];
        expect(low).toBeGreaterThanOrEqual(Math.min(...values));
        expect(high).toBeLessThanOrEqual(Math.max(...values));
        expect(low).toBeLessThanOrEqual(high + 1e-9 * Math.abs(high));
        expect(quantile(values.toReversed(), a)).toBe(quantile(values, a));
      }),
    );
  });
});

describe('summarize', () => {
  it('gives the figures of a known series', () => {
    const values = Array.from({ length: 101 }, (_, i) => 100 - i);
    expect(summarize(values)).toEqual({ count: 101, minimum: 0, median: 50, p90: 90, p99: 99, maximum: 100 });
  });

  it('knows one value', () => {
    expect(summarize([7])).toEqual({ count: 1, minimum: 7, median: 7, p90: 7, p99: 7, maximum: 7 });
  });
});

describe('deviations', () => {
  it('counts early and late alike', () => expect(deviations([0, 10, 22, 30], 10)).toEqual([0, 2, 2]));
  it('has none for a single time', () => expect(deviations([5], 10)).toEqual([]));
});
