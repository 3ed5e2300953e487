/**
 * After a start that took the configuration as a former process had read it, the file itself is read once all is at
 * rest: a copy that says something else is found within seconds, and the first reload has less left to load.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Log } from '../model/messages.ts';
import { type LoadedConfiguration, loadFile } from './configuration.ts';

/** In milliseconds: by then the table is there, and the elections are over. */
const DELAY = 10_000;

/** `onDifference` is called when the file, unchanged, means something else than what is in force. Gives what cancels it. */
export function lookAgainSoon(
  file: string,
  inForce: () => LoadedConfiguration,
  log: Log,
  onDifference: () => void,
): () => void {
  const cancelled = new AbortController();
  const look = async (): Promise<void> => {
    const taken = inForce();
    // A reload has read the file meanwhile.
    if (taken.answers !== undefined) return;
    const read = await loadFile(file);
    if (cancelled.signal.aborted || !differs(taken, read, inForce())) return;
    log('warn', `${file} means something else than what was kept of it by a former process: it is reloaded`);
    onDifference();
  };
  const timer = setTimeout(() => {
    look().catch((cause: Error) => log('warn', `cannot look at ${file} again: ${cause.message}`));
  }, DELAY).unref();
  return () => {
    clearTimeout(timer);
    cancelled.abort();
  };
}

/** A file that was edited waits for its reload, and one that cannot be read any more costs nothing that works. */
const differs = (taken: LoadedConfiguration, read: LoadedConfiguration, now: LoadedConfiguration): boolean =>
  now === taken &&
  read.digest === taken.digest &&
  read.config !== undefined &&
  !isDeepStrictEqual(read.config, taken.config);
