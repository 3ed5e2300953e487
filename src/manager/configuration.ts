/** The configuration file as bytes on disk and as what it means. */
import { createHash } from 'node:crypto';
import { type Answers, noted } from '../conf/answers.ts';
import { readEnvironment } from '../conf/environment.ts';
import { MAX_LENGTH } from '../conf/text.ts';
import type { Config } from '../model/config.ts';
import type { Problem } from '../model/problem.ts';
import { readRegularFile } from '../sys/regular-file.ts';
import type { KeptConfiguration } from './kept-configuration.ts';

export interface LoadedConfiguration {
  /** undefined when the file cannot be used; `problems` says why. */
  readonly config: Config | undefined;
  readonly problems: readonly Problem[];
  /** SHA-256 of the bytes, in hexadecimal. */
  readonly digest: string;
  /** What it was held against; undefined: it was not read anew. */
  readonly answers?: Answers;
}

/**
 * Never rejects: a file that cannot be read is a problem like any other. `kept` may know what it means already. What
 * reads a file is loaded when one is to be read: that takes as long as the rest of the program.
 */
export async function loadFile(file: string, kept?: KeptConfiguration): Promise<LoadedConfiguration> {
  let bytes: Uint8Array;
  try {
    bytes = readRegularFile(file, MAX_LENGTH);
  } catch (cause) {
    const message = `cannot read the configuration: ${whyUnread(cause as NodeJS.ErrnoException)}`;
    const problem: Problem = { severity: 'error', file, line: 1, column: 1, message };
    return { config: undefined, problems: [problem], digest: '' };
  }
  const digest = digestOf(bytes);
  const known = kept?.find(file, digest, readEnvironment());
  return known === undefined ? await load(bytes, file) : { ...known, digest };
}

const whyUnread = ({ code, message }: NodeJS.ErrnoException): string =>
  code === 'ENOENT' ? 'there is no such file: write it, or name another by --config' : message;

/** The same for a text that is not on disk, or not yet. */
export const loadText = (text: string, file: string): Promise<LoadedConfiguration> => load(text, file);

async function load(input: string | Uint8Array, file: string): Promise<LoadedConfiguration> {
  const { loadConfig } = await import('../conf/load.ts');
  const { environment, answers } = noted(readEnvironment());
  return { ...loadConfig(input, file, environment), digest: digestOf(input), answers };
}

const digestOf = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');
