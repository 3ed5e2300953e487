/** A small JSON document in the state directory: what must be known again after a restart. */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { makeDirectory } from '../control/directory.ts';
import type { Log } from '../model/messages.ts';
import { readRegularFile } from '../sys/regular-file.ts';

export interface StateFileOptions<Document> {
  readonly directory: string;
  readonly name: string;
  /** In bytes. */
  readonly limit: number;
  readonly schema: z.ZodType<Document>;
  readonly log: Log;
  /** What it means that it cannot be read, or written, in words that end the log line. */
  readonly unreadable: string;
  readonly unwritable: string;
}

export class StateFile<Document> {
  readonly #options: StateFileOptions<Document>;
  readonly #path: string;

  constructor(options: StateFileOptions<Document>) {
    this.#options = options;
    this.#path = join(options.directory, options.name);
  }

  /** undefined where there is none, or none that can be used, which is logged. */
  read(): Document | undefined {
    const { limit, schema, log, unreadable } = this.#options;
    try {
      const text = Buffer.from(readRegularFile(this.#path, limit)).toString();
      return schema.parse(JSON.parse(text));
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') {
        log('warn', `cannot use ${this.#path}: ${unreadable}`, { cause: String(cause) });
      }
      return undefined;
    }
  }

  /** All of it or nothing. A disk that refuses costs the memory across a restart: that is logged, and false. */
  write(document: Document): boolean {
    const { directory, limit, log, unwritable } = this.#options;
    try {
      const bytes = Buffer.from(`${JSON.stringify(document)}\n`);
      // It could not be read again, and what is there now can.
      if (bytes.length > limit)
        throw new RangeError(`it would have ${bytes.length} bytes, more than ${limit}`);
      makeDirectory(directory);
      writeFileSync(`${this.#path}.new`, bytes);
      renameSync(`${this.#path}.new`, this.#path);
      return true;
    } catch (cause) {
      log('warn', `cannot write ${this.#path}: ${unwritable}`, { cause: String(cause) });
      return false;
    }
  }
}
