/** What follows from a thing alone is worked out once, however often it is asked for. */

/**
 * `work`, done once for each item, by its identity. Definitions that a new file has in common with the one before are
 * the same objects (`conf/validate.ts`): of a thousand services that are read again because one has another weight, only
 * that one is looked at. What is given is shared, so neither it nor the item may be changed.
 */
export function onceForEach<Item extends object, Result extends object | boolean>(
  work: (item: Item) => Result,
): (item: Item) => Result {
  const done = new WeakMap<Item, Result>();
  return (item) => {
    const before = done.get(item);
    if (before !== undefined) return before;
    const result = work(item);
    done.set(item, result);
    return result;
  };
}
