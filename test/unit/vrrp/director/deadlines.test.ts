import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Instant, instant } from '../../../../src/model/units.ts';
import { Deadlines } from '../../../../src/vrrp/director/deadlines.ts';

const change = fc.record({
  owner: fc.integer({ min: 0, max: 9 }),
  at: fc.option(fc.integer({ min: 0, max: 50 }).map(instant), { nil: undefined }),
});

describe('deadlines', () => {
  it('name the earliest, and all that are due, however often they were set', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 200 }), fc.integer({ min: 0, max: 50 }), (changes, now) => {
        const deadlines = new Deadlines<number>();
        const expected = new Map<number, Instant>();
        for (const { owner, at } of changes) {
          deadlines.set(owner, at);
          if (at === undefined) expected.delete(owner);
          else expected.set(owner, at);
          const earliest = expected.size === 0 ? undefined : Math.min(...expected.values());
          expect(deadlines.next).toBe(earliest);
        }
        const due = [...expected].filter(([, at]) => at <= now).map(([owner]) => owner);
        expect([...deadlines.due(instant(now))].sort()).toEqual(due.sort());
      }),
    );
  });

  it('forget nobody who is due until he is set anew', () => {
    const deadlines = new Deadlines<string>();
    deadlines.set('a', instant(1));
    expect(deadlines.due(instant(2))).toEqual(['a']);
    expect(deadlines.due(instant(2))).toEqual(['a']);
    deadlines.set('a', instant(3));
    expect(deadlines.due(instant(2))).toEqual([]);
    expect(deadlines.next).toBe(3);
  });
});
