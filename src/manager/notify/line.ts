/** Events of one target, told one after the other in the order in which they came. */
import type { NotifyEvent } from './event.ts';

/** Events that wait at most behind one that is being told. */
export const LONGEST_LINE = 64;

/** Tells one event; resolves when that is done, soon after `signal` at the latest. Never rejects. */
export type Tell = (event: NotifyEvent, signal: AbortSignal) => Promise<void>;

export class Line {
  readonly #tell: Tell;
  readonly #onDropped: (event: NotifyEvent) => void;
  #waiting: NotifyEvent[] = [];
  #current: { readonly event: NotifyEvent; readonly stop: AbortController } | undefined;
  #closed = false;
  #dropped = 0;
  #idle = Promise.withResolvers<void>();

  constructor(tell: Tell, onDropped: (event: NotifyEvent) => void) {
    this.#tell = tell;
    this.#onDropped = onDropped;
    this.#idle.resolve();
  }

  get waiting(): readonly NotifyEvent[] {
    return this.#waiting;
  }

  /** Being told at this moment. */
  get current(): NotifyEvent | undefined {
    return this.#current?.event;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** Resolves when nothing waits and nothing is being told. */
  get idle(): Promise<void> {
    return this.#idle.promise;
  }

  /** When too many wait, the oldest of them is dropped: never the latest, which says how things are. */
  add(event: NotifyEvent): void {
    if (this.#closed) return;
    this.#waiting.push(event);
    this.#shorten(LONGEST_LINE);
    if (this.#current === undefined) {
      this.#idle = Promise.withResolvers();
      void this.#next();
    }
  }

  /** There is no time for more: of those that wait only the latest is still told. */
  hurry(): void {
    this.#shorten(1);
  }

  /** Ends what is being told; the next one's turn comes. */
  cutShort(): void {
    this.#current?.stop.abort();
  }

  /** Ends everything; what waited is dropped. */
  close(): void {
    this.#closed = true;
    this.#shorten(0);
    this.cutShort();
  }

  #shorten(length: number): void {
    for (const event of this.#waiting.splice(0, Math.max(0, this.#waiting.length - length))) {
      this.#dropped++;
      this.#onDropped(event);
    }
  }

  async #next(): Promise<void> {
    for (let event = this.#waiting.shift(); event !== undefined; event = this.#waiting.shift()) {
      const stop = new AbortController();
      this.#current = { event, stop };
      await this.#tell(event, stop.signal);
    }
    this.#current = undefined;
    this.#idle.resolve();
  }
}
