/** What tracked things mean for a priority, and what for being active at all. */
import { describe, expect, it } from 'vitest';
import type { TrackUse, TrackVerdict } from '../../../../src/model/tracking.ts';
import { trackKey } from '../../../../src/model/tracking.ts';
import { effectivePriority, sumUp } from '../../../../src/vrrp/director/tracking.ts';

const use = (weight: number | undefined, changes: Partial<TrackUse> = {}): TrackUse => ({
  kind: 'script',
  name: 'x',
  weight,
  inverse: false,
  ...changes,
});
const verdict = (state: TrackVerdict['state'], changes: Partial<TrackVerdict> = {}): TrackVerdict => ({
  kind: 'script',
  name: 'x',
  state,
  value: 1,
  reason: 'exit code 1',
  ...changes,
});
const told = (...verdicts: readonly TrackVerdict[]) =>
  new Map(verdicts.map((each) => [trackKey(each), each]));

describe('a tracked thing with a weight', () => {
  it.each([
    [20, 'up', false, 20],
    [20, 'down', false, 0],
    [-20, 'up', false, 0],
    [-20, 'down', false, -20],
    [20, 'up', true, 0],
    [20, 'down', true, 20],
    [-20, 'up', true, -20],
    [20, 'unknown', false, 0],
    [-20, 'unknown', false, 0],
  ] as const)('of %i that is %s (inverse: %s) adds %i', (weight, state, inverse, expected) => {
    expect(sumUp([use(weight, { inverse })], told(verdict(state)))).toEqual({
      weight: expected,
      faults: [],
      unknown: [],
    });
  });

  it('counts the number that a file holds', () => {
    const file = use(-2, { kind: 'file' });
    const of = (value: number, state: 'up' | 'down' = 'up') => told(verdict(state, { kind: 'file', value }));
    expect(sumUp([file], of(7)).weight).toBe(-14);
    expect(sumUp([file], of(-7)).weight).toBe(14);
    expect(sumUp([{ ...file, inverse: true }], of(7)).weight).toBe(14);
    expect(sumUp([file], of(7, 'down'))).toEqual({ weight: 0, faults: [], unknown: [] });
    expect(sumUp([file], of(127))).toEqual({ weight: 0, faults: ['file x: exit code 1'], unknown: [] });
  });

  it('adds up with the others', () => {
    const verdicts = told(verdict('up'), verdict('down', { name: 'y' }));
    expect(sumUp([use(20), use(-50, { name: 'y' }), use(3, { name: 'z' })], verdicts).weight).toBe(-30);
  });
});

describe('a tracked thing without a weight', () => {
  it.each([
    ['up', false, [], []],
    ['down', false, ['script x: exit code 1'], []],
    ['up', true, ['script x (inverse): exit code 1'], []],
    ['down', true, [], []],
    ['unknown', false, [], ['script x has not been looked at yet']],
  ] as const)('that is %s (inverse: %s)', (state, inverse, faults, unknown) => {
    expect(sumUp([use(undefined, { inverse })], told(verdict(state)))).toEqual({
      weight: 0,
      faults,
      unknown,
    });
  });

  it.each([
    ['up', 0, false, true],
    ['up', 3, false, false],
    ['up', 0, true, false],
    ['up', 3, true, true],
    ['down', 0, false, false],
  ] as const)(
    'that is a file, %s, with %i in it (inverse: %s): fine is %s',
    (state, value, inverse, fine) => {
      const file = use(undefined, { kind: 'file', inverse });
      const { faults } = sumUp([file], told(verdict(state, { kind: 'file', value })));
      expect(faults.length === 0).toBe(fine);
    },
  );

  it('that nobody has spoken of is unknown', () => {
    expect(sumUp([use(undefined)], told()).unknown).toEqual(['script x has not been looked at yet']);
  });
});

describe('the priority in force', () => {
  it.each([
    [100, 20, 120],
    [100, 200, 254],
    [100, -200, 1],
    [255, -200, 255],
    [254, 1, 254],
  ])('of %i with %i is %i', (base, weight, expected) => {
    expect(effectivePriority(base, weight)).toBe(expected);
  });
});
