/** Which state each target was told last, kept in a file across restarts of the daemon. */
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Log } from '../../model/messages.ts';
import { makeDirectory } from '../../sys/directory.ts';
import { readRegularFile } from '../../sys/regular-file.ts';
import { isMissing, putAside, seeTo } from '../damaged.ts';
import type { NotifyWord } from './event.ts';

const FILE = 'notify.json';
/** Room for ten thousand targets, in bytes. */
const SIZE_LIMIT = 1024 * 1024;
const Delivered = z.object({
  version: z.literal(1),
  targets: z.record(z.string(), z.enum(['MASTER', 'BACKUP', 'FAULT', 'STOP', 'QUORUM_UP', 'QUORUM_DOWN'])),
});

export class DeliveredStates {
  readonly #directory: string;
  readonly #path: string;
  readonly #log: Log;
  #words: ReadonlyMap<string, NotifyWord>;
  #saving: Promise<void> | undefined;
  /** Changed since the last writing began. */
  #changed = false;
  /** Why what is there cannot be read, while it would be lost. */
  #inTheWay: unknown;
  /** A disk that refuses is told once, until it takes something again. */
  #refused = false;

  constructor(directory: string, log: Log) {
    this.#directory = directory;
    this.#path = join(directory, FILE);
    this.#log = log;
    this.#words = this.#read();
  }

  /** The state that the target was told last, by this daemon or the one before it. */
  of(key: string): NotifyWord | undefined {
    return this.#words.get(key);
  }

  remember(key: string, word: NotifyWord): void {
    if (this.#words.get(key) === word) return;
    this.#words = new Map(this.#words).set(key, word);
    this.#save();
  }

  /** Forgets all other targets. */
  keep(keys: ReadonlySet<string>): void {
    const kept = new Map([...this.#words].filter(([key]) => keys.has(key)));
    if (kept.size === this.#words.size) return;
    this.#words = kept;
    this.#save();
  }

  /** Resolves when everything is written, or cannot be. */
  async saved(): Promise<void> {
    await this.#saving;
  }

  #save(): void {
    this.#changed = true;
    this.#saving ??= this.#write().finally(() => {
      this.#saving = undefined;
    });
  }

  /** A state that changes while one is written is written next. Never rejects. */
  async #write(): Promise<void> {
    while (this.#changed) {
      this.#changed = false;
      const text = `${JSON.stringify({ version: 1, targets: Object.fromEntries(this.#words) })}\n`;
      try {
        if (this.#inTheWay !== undefined) this.#makeRoom(this.#inTheWay);
        makeDirectory(this.#directory);
        await writeFile(`${this.#path}.new`, text, { flush: true });
        await rename(`${this.#path}.new`, this.#path);
        this.#refused = false;
      } catch (cause) {
        this.#tellRefusal(cause);
      }
    }
  }

  #makeRoom(cause: unknown): void {
    if (!putAside(this.#path, cause, this.#log))
      throw new Error('what is there cannot be read, and would be lost', { cause });
    this.#inTheWay = undefined;
  }

  #tellRefusal(cause: unknown): void {
    if (this.#refused) return;
    this.#refused = true;
    this.#log(
      'warn',
      `cannot write ${this.#path}: after a restart, notify scripts may be told a wrong previous state`,
      { cause: String(cause) },
    );
  }

  #read(): ReadonlyMap<string, NotifyWord> {
    try {
      const text = Buffer.from(readRegularFile(this.#path, SIZE_LIMIT)).toString();
      return new Map(Object.entries(Delivered.parse(JSON.parse(text)).targets));
    } catch (cause) {
      if (!isMissing(cause) && !seeTo(this.#path, cause, this.#log)) this.#inTheWay = cause;
      return new Map();
    }
  }
}
