/**
 * Long work that can pause: a generator that yields wherever it may rest, whoever runs it decides whether it does. A
 * table of 65,535 virtual servers takes seconds to list and to think over, and nobody else must wait for that.
 */

/** Work that gives `Result` at its end. */
export type Steps<Result> = Generator<undefined, Result, undefined>;

/** Items that are worked through between two rests: what is smaller never pauses, and is done when its call returns. */
export const PIECE = 512;

/** Runs it to its end without a pause. */
export function atOnce<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** Calls `use` with each item, with a rest after each `PIECE`. */
export function* eachOf<Item>(items: Iterable<Item>, use: (item: Item, i: number) => void): Steps<void> {
  let count = 0;
  for (const item of items) {
    use(item, count++);
    if (count % PIECE === 0) yield;
  }
}

/** As Array.map, with rests. */
export function* mapped<Item, Result>(
  items: Iterable<Item>,
  use: (item: Item) => Result,
): Steps<readonly Result[]> {
  const results: Result[] = [];
  yield* eachOf(items, (item) => {
    results.push(use(item));
  });
  return results;
}
