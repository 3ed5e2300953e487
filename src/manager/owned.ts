/**
 * Which virtual servers in the kernel's table are ours, remembered across restarts: one that vanished from the file
 * while the daemon was down must still be removed, and one that somebody else made must not.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { makeDirectory } from '../control/directory.ts';
import type { Log } from '../model/messages.ts';
import { readRegularFile } from './regular-file.ts';

const FILE = 'ipvs-owned.json';
/** Room for a hundred thousand virtual servers, in bytes. */
const SIZE_LIMIT = 8 * 1024 * 1024;
const Owned = z.object({ version: z.literal(1), virtualServers: z.array(z.string()) });

export class OwnedVirtualServers {
  readonly #directory: string;
  readonly #log: Log;
  #keys: ReadonlySet<string>;
  #saved: string;

  constructor(directory: string, log: Log) {
    this.#directory = directory;
    this.#log = log;
    this.#keys = this.#read();
    this.#saved = serialize(this.#keys);
  }

  get keys(): ReadonlySet<string> {
    return this.#keys;
  }

  /** Remembers `keys`. A disk that refuses costs the memory across a restart, nothing more, and is logged. */
  remember(keys: ReadonlySet<string>): void {
    this.#keys = keys;
    const text = serialize(keys);
    if (text === this.#saved) return;
    const path = join(this.#directory, FILE);
    try {
      makeDirectory(this.#directory);
      writeFileSync(`${path}.new`, text);
      renameSync(`${path}.new`, path);
      this.#saved = text;
    } catch (cause) {
      this.#log(
        'warn',
        `cannot write ${path}: after a restart, removed virtual servers may stay in the table`,
        {
          cause: String(cause),
        },
      );
    }
  }

  #read(): ReadonlySet<string> {
    const path = join(this.#directory, FILE);
    try {
      const text = Buffer.from(readRegularFile(path, SIZE_LIMIT)).toString();
      return new Set(Owned.parse(JSON.parse(text)).virtualServers);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.#log('warn', `cannot use ${path}: only virtual servers of the file are taken for ours`, {
          cause: String(cause),
        });
      }
      return new Set();
    }
  }
}

const serialize = (keys: ReadonlySet<string>): string =>
  `${JSON.stringify({ version: 1, virtualServers: [...keys].sort() })}\n`;
