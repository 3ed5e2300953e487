import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseDuration } from '../../../src/conf/duration.ts';
import { durationText, milliseconds } from '../../../src/model/units.ts';

test.each([
  ['1s', 1000],
  ['100ms', 100],
  ['1.5s', 1500],
  ['2m', 120_000],
  ['1h', 3_600_000],
  ['40.95s', 40_950],
  ['0.001s', 1],
  ['0.5ms', 0.5],
  ['0s', 0],
])('%s is %d ms', (text, value) => {
  expect(parseDuration(text)).toBe(value);
});

test.each(['', '1', '1 s', 's', '-1s', '1S', '1e3s', '.5s', '1.s', '1s1s', '1d', 'Infinitys', '9999999999s'])(
  '%j is no duration',
  (text) => {
    expect(parseDuration(text)).toBeUndefined();
  },
);

test('what is written is read back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000_000 }), (value) => {
      expect(parseDuration(durationText(milliseconds(value)))).toBe(value);
    }),
  );
});

test.each([
  [0.5, '0.5ms'],
  [999, '999ms'],
  [1500, '1.5s'],
  [90_000, '90s'],
  [2000, '2s'],
  [60_000, '1m'],
  [0, '0ms'],
])('%d ms is written %s', (value, text) => {
  expect(durationText(milliseconds(value))).toBe(text);
});
