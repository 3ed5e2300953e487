/** Runs long work (model/steps.ts) in pieces, between which everything else has its turn. */
import { setImmediate } from 'node:timers/promises';
import type { Steps } from '../model/steps.ts';

/** What is there already, or comes. */
export type Answer<Result> = Result | Promise<Result>;

/** Milliseconds that a piece may take. */
const PIECE_TIME = 20;

/**
 * Gives the result itself where the work came to its end before its first pause, as small work always does. `isWanted`
 * is asked after each pause: work that is not wanted any more ends there, with whatever cleans up behind it, and gives
 * undefined.
 */
export function inPieces<Result>(
  steps: Steps<Result>,
  isWanted: () => boolean = () => true,
): Answer<Result | undefined> {
  const first = onePiece(steps);
  return first.done ? first.value : others(steps, isWanted);
}

async function others<Result>(steps: Steps<Result>, isWanted: () => boolean): Promise<Result | undefined> {
  for (;;) {
    await setImmediate();
    if (!isWanted()) {
      steps.return(undefined as never);
      return undefined;
    }
    const piece = onePiece(steps);
    if (piece.done) return piece.value;
  }
}

type Piece<Result> = { readonly done: true; readonly value: Result } | { readonly done: false };

function onePiece<Result>(steps: Steps<Result>): Piece<Result> {
  const begun = performance.now();
  do {
    const { done, value } = steps.next();
    if (done === true) return { done, value };
  } while (performance.now() - begun < PIECE_TIME);
  return { done: false };
}

/** `use` of what is answered, at once where that is there. */
export const answered = <Value, Result>(
  answer: Answer<Value>,
  use: (value: Value) => Result,
): Answer<Result> => (answer instanceof Promise ? answer.then(use) : use(answer));
