/** The configuration file as bytes on disk and as what it means. */
import { createHash } from 'node:crypto';
import { readEnvironment } from '../conf/environment.ts';
import { loadConfig } from '../conf/load.ts';
import { MAX_LENGTH } from '../conf/text.ts';
import type { Config } from '../model/config.ts';
import type { Problem } from '../model/problem.ts';
import { readRegularFile } from '../sys/regular-file.ts';

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
    bytes = readRegularFile(file, MAX_LENGTH);
  } catch (cause) {
    const message = `cannot read the configuration: ${(cause as Error).message}`;
    const problem: Problem = { severity: 'error', file, line: 1, column: 1, message };
    return { config: undefined, problems: [problem], digest: '' };
  }
  return { ...loadConfig(bytes, file, readEnvironment()), digest: digestOf(bytes) };
}

/** The same for a text that is not on disk, or not yet. */
export const loadText = (text: string, file: string): LoadedConfiguration => ({
  ...loadConfig(text, file, readEnvironment()),
  digest: digestOf(text),
});

export const isError = (problem: Problem): boolean => problem.severity === 'error';

const digestOf = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');
