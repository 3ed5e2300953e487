import { describe, expect, it } from 'vitest';
import { TableTurns } from '../../../src/manager/table-turns.ts';
import type { Steps } from '../../../src/model/steps.ts';

/** Pauses at each rest. */
function* long(rests: number, onRest: () => void = () => undefined, result = 'done'): Steps<string> {
  for (let i = 0; i < rests; i++) {
    const end = performance.now() + 25;
    while (performance.now() < end);
    onRest();
    yield;
  }
  return result;
}

const short = (): Steps<string> => long(0, undefined, 'short');

describe('work on the table', () => {
  it('is done at once where nothing is under way, and else in its turn', async () => {
    const turns = new TableTurns();
    const order: string[] = [];
    expect(turns.take(short)).toBe('short');
    const first = turns.take(() => long(3, () => order.push('first')));
    expect(turns.busy).toBe(true);
    const second = () => {
      order.push('second');
      return short();
    };
    expect(await Promise.all([first, turns.take(second)])).toEqual(['done', 'short']);
    expect(order).toEqual(['first', 'first', 'first', 'second']);
    expect(turns.busy).toBe(false);
  });

  it('that only looks gives way to whoever comes, but not for ever', async () => {
    const turns = new TableTurns();
    const look = () => turns.take(() => turns.interruptible(long(3), true));
    const outcomes: unknown[] = [];
    for (let i = 0; i < 4; i++) {
      const looking = look();
      expect(await turns.take(short)).toBe('short');
      outcomes.push(await looking);
    }
    expect(outcomes).toEqual([undefined, undefined, undefined, 'done']);
  });

  it('that must not be left half done gives way to nobody', async () => {
    const turns = new TableTurns();
    function* thorough(): Steps<string> {
      yield* turns.interruptible(long(1), true);
      return yield* long(2);
    }
    const first = turns.take(thorough);
    // The look has ended by then.
    await new Promise((resolve) => setTimeout(resolve, 0));
    await new Promise((resolve) => setTimeout(resolve, 0));
    const second = turns.take(short);
    expect(await Promise.all([first, second])).toEqual(['done', 'short']);
  });

  it('ends before the last that is done with the table', async () => {
    const turns = new TableTurns();
    const order: string[] = [];
    const work = turns.take(() => long(3, () => order.push('work')));
    await turns.close(() => order.push('last'));
    expect(order).toEqual(['work', 'work', 'work', 'last']);
    expect(await work).toBe('done');
    const looking = new TableTurns();
    const look = looking.take(() => looking.interruptible(long(1_000), false));
    await looking.close(() => undefined);
    expect(await look).toBeUndefined();
  });
});
