/** Waiting for answers of others, for a process that may stand still meanwhile. */
import type { Milliseconds } from '../model/units.ts';

/**
 * Calls `over` after `time`, and not before what has arrived by then has been read: whoever stood still wakes up with
 * the time over, and the answers that came in time unread. Gives what calls it off.
 */
export function afterHearing(time: Milliseconds, over: () => void): () => void {
  let reading: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => {
    // Node's loop reads between its timers and its immediates.
    reading = setImmediate(over);
  }, time);
  return () => {
    clearTimeout(timer);
    clearImmediate(reading);
  };
}
