import type { Log, LogLevel } from '../../model/messages.ts';
import { type Clock, elapsed, type Instant, type Milliseconds } from '../../model/units.ts';

/** Logs what may happen thousands of times a second: once for each `key` and interval, with the number left out. */
export type ThrottledLog = (
  key: string,
  level: LogLevel,
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;

/** The first of a kind is logged at once. `keys` are a fixed few: names of ours, never a peer's words. */
export function throttle(log: Log, now: Clock, interval: Milliseconds): ThrottledLog {
  const last = new Map<string, { at: Instant; suppressed: number }>();
  return (key, level, message, fields = {}) => {
    const at = now();
    const seen = last.get(key);
    if (seen !== undefined && elapsed(seen.at, at) < interval) {
      seen.suppressed++;
      return;
    }
    last.set(key, { at, suppressed: 0 });
    const suppressed = seen?.suppressed ?? 0;
    log(level, message, suppressed > 0 ? { ...fields, suppressed } : fields);
  };
}
