/** Which virtual routers `vipward handover --stay-down` keeps backups, remembered until `vipward resume`. */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { makeDirectory } from '../control/directory.ts';
import type { SyncGroup } from '../model/config.ts';
import type { Log } from '../model/messages.ts';
import { readRegularFile } from './regular-file.ts';

const FILE = 'standby.json';
/** In bytes. */
const SIZE_LIMIT = 1024 * 1024;
const Kept = z.object({ version: z.literal(1), virtualRouters: z.array(z.string()) });

/** `names` with those that are active only together with one of them. */
export function withGroups(
  names: readonly string[],
  groups: readonly Pick<SyncGroup, 'members'>[],
): readonly string[] {
  const mates = groups.flatMap(({ members }) =>
    members.some((member) => names.includes(member)) ? members : [],
  );
  return [...new Set([...names, ...mates])];
}

export class Standby {
  readonly #directory: string;
  readonly #log: Log;
  #names: ReadonlySet<string>;

  constructor(directory: string, log: Log) {
    this.#directory = directory;
    this.#log = log;
    this.#names = this.#read();
  }

  get names(): readonly string[] {
    return [...this.#names];
  }

  add(names: readonly string[]): void {
    this.#keep(new Set([...this.#names, ...names]));
  }

  /** These, or all where none is named; returns those that were kept. */
  remove(names: readonly string[]): readonly string[] {
    const removed = this.names.filter((name) => names.length === 0 || names.includes(name));
    this.#keep(new Set(this.names.filter((name) => !removed.includes(name))));
    return removed;
  }

  /** A disk that refuses costs the memory across a restart, nothing more, and is logged. */
  #keep(names: ReadonlySet<string>): void {
    const path = join(this.#directory, FILE);
    // Adding and removing never leave as many of others.
    if (names.size === this.#names.size) return;
    this.#names = names;
    try {
      makeDirectory(this.#directory);
      writeFileSync(`${path}.new`, `${JSON.stringify({ version: 1, virtualRouters: [...names].sort() })}\n`);
      renameSync(`${path}.new`, path);
    } catch (cause) {
      this.#log('warn', `cannot write ${path}: after a restart nothing is kept a backup any more`, {
        cause: String(cause),
      });
    }
  }

  #read(): ReadonlySet<string> {
    const path = join(this.#directory, FILE);
    try {
      const text = Buffer.from(readRegularFile(path, SIZE_LIMIT)).toString();
      return new Set(Kept.parse(JSON.parse(text)).virtualRouters);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.#log('warn', `cannot use ${path}: no virtual router is kept a backup`, { cause: String(cause) });
      }
      return new Set();
    }
  }
}
