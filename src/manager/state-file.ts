/** A small JSON document in the state directory: what must be known again after a restart. */
import { close, fsync, open, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import type { Log } from '../model/messages.ts';
import { flushDirectory, makeDirectory, removeFile } from '../sys/directory.ts';
import { readRegularFile } from '../sys/regular-file.ts';
import { isMissing, putAside, type StateFileName, seeTo, tellUnwritten } from './damaged.ts';

/** In milliseconds: how soon a disk that refused is tried again. */
const RETRY = 10_000;

export interface StateFileOptions<Document> {
  readonly directory: string;
  readonly name: StateFileName;
  /** In bytes. */
  readonly limit: number;
  readonly schema: z.ZodType<Document>;
  readonly log: Log;
  /**
   * When it is on the disk, so that a power cut leaves neither an empty file nor that of before: once it is written, or
   * some milliseconds later, where a disk that is slow must not hold up what follows.
   */
  readonly durable: 'at once' | 'soon';
  /** What it means that it cannot be written, in words that end the log line. */
  readonly unwritable: string;
}

export class StateFile<Document> {
  readonly #options: StateFileOptions<Document>;
  readonly #path: string;
  /** Why what is there cannot be used, while it could not be put aside either. */
  #inTheWay: unknown;
  /** Set while the disk has not taken what was to be written last. */
  #retry: NodeJS.Timeout | undefined;

  constructor(options: StateFileOptions<Document>) {
    this.#options = options;
    this.#path = join(options.directory, options.name);
  }

  /** undefined where there is none, or none that can be used: that is put aside or left, which is logged. */
  read(): Document | undefined {
    const { limit, schema } = this.#options;
    try {
      const text = Buffer.from(readRegularFile(this.#path, limit)).toString();
      return schema.parse(JSON.parse(text));
    } catch (cause) {
      if (!isMissing(cause)) this.#inTheWay = seeTo(this.#path, cause, this.#options.log) ? undefined : cause;
      return undefined;
    }
  }

  /**
   * All of it or nothing. A disk that refuses costs the memory across a restart: that is logged, shown by `status`, and
   * false; it is tried again until the disk takes it, or something newer is to be written.
   */
  write(document: Document): boolean {
    const { log, unwritable } = this.#options;
    clearTimeout(this.#retry);
    const cause = this.#put(document, log);
    if (cause === undefined) {
      tellUnwritten(this.#path, undefined);
      return true;
    }
    log('warn', `cannot write ${this.#path}: ${unwritable}`, { cause: String(cause) });
    tellUnwritten(this.#path, `${unwritable} (${cause})`);
    this.#tryAgain(document);
    return false;
  }

  #tryAgain(document: Document): void {
    this.#retry = setTimeout(() => {
      // What there is to say of a refusal has been said.
      const cause = this.#put(document, () => undefined);
      if (cause !== undefined) {
        this.#tryAgain(document);
        return;
      }
      tellUnwritten(this.#path, undefined);
      this.#options.log('info', `${this.#path} is written, as it could not be before`);
    }, RETRY).unref();
  }

  /** Gives why it cannot be written; undefined: it is. */
  #put(document: Document, log: Log): unknown {
    const { directory, limit, durable } = this.#options;
    const fresh = `${this.#path}.new`;
    try {
      // Read or not, it is not lost.
      if (this.#inTheWay !== undefined && !putAside(this.#path, this.#inTheWay, log))
        throw new Error('what is there cannot be read, and would be lost', { cause: this.#inTheWay });
      this.#inTheWay = undefined;
      const bytes = Buffer.from(`${JSON.stringify(document)}\n`);
      // It could not be read again, and what is there now can.
      if (bytes.length > limit)
        throw new RangeError(`it would have ${bytes.length} bytes, more than ${limit}`);
      makeDirectory(directory);
      // A link that somebody has put there would lead elsewhere, and a pipe would be waited for.
      rmSync(fresh, { force: true });
      writeFileSync(fresh, bytes, { flag: 'wx', flush: durable === 'at once' });
      renameSync(fresh, this.#path);
      if (durable === 'soon') flushSoon(this.#path);
      else flushDirectory(directory);
      return undefined;
    } catch (cause) {
      // On a full disk, others may need the room that it takes.
      removeFile(fresh);
      return cause;
    }
  }
}

/** One that the disk refuses is read by whoever comes next without a power cut. */
function flushSoon(path: string): void {
  open(path, 'r', (refused, fd) => {
    if (refused === null) fsync(fd, () => close(fd));
  });
}
