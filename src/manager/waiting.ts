/** Those who wait for an answer of another process, each for the answer to a question of its own, and not for ever. */
import type { Milliseconds } from '../model/units.ts';
import { patiently } from '../sys/patience.ts';

/** What makes do for an answer; one that throws has the question fail with what it threw. */
export type Instead<Answer> = () => Answer;

interface Question<Answer> {
  answer(answer: Answer): void;
  makeDo(instead: Instead<Answer>): void;
}

/** Open questions, by numbers that are never used twice. */
export class Waiting<Answer> {
  readonly #questions = new Map<number, Question<Answer>>();

  /** Settles with the answer to question `id`; with `late` where none has come within `limit`. */
  for(id: number, limit: Milliseconds, late: Instead<Answer>): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const ended = () => {
      relent();
      this.#questions.delete(id);
    };
    const answer = (value: Answer) => {
      ended();
      resolve(value);
    };
    const makeDo = (instead: Instead<Answer>) => {
      ended();
      try {
        resolve(instead());
      } catch (error) {
        reject(error);
      }
    };
    const relent = patiently(limit, () => makeDo(late));
    this.#questions.set(id, { answer, makeDo });
    return promise;
  }

  /** Answers question `id`; nothing where nobody waits for that, or no longer. */
  answer(id: number, answer: Answer): void {
    this.#questions.get(id)?.answer(answer);
  }

  /** No answers will come, or they need not be waited for: everybody makes do with this. */
  end(instead: Instead<Answer>): void {
    for (const question of [...this.#questions.values()]) question.makeDo(instead);
  }
}
