/** One at a time: the units of two VIPs start at once when a host boots. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeDirectory } from '../sys/directory.ts';
import { tryFileLock } from '../sys/file-lock.ts';

const INTERVAL_MS = 50;
/** Longer than several others take, each of whom loads modules. */
const PATIENCE_MS = 60_000;

/**
 * Throws when another is at work for longer than a minute, or `directory` cannot be made; else what `work` gives or
 * throws.
 */
export async function alone<Result>(
  directory: string,
  work: () => Result | Promise<Result>,
): Promise<Result> {
  makeDirectory(directory);
  const file = join(directory, 'lock');
  for (let waited = 0; waited < PATIENCE_MS; waited += INTERVAL_MS) {
    const lock = tryFileLock(file);
    if (lock === undefined) {
      await delay(INTERVAL_MS);
      continue;
    }
    try {
      return await work();
    } finally {
      lock.release();
    }
  }
  throw new Error(
    `another vipward realserver is at work for more than ${PATIENCE_MS / 1000} seconds: fuser ${file} tells which; end it`,
  );
}
