/** How long others may take, by the time in which this process was there to hear of them. */
import type { Milliseconds } from '../model/units.ts';

/** In ms: how much of the time a standstill may cost at most. */
const LONGEST_SLICE = 1_000;
const FEWEST_SLICES = 5;
/** In ms: so late does any busy machine run a timer. */
const USUAL_DELAY = 200;

/**
 * Calls `run` once when `limit` has passed, and what came in until then has been heard: Node runs timers first, so
 * that, where this process stood still (a paused machine, one out of memory), a plain timer would end the wait for what
 * has long been there. The time in which it stood still is left out: those that are waited for mostly stood still, too.
 * Gives what takes it back, which is harmless afterwards.
 */
export function patiently(limit: Milliseconds, run: () => void): () => void {
  let left = Math.max(FEWEST_SLICES, Math.ceil(limit / LONGEST_SLICE));
  // Node cuts fractions off, of one slice after the other.
  const slice = Math.ceil(limit / left);
  let wasLate = false;
  let timer: NodeJS.Timeout | undefined;
  let turn: NodeJS.Immediate | undefined;
  const wait = (): void => {
    const from = performance.now();
    timer = setTimeout(() => {
      // Of two that are late one counts: a process that hardly ever runs has its limits all the same.
      wasLate = !wasLate && performance.now() - from > slice + Math.max(slice, USUAL_DELAY);
      if (!wasLate) left--;
      if (left > 0) wait();
      else turn = setImmediate(run);
    }, slice);
  };
  wait();
  return () => {
    clearTimeout(timer);
    clearImmediate(turn);
  };
}
