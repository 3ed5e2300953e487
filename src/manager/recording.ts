/**
 * The events of the vrrp process in a file, to be replayed through the same code (`npm run simulate -- --replay FILE`):
 * one JSON object a line, the first of which says what it is.
 */
import { createWriteStream, type WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import type { Log } from '../model/messages.ts';
import { readVersion } from '../version.ts';

/** Bytes that may wait for a slow disk; what comes beyond is left out, and said so. */
const MOST_WAITING = 16 * 1024 * 1024;

export class Recording {
  readonly #stream: WriteStream;
  readonly #path: string;
  readonly #log: Log;
  #failed = false;

  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
    this.#stream = createWriteStream(path, { flags: 'w', mode: 0o600 });
    this.#stream.on('error', (cause) => this.#fail(String(cause)));
    this.#stream.write(`${JSON.stringify({ vipward: readVersion(), recording: 1 })}\n`);
  }

  write(lines: readonly string[]): void {
    if (this.#failed) return;
    if (this.#stream.writableLength > MOST_WAITING) this.#fail('the disk is too slow');
    else this.#stream.write(`${lines.join('\n')}\n`);
  }

  async close(): Promise<void> {
    if (this.#failed) return;
    this.#stream.end();
    await finished(this.#stream).catch(() => undefined);
  }

  /** Nothing else suffers from it. */
  #fail(why: string): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#log('error', `the recording in ${this.#path} ends here: ${why}`);
    this.#stream.destroy();
  }
}
