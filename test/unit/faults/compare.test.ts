import { describe, expect, it } from 'vitest';
import { type Figures, leaseSeconds, marksOf } from '../../faults/compare.ts';

const figures = (twoOwners: number, noOwner: number, lost: number): Figures => ({
  ...{ fault: 'kill-all', daemon: 'vipward', twoOwners, noOwner, lost },
});

describe('marks', () => {
  it('are none within the tolerance', () => {
    expect(marksOf(figures(0.2, 3.5, 350), figures(0, 3.3, 330), 1_000).size).toBe(0);
  });

  it('tell where vipward is worse', () => {
    const marks = marksOf(figures(0.5, 3.9, 330), figures(0, 3.3, 330), 1_000);
    expect([...marks]).toEqual([
      ['twoOwners', 'worse'],
      ['noOwner', 'worse'],
    ]);
  });

  it('tell of two owners beyond the lease, whatever keepalived does', () => {
    expect([...marksOf(figures(4.1, 0, 0), figures(9, 0, 0), 1_000)]).toEqual([
      ['twoOwners', 'longer than the lease'],
    ]);
    expect([...marksOf(figures(4.1, 0, 0), undefined, 1_000)]).toHaveLength(1);
  });
});

it.each([
  [10, 1],
  [100, 1],
  [200, 2],
  [1_000, 4],
])('the lease at adverts every %d ms is %d s', (interval, seconds) => {
  expect(leaseSeconds(interval)).toBe(seconds);
});
