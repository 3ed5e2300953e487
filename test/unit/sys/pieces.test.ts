import { describe, expect, it } from 'vitest';
import { eachOf, PIECE, type Steps } from '../../../src/model/steps.ts';
import { answered, inPieces } from '../../../src/sys/pieces.ts';

/** Busy for so many milliseconds before each of its rests, until `rests` are over. */
function* busy(rests: number, each: number, onEnd: () => void = () => undefined): Steps<string> {
  try {
    for (let i = 0; i < rests; i++) {
      const end = performance.now() + each;
      while (performance.now() < end);
      yield;
    }
    return 'done';
  } finally {
    onEnd();
  }
}

describe('long work in pieces', () => {
  it('is done when its call returns where it never rests', () => {
    const few = Array.from({ length: PIECE - 1 }, (_, i) => i);
    let sum = 0;
    const steps = eachOf(few, (each) => {
      sum += each;
    });
    expect(inPieces(steps)).toBeUndefined();
    expect(sum).toBe(((PIECE - 2) * (PIECE - 1)) / 2);
  });

  it('lets others have their turn, again and again', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const answer = inPieces(busy(12, 10));
    expect(answer).toBeInstanceOf(Promise);
    expect(await answer).toBe('done');
    clearInterval(timer);
    // Two pieces of 10 ms at the most between two turns; a slower machine rests more often.
    expect(turns).toBeGreaterThanOrEqual(4);
  });

  it('ends where nobody wants it any more, and cleans up', async () => {
    let wanted = true;
    let ended = 0;
    const answer = inPieces(
      busy(1_000_000, 1, () => void ended++),
      () => wanted,
    );
    wanted = false;
    expect(await answer).toBeUndefined();
    expect(ended).toBe(1);
  });

  it('that fails says so, before its first pause and after', async () => {
    function* failing(rests: number): Steps<never> {
      yield* busy(rests, 25);
      throw new Error('no');
    }
    expect(() => inPieces(failing(0))).toThrow('no');
    await expect(inPieces(failing(2))).rejects.toThrow('no');
  });

  it('is used at once where it is there at once', async () => {
    expect(answered(1, (one) => one + 1)).toBe(2);
    expect(await answered(Promise.resolve(1), (one) => one + 1)).toBe(2);
  });
});
