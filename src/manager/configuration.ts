/** The configuration file as bytes on disk and as what it means. */
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { readEnvironment } from '../conf/environment.ts';
import { loadConfig } from '../conf/load.ts';
import { MAX_LENGTH } from '../conf/text.ts';
import type { Config } from '../model/config.ts';
import type { Problem } from '../model/problem.ts';

export interface LoadedConfiguration {
  /** undefined when the file cannot be used; `problems` says why. */
  readonly config: Config | undefined;
  readonly problems: readonly Problem[];
  /** SHA-256 of the bytes, in hexadecimal. */
  readonly digest: string;
}

/** Never throws: a file that cannot be read is a problem like any other. */
export function loadFile(file: string): LoadedConfiguration {
  let bytes: Uint8Array;
  try {
    bytes = readRegularFile(file);
  } catch (cause) {
    const message = `cannot read the configuration: ${(cause as Error).message}`;
    const problem: Problem = { severity: 'error', file, line: 1, column: 1, message };
    return { config: undefined, problems: [problem], digest: '' };
  }
  return { ...loadConfig(bytes, file, readEnvironment()), digest: digestOf(bytes) };
}

/**
 * The bytes of the file. Throws for whatever else the name stands for: a pipe that nobody writes to, or a device that
 * never ends, would stop the manager for ever.
 */
function readRegularFile(file: string): Uint8Array {
  // Nonblocking, since the mere opening of a pipe waits for a writer; it means nothing for a file.
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const about = fstatSync(fd);
    if (about.isDirectory()) throw new Error(`${file} is a directory`);
    if (!about.isFile()) throw new Error(`${file} is a pipe or a device, not a file`);
    if (about.size > MAX_LENGTH) {
      throw new Error(`${file} has ${about.size} bytes: a configuration has at most ${MAX_LENGTH}`);
    }
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The same for a text that is not on disk, or not yet. */
export const loadText = (text: string, file: string): LoadedConfiguration => ({
  ...loadConfig(text, file, readEnvironment()),
  digest: digestOf(text),
});

export const isError = (problem: Problem): boolean => problem.severity === 'error';

const digestOf = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');
