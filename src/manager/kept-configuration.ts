/**
 * The configuration as it was read last, kept in the state directory: a restart, or a reboot, need not read and judge
 * ten thousand real servers again before the first of them is in the table.
 *
 * It stands for the file only where nothing that the reading depends on has changed: the file's bytes and name, every
 * answer of the machine (`conf/answers.ts`), the build of this program, and Node. Whatever else stands in its place,
 * whole or torn, costs the time of reading the file and nothing more. It holds the file's passwords, so it is for its
 * owner's eyes alone, taken from nobody else, and removed where it is not what the file says any more.
 */
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { type Answers, areStillTrue } from '../conf/answers.ts';
import type { Environment } from '../conf/environment.ts';
import type { Config } from '../model/config.ts';
import type { Problem } from '../model/problem.ts';
import { makeDirectory, removeFile } from '../sys/directory.ts';
import { readOwnFile } from '../sys/regular-file.ts';

/** What was read of which file. */
export interface ReadConfiguration {
  readonly file: string;
  /** SHA-256 of the file's bytes, in hexadecimal. */
  readonly digest: string;
  readonly answers: Answers;
  readonly config: Config;
  readonly problems: readonly Problem[];
}

type Meaning = Pick<ReadConfiguration, 'config' | 'problems'>;

const NAME = 'configuration.kept';
/** Ten times what the longest file comes to, in bytes. */
const SIZE_LIMIT = 64 * 1024 * 1024;
const SHA256_BYTES = 32;
/** In milliseconds: what follows a start or a reload comes first. */
const DELAY = 2_000;

/** Written by the build (test/support/bundle.ts): another for every other program. undefined: this is not compiled. */
export function readBuild(): string | undefined {
  try {
    return readFileSync(join(import.meta.dirname, 'build'), 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}

export class KeptConfiguration {
  readonly #directory: string;
  readonly #path: string;
  readonly #build: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** Without a `build` nothing is kept, since nobody could tell what it was read by. */
  constructor(directory: string, build = readBuild()) {
    this.#directory = directory;
    this.#path = join(directory, NAME);
    this.#build = build;
  }

  /**
   * What reading the file, whose bytes have this digest, would give; undefined: not known, and what was kept is removed.
   * Never throws.
   */
  find(file: string, digest: string, environment: Environment): Meaning | undefined {
    if (this.#build === undefined) return undefined;
    const found = this.#find(file, digest, environment);
    if (found === undefined) this.drop();
    return found;
  }

  #find(file: string, digest: string, environment: Environment): Meaning | undefined {
    try {
      const bytes = readOwnFile(this.#path, SIZE_LIMIT);
      const content = bytes.subarray(SHA256_BYTES);
      if (!this.#seal(file, digest, content).equals(bytes.subarray(0, SHA256_BYTES))) return undefined;
      const { answers, config, problems } = deserialize(content) as ReadConfiguration;
      return areStillTrue(answers, environment) ? { config, problems } : undefined;
    } catch {
      return undefined;
    }
  }

  /** Removes what is kept, or was to be: a password that is no longer the file's stays nowhere. Never throws. */
  drop(): void {
    clearTimeout(this.#timer);
    removeFile(this.#path);
  }

  /** Keeps it, when the more urgent is done. A disk that refuses costs a later start some time. */
  keepSoon(read: ReadConfiguration): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.keep(read), DELAY).unref();
  }

  /** As `keepSoon`, now. */
  keep(read: ReadConfiguration): void {
    if (this.#build === undefined) return;
    const fresh = `${this.#path}.new`;
    try {
      const content = serialize(read);
      makeDirectory(this.#directory);
      // One that is there would keep its rights.
      rmSync(fresh, { force: true });
      const bytes = Buffer.concat([this.#seal(read.file, read.digest, content), content]);
      writeFileSync(fresh, bytes, { mode: 0o600, flag: 'wx' });
      renameSync(fresh, this.#path);
    } catch {
      // The next start reads the file itself. Where the disk is full, what is left belongs to what must be remembered.
      removeFile(fresh);
      this.drop();
    }
  }

  /** Over the content and all that it depends on but the machine's answers, which are in it. */
  #seal(file: string, digest: string, content: Uint8Array): Buffer {
    const what = JSON.stringify([this.#build, process.version, file, digest]);
    return createHash('sha256').update(what).update(content).digest();
  }
}
