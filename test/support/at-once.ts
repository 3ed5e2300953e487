import type { Answer } from '../../src/sys/pieces.ts';

/** What small work gives, which never pauses. */
export function atOnce<Result>(answer: Answer<Result>): Result {
  if (answer instanceof Promise) throw new Error('it paused');
  return answer;
}
