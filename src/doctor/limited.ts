/** Questions to many hosts: some at a time, and not for ever. */

/** In milliseconds: what one part of the round may take for its questions, whatever is in the file. */
export const BUDGET = 30_000;

/** What `work` gives for each of `items`, in their order; `most` of them are under way at once. */
export const limited = <Item, Result>(
  items: readonly Item[],
  most: number,
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> =>
  limitedUntil(items, most, Number.POSITIVE_INFINITY, work) as Promise<readonly Result[]>;

/** As `limited`. What cannot be begun before `deadline`, by `performance.now`, is not done: undefined. */
export async function limitedUntil<Item, Result>(
  items: readonly Item[],
  most: number,
  deadline: number,
  work: (item: Item) => Promise<Result>,
): Promise<readonly (Result | undefined)[]> {
  const results = Array.from<Result | undefined>({ length: items.length });
  const rest = items.entries();
  const worker = async (): Promise<void> => {
    for (const [i, item] of rest) {
      if (performance.now() >= deadline) return;
      results[i] = await work(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker));
  return results;
}
