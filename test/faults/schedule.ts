/** Runs work side by side as far as this machine carries it. */

export interface Work<T> {
  /** Of the machine's capacity. */
  readonly load: number;
  run(): Promise<T>;
}

/** Results in the order of `works`; starts them in that order, each as soon as there is room for it. */
export async function runAll<T>(works: readonly Work<T>[], capacity: number): Promise<readonly T[]> {
  const results: Promise<T>[] = [];
  const running = new Set<Promise<unknown>>();
  let used = 0;
  for (const { load, run } of works) {
    const own = Math.min(load, capacity);
    while (used + own > capacity) await Promise.race(running);
    used += own;
    const result = run();
    const ended = result.then(
      () => undefined,
      () => undefined,
    );
    running.add(ended);
    void ended.then(() => {
      used -= own;
      running.delete(ended);
    });
    results.push(result);
  }
  return await Promise.all(results);
}
