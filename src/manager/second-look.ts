/**
 * After a start the file is read once more when all is at rest, and what a reload would change is worked out, with
 * nothing done: the first reload then finds its code loaded and warm, as every later one does. Where the start took the
 * configuration as a former process had read it, a copy that says something else is found so within seconds.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../model/config.ts';
import type { Log } from '../model/messages.ts';
import { type LoadedConfiguration, loadFile } from './configuration.ts';

/** In milliseconds: by then the table is there, and the elections are over; its first verification is yet to come. */
const DELAY = 5_000;

export interface SecondLook {
  readonly file: string;
  readonly inForce: () => LoadedConfiguration;
  readonly log: Log;
  /** Works out what a reload with it would change, and does none of it. */
  readonly rehearse: (config: Config) => Promise<void>;
  /** Called when the file, unchanged, means something else than what a former process had kept of it. */
  readonly onDifference: () => void;
}

/** Gives what cancels it. Once a reload has come there is nothing to look at any more. */
export function lookAgainSoon({ file, inForce, log, rehearse, onDifference }: SecondLook): () => void {
  const cancelled = new AbortController();
  const taken = inForce();
  const isOver = (): boolean => cancelled.signal.aborted || inForce() !== taken;
  const look = async (): Promise<void> => {
    if (isOver()) return;
    const read = await loadFile(file);
    if (isOver() || read.config === undefined) return;
    await rehearse(read.config);
    if (isOver() || !differs(taken, read)) return;
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
const differs = (taken: LoadedConfiguration, read: LoadedConfiguration): boolean =>
  taken.answers === undefined &&
  read.digest === taken.digest &&
  !isDeepStrictEqual(read.config, taken.config);
