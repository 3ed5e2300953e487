/**
 * Writes lines to a descriptor without ever making anybody wait: one write at a time in the thread pool, and lines are
 * dropped rather than kept when the other side is slow or the disk is full. pino's own destination (sonic-boom 4.2)
 * does nearly this, but its flush at exit retries a full disk for ever, which would hold up a stop.
 */
import { write } from 'node:fs';

/** Bytes that wait at most. */
const BUFFER_LIMIT = 4 * 1024 * 1024;

export class LogWriter {
  readonly #fd: number;
  readonly #limit: number;
  #waiting: Buffer[] = [];
  #size = 0;
  #writing = false;
  #dropped = 0;
  #idle = Promise.withResolvers<void>();

  constructor(fd: number, limit = BUFFER_LIMIT) {
    this.#fd = fd;
    this.#limit = limit;
    this.#idle.resolve();
  }

  /** How many lines were lost since this was asked last. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#size + bytes.length > this.#limit) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(bytes);
    this.#size += bytes.length;
    if (!this.#writing) this.#next();
  }

  /** Resolves when everything is written or lost; false: after `limit` milliseconds a write still waits for its reader. */
  async flush(limit: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), limit);
    });
    const done = await Promise.race([this.#idle.promise.then(() => true), late]);
    clearTimeout(timer);
    return done;
  }

  #next(): void {
    const lines = this.#waiting;
    if (lines.length === 0) {
      this.#writing = false;
      this.#idle.resolve();
      return;
    }
    if (!this.#writing) this.#idle = Promise.withResolvers<void>();
    this.#writing = true;
    this.#waiting = [];
    this.#size = 0;
    this.#write(Buffer.concat(lines), lines.length);
  }

  #write(bytes: Buffer, lines: number): void {
    write(this.#fd, bytes, (error, written) => {
      // A pipe that is full and was made nonblocking by whoever shares it: it empties.
      if (error?.code === 'EAGAIN') setTimeout(() => this.#write(bytes, lines), 50);
      else if (error !== null) {
        this.#dropped += lines;
        this.#next();
      } else if (written < bytes.length) this.#write(bytes.subarray(written), lines);
      else this.#next();
    });
  }
}
