import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyResult, isNews } from '../../../src/checker/rise-fall.ts';
import { UNKNOWN_HEALTH } from '../../../src/model/check.ts';
import { result } from './targets.ts';

const GOOD = result('L7OK', 'status 200');
const BAD = result('L7STS', 'status 503, want 200-299');
const OURS = result('CHKERR', 'out of file descriptors (this process)');
const RESULTS = { g: GOOD, b: BAD, c: OURS };

/** `g` good, `b` bad, `c` the checker's own trouble → one letter each: up, down, ? unknown. */
function play(results: string, rise: number, fall: number): string {
  let health = UNKNOWN_HEALTH;
  return [...results]
    .map((letter) => {
      health = applyResult(health, RESULTS[letter as keyof typeof RESULTS], { rise, fall });
      return health.healthy === undefined ? '?' : health.healthy ? 'u' : 'd';
    })
    .join('');
}

describe('rise and fall', () => {
  test.each([
    ['the first result counts alone, good', 'g', 3, 3, 'u'],
    ['the first result counts alone, bad', 'b', 3, 3, 'd'],
    ['fall takes as many bad ones in a row', 'gbbb', 3, 3, 'uuud'],
    ['rise takes as many good ones in a row', 'bggg', 3, 2, 'dddu'],
    ['a result that agrees starts the count anew', 'gbbgbbb', 3, 3, 'uuuuuud'],
    ['and so it does on the way up', 'bggbggg', 3, 3, 'ddddddu'],
    ['one is enough where one is asked for', 'gbgb', 1, 1, 'udud'],
    ['our own trouble is no verdict', 'cccgcccc', 1, 1, '???uuuuu'],
    ['our own trouble neither counts nor interrupts', 'gbcbcb', 1, 3, 'uuuuud'],
  ])('%s', (_name, results, rise, fall, verdicts) => {
    expect(play(results, rise, fall)).toBe(verdicts);
  });

  test('the last result is always shown', () => {
    const up = applyResult(UNKNOWN_HEALTH, GOOD, { rise: 1, fall: 2 });
    expect(applyResult(up, BAD, { rise: 1, fall: 2 })).toEqual({ healthy: true, against: 1, last: BAD });
    expect(applyResult(up, OURS, { rise: 1, fall: 2 })).toEqual({ healthy: true, against: 0, last: OURS });
  });

  test('health changes exactly after rise good or fall bad ones in a row', () => {
    const count = fc.integer({ min: 1, max: 5 });
    const runs = fc.array(fc.constantFrom(GOOD, BAD, OURS), { maxLength: 60 });
    fc.assert(
      fc.property(runs, count, count, (results, rise, fall) => {
        let health = UNKNOWN_HEALTH;
        results.forEach((latest, i) => {
          const before = health;
          health = applyResult(health, latest, { rise, fall });
          expect(health.against).toBeLessThan(Math.max(rise, fall));
          if (before.healthy === undefined || before.healthy === health.healthy) return;
          const counted = results.slice(0, i + 1).filter((one) => one !== OURS);
          const needed = health.healthy === true ? rise : fall;
          expect(counted.slice(-needed).every((one) => one.good === health.healthy)).toBe(true);
        });
      }),
    );
  });

  test('news is what people would see, not the time it took', () => {
    const health = applyResult(UNKNOWN_HEALTH, GOOD, { rise: 1, fall: 2 });
    expect(isNews(UNKNOWN_HEALTH, health)).toBe(true);
    expect(isNews(health, applyResult(health, { ...GOOD, at: 9 }, { rise: 1, fall: 2 }))).toBe(false);
    expect(isNews(health, applyResult(health, BAD, { rise: 1, fall: 2 }))).toBe(true);
    const once = applyResult(health, BAD, { rise: 1, fall: 3 });
    expect(isNews(once, applyResult(once, BAD, { rise: 1, fall: 3 }))).toBe(true);
  });
});
