/** What every kind of probe shares: the attempt with its deadline, the verdict, and waiting for one of several ends. */
import type { CheckResult, CheckTarget } from '../model/check.ts';
import type { Instant } from '../model/units.ts';
import type { Time } from './time.ts';

/** A result without its times. */
export type Verdict = Pick<CheckResult, 'good' | 'code' | 'text'>;

/** One probe of one target, under way. */
export interface Attempt {
  readonly target: CheckTarget;
  readonly time: Time;
  readonly started: Instant;
  /** When the whole probe must have its verdict. */
  readonly deadline: Instant;
  /** Aborted when nobody wants the result any more. */
  readonly signal: AbortSignal;
}

/** One kind of check. Settles by the deadline; rejects with the signal's reason when aborted. Leaves nothing open. */
export type ProbeKind = (attempt: Attempt) => Promise<Verdict>;

/** One stage of a probe: what it reached, or the verdict that ends the probe. */
export type Stage<T> =
  | { readonly reached: true; readonly value: T }
  | { readonly reached: false; readonly verdict: Verdict };

export const reached = <T>(value: T): Stage<T> => ({ reached: true, value });
export const failed = (verdict: Verdict): Stage<never> => ({ reached: false, verdict });
export const bad = (code: CheckResult['code'], text: string): Verdict => ({ good: false, code, text });

/**
 * The first of three ends: `start` calls its argument, `due` passes (the value of `late` then), or the attempt is
 * aborted (rejects with the signal's reason). Whatever `start` reports afterwards is ignored.
 */
export function within<T>(
  attempt: Attempt,
  due: Instant,
  late: () => T,
  start: (done: (value: T) => void) => void,
): Promise<T> {
  const { time, signal } = attempt;
  return new Promise<T>((resolve, reject) => {
    const release = (): void => {
      cancel();
      signal.removeEventListener('abort', abort);
    };
    const done = (value: T): void => {
      release();
      resolve(value);
    };
    const abort = (): void => {
      release();
      reject(signal.reason);
    };
    const cancel = time.at(due, () => done(late()));
    signal.addEventListener('abort', abort);
    if (signal.aborted) {
      abort();
      return;
    }
    try {
      start(done);
    } catch (error) {
      release();
      reject(error);
    }
  });
}
