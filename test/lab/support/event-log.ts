/**
 * A growing list of events that a test can wait on: whatever a process, an observer or a probe reports lands here,
 * so a test asks "has it happened, or tell me when it does" and never sleeps.
 */
export class EventLog<T> {
  /** Everything that has happened, oldest first. */
  readonly all: T[] = [];
  readonly #waiting = new Set<() => void>();
  #ended: string | undefined;

  push(event: T): void {
    this.all.push(event);
    for (const look of [...this.#waiting]) look();
  }

  /** No more events come; whoever waits is told `why` at once instead of at its time limit. */
  end(why: string): void {
    this.#ended = why;
    for (const look of [...this.#waiting]) look();
  }

  /** Whether no more events come. */
  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /** The place of the next event: pass it as `since` to wait for what happens from now on only. */
  get mark(): number {
    return this.all.length;
  }

  /**
   * Resolves with the first event, from place `since` on (default 0: also what is past), for which `wanted` holds.
   * Rejects after `timeout` ms (default 60,000: longer than anything takes on a busy machine), or when the source has ended, and shows the last events.
   */
  waitFor(
    wanted: (event: T) => boolean,
    options: { readonly timeout?: number; readonly since?: number; readonly what?: string } = {},
  ): Promise<T> {
    const { timeout = 60_000, what = 'the event' } = options;
    let next = options.since ?? 0;
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
      };
      const fail = (why: string): void => {
        finish();
        reject(new Error(`waiting for ${what}: ${why}; the last events:\n${this.#tail()}`));
      };
      const look = (): void => {
        for (; next < this.all.length; next++) {
          const event = this.all[next] as T;
          if (!wanted(event)) continue;
          finish();
          resolve(event);
          return;
        }
        if (this.#ended !== undefined) fail(this.#ended);
      };
      const timer = setTimeout(() => fail(`nothing within ${timeout} ms`), timeout);
      this.#waiting.add(look);
      look();
    });
  }

  #tail(): string {
    const lines = this.all.slice(-15).map((event) => {
      return `  ${typeof event === 'string' ? event : JSON.stringify(event)}`;
    });
    return lines.length > 0 ? lines.join('\n') : '  (none)';
  }
}
