/** Work on the table, one piece of it after the other, however long it takes, while everything else goes on. */
import type { Steps } from '../model/steps.ts';
import { type Answer, answered, inPieces } from '../sys/pieces.ts';

/** How often in a row a verification gives way: somebody who asks all the time must not keep it from its end. */
const MOST_YIELDED = 3;

export class TableTurns {
  #last: Promise<unknown> | undefined;
  /** What is under way only looks, and looks again later if it is told to end. */
  #givesWay = false;
  #isWanted = true;
  #yielded = 0;
  #closed = false;

  /** Whether something is under way. */
  get busy(): boolean {
    return this.#last !== undefined;
  }

  /** Does `work` at once, or after what is under way. Undefined: it was ended before its own end. */
  take<Result>(work: () => Steps<Result>): Answer<Result | undefined> {
    if (this.#last === undefined) return this.#hold(this.#run(work));
    if (this.#givesWay && this.#yielded < MOST_YIELDED) this.#isWanted = false;
    return this.#hold(this.#last.then(() => this.#run(work)));
  }

  /** Of a part of the work under way: it can be ended anywhere, by whoever comes next or by `close`. */
  *interruptible<Result>(steps: Steps<Result>, byOthers: boolean): Steps<Result> {
    this.#givesWay = byOthers;
    this.#isLooking = true;
    try {
      const result = yield* steps;
      if (byOthers) this.#yielded = 0;
      return result;
    } finally {
      this.#givesWay = false;
      this.#isLooking = false;
    }
  }
  #isLooking = false;

  /** Calls `last` when nothing is under way any more. */
  close(last: () => void): Answer<void> {
    this.#closed = true;
    return answered(this.#last, last);
  }

  #run<Result>(work: () => Steps<Result>): Answer<Result | undefined> {
    this.#isWanted = true;
    return inPieces(work(), () => {
      if (this.#closed && this.#isLooking) return false;
      if (this.#isWanted) return true;
      // It has come to what must not be left half done.
      if (!this.#givesWay) return true;
      this.#yielded++;
      return false;
    });
  }

  #hold<Result>(answer: Answer<Result>): Answer<Result> {
    if (!(answer instanceof Promise)) return answer;
    const ended = (): void => {
      if (this.#last === settled) this.#last = undefined;
    };
    const settled: Promise<void> = answer.then(ended, ended);
    this.#last = settled;
    return answer;
  }
}
