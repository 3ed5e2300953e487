/**
 * The ids of the kernel's sync daemons that are ours, remembered in the state directory: one that a killed process left
 * behind is stopped when the file no longer wants it, and is nobody else's.
 */
import { z } from 'zod';
import { kernelIdentity } from '../kernel/identity.ts';
import type { Log } from '../model/messages.ts';
import { StateFile } from './state-file.ts';

/** In bytes: there are 255 ids. */
const SIZE_LIMIT = 16 * 1024;
const Ids = z.object({
  version: z.literal(1),
  /** Of which kernel: after a boot, and in another network namespace, none of them runs. */
  kernel: z.string(),
  ids: z.array(z.int().min(0).max(255)),
});

export interface SyncIds {
  /** Those of a former process, on this kernel. */
  read(): readonly number[];
  write(ids: readonly number[]): void;
}

export class RememberedSyncIds implements SyncIds {
  readonly #identity: () => string;
  readonly #file: StateFile<z.infer<typeof Ids>>;
  #saved = '[]';

  constructor(directory: string, log: Log, identity = kernelIdentity) {
    this.#identity = identity;
    this.#file = new StateFile({
      ...{ directory, log, name: 'connection-sync.json', limit: SIZE_LIMIT, schema: Ids },
      // It means nothing after a boot.
      durable: 'soon',
      unwritable: 'if this process is killed, its sync daemon goes on though the file no longer wants it',
    });
  }

  read(): readonly number[] {
    const saved = this.#file.read();
    if (saved?.kernel !== this.#identity()) return [];
    this.#saved = JSON.stringify(saved.ids);
    return saved.ids;
  }

  write(ids: readonly number[]): void {
    const text = JSON.stringify(ids);
    if (text === this.#saved) return;
    // What the disk refuses now it is given again by the file itself.
    this.#saved = text;
    this.#file.write({ version: 1, kernel: this.#identity(), ids: [...ids] });
  }
}
