import { describe, expect, it } from 'vitest';
import { Timeline } from '../../faults/timeline.ts';

/** a holds it from 0, b from 2,000 to 5,000, a no longer from 3,000 on. */
function takenOver(): Timeline {
  const timeline = new Timeline();
  timeline.record('a', 'holds', true, 0);
  timeline.record('b', 'holds', false, 0);
  timeline.record('b', 'holds', true, 2_000);
  timeline.record('a', 'holds', false, 3_000);
  timeline.record('b', 'holds', false, 5_000);
  return timeline;
}

describe('ownership', () => {
  it('sums up the time with two owners and with none', () => {
    expect(takenOver().ownership(1_000, 7_000)).toEqual({ twoOwners: 1, noOwner: 2, moves: 1, owners: [] });
  });

  it('counts no more than what is asked for', () => {
    expect(takenOver().ownership(2_250, 2_500)).toEqual({
      twoOwners: 0.25,
      noOwner: 0,
      moves: 0,
      owners: ['a', 'b'],
    });
  });

  it('sorts what came late by its own time', () => {
    const timeline = takenOver();
    timeline.record('a', 'runs', false, 1_500);
    expect(timeline.ownership(1_000, 4_000)).toMatchObject({ twoOwners: 0, noOwner: 0.5, moves: 1 });
  });

  it('is nothing while a machine does not run, and comes back with it', () => {
    const timeline = new Timeline();
    timeline.record('a', 'holds', true, 0);
    timeline.record('a', 'runs', false, 1_000);
    timeline.record('a', 'runs', true, 3_000);
    expect(timeline.ownership(0, 4_000)).toEqual({ twoOwners: 0, noOwner: 2, moves: 0, owners: ['a'] });
  });
});
