/** What `work` gives for each of `items`, in their order; `most` of them are under way at once. */
export async function limited<Item, Result>(
  items: readonly Item[],
  most: number,
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += most)
    results.push(...(await Promise.all(items.slice(start, start + most).map(work))));
  return results;
}
