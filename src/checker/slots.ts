/** Bounds how much runs at once: first come, first served, so nobody starves. */

/** Takes a task back that has not begun; harmless afterwards. */
export type Withdraw = () => void;

export interface Slots {
  /** Runs `task` now or when a slot is free. The task must not reject. */
  run(task: () => Promise<void>): Withdraw;
}

export function openSlots(limit: number): Slots {
  // A Set keeps the order of insertion and forgets in constant time.
  const waiting = new Set<() => Promise<void>>();
  let busy = 0;
  const next = (): void => {
    for (const task of waiting) {
      if (busy >= limit) return;
      waiting.delete(task);
      busy++;
      void task().finally(() => {
        busy--;
        next();
      });
    }
  };
  return {
    run(task) {
      // A function of its own, so that the same task may wait twice.
      const entry = () => task();
      waiting.add(entry);
      next();
      return () => void waiting.delete(entry);
    },
  };
}
