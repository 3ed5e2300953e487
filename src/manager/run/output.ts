/** What a program prints: the beginning is kept for the log, the rest is read and thrown away. */
import { Socket } from 'node:net';

/** Kept of one program's output, in bytes. */
const OUTPUT_LIMIT = 4 * 1024;
/** Read at once from a program that prints without end, and the pause after it: 13 MB/s at most. */
const BURST = 64 * 1024;
const PAUSE = 5;
/** Programs that left something running with our pipe in its hands, for which a descriptor is kept open. */
const MOST_HELD = 64;

/** Oldest first. */
const held = new Set<Output>();

/**
 * The reading end of a program's output. It is read for as long as anybody holds the other end, since a service that
 * a script started must not die of SIGPIPE at its first line after the script has ended.
 */
export class Output {
  readonly #socket: Socket;
  readonly #kept: Buffer[] = [];
  readonly #closed = Promise.withResolvers<void>();
  #size = 0;
  #sinceBreath = 0;

  /** `fd` is the reading end of a pipe, and belongs to this from now on. */
  constructor(fd: number) {
    this.#socket = new Socket({ fd, readable: true, writable: false });
    this.#socket.on('data', (bytes) => this.#take(bytes));
    // The end of a pipe has no errors that mean anything: it is closed either way.
    this.#socket.on('error', () => this.#socket.destroy());
    this.#socket.once('close', () => {
      held.delete(this);
      this.#closed.resolve();
    });
  }

  /** Resolves when everybody has closed the other end. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** What was kept so far, as UTF-8 without the white space around it, and `…` where there was more. */
  get text(): string {
    const text = Buffer.concat(this.#kept).toString().trim();
    return this.#size > OUTPUT_LIMIT ? `${text}…` : text;
  }

  /** The program has ended; what it left running may go on printing, to nobody. */
  leave(): void {
    if (this.#socket.destroyed) return;
    this.#socket.unref();
    held.add(this);
    const [oldest] = held;
    if (held.size > MOST_HELD) oldest?.close();
  }

  close(): void {
    held.delete(this);
    this.#socket.destroy();
  }

  #take(bytes: Buffer): void {
    const room = OUTPUT_LIMIT - this.#size;
    // A copy: a slice would keep the whole buffer alive.
    if (room > 0) this.#kept.push(Buffer.from(bytes.subarray(0, room)));
    this.#size += bytes.length;
    this.#sinceBreath += bytes.length;
    if (this.#sinceBreath < BURST) return;
    this.#sinceBreath = 0;
    this.#socket.pause();
    setTimeout(() => this.#socket.resume(), PAUSE).unref();
  }
}
