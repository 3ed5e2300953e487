import { describe, expect, test } from 'vitest';
import { formatAgo, formatDuration } from '../../../src/cli/format/duration.ts';

describe('durations', () => {
  test.each([
    [-5000, '0ms'],
    [0, '0ms'],
    [3.4, '3ms'],
    [999, '999ms'],
    [999.7, '999ms'],
    [1000, '1s'],
    [59_999, '59s'],
    [60_000, '1m0s'],
    [192_000, '3m12s'],
    [3_600_000, '1h0m'],
    [86_399_000, '23h59m'],
    [277_200_000, '3d5h'],
    [400 * 86_400_000, '400d0h'],
  ])('%d ms is %s', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });

  test('a moment ago, and one that a set-back clock puts into the future, are now', () => {
    expect(formatAgo(10_000, 10_999)).toBe('just now');
    expect(formatAgo(10_000, 5_000)).toBe('just now');
    expect(formatAgo(10_000, 12_000)).toBe('2s ago');
  });
});
