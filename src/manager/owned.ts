/**
 * Which virtual servers in the kernel's table are ours, remembered across restarts: one that vanished from the file
 * while the daemon was down must still be removed, and one that somebody else made must not.
 */
import { z } from 'zod';
import type { Log } from '../model/messages.ts';
import { StateFile } from './state-file.ts';

/** Room for a hundred thousand virtual servers, in bytes. */
const SIZE_LIMIT = 8 * 1024 * 1024;
const Owned = z.object({ version: z.literal(1), virtualServers: z.array(z.string()) });

export class OwnedVirtualServers {
  readonly #file: StateFile<z.infer<typeof Owned>>;
  #keys: ReadonlySet<string>;

  constructor(directory: string, log: Log) {
    this.#file = new StateFile({
      directory,
      name: 'ipvs-owned.json',
      limit: SIZE_LIMIT,
      schema: Owned,
      log,
      durable: 'soon',
      unwritable: 'after a restart, removed virtual servers may stay in the table',
    });
    this.#keys = new Set(this.#file.read()?.virtualServers);
  }

  get keys(): ReadonlySet<string> {
    return this.#keys;
  }

  /**
   * Remembers `keys`. A disk that refuses costs the memory across a restart, nothing more, and is logged; the same keys
   * again are no reason to ask it again, since the file is tried again by itself.
   */
  remember(keys: ReadonlySet<string>): void {
    const same = keys.size === this.#keys.size && isWithin(keys, this.#keys);
    this.#keys = keys;
    if (!same) this.#file.write({ version: 1, virtualServers: [...keys].sort() });
  }
}

function isWithin(some: ReadonlySet<string>, all: ReadonlySet<string>): boolean {
  for (const key of some) if (!all.has(key)) return false;
  return true;
}
