import type { Milliseconds } from '../../model/units.ts';

/** Resolves after `duration`, or as soon as `signal` aborts; never rejects. */
export function pause(duration: Milliseconds, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = () => {
    clearTimeout(timer);
    signal.removeEventListener('abort', done);
    resolve();
  };
  const timer = setTimeout(done, duration);
  signal.addEventListener('abort', done);
  return promise;
}
