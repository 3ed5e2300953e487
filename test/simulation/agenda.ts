/** What is to come, in the order of its time; a binary heap. What has the same time keeps the order of its entry. */
interface Entry {
  readonly at: number;
  readonly rank: number;
  readonly run: () => void;
}

export class Agenda {
  now = 0;
  #rank = 0;
  #done = 0;
  readonly #heap: Entry[] = [];

  /** At `at`, or now where that has passed. */
  add(at: number, run: () => void): void {
    const entry = { at: Math.max(at, this.now), rank: this.#rank++, run };
    let i = this.#heap.push(entry) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#swapIfEarlier(i, parent)) break;
      i = parent;
    }
  }

  in(duration: number, run: () => void): void {
    this.add(this.now + duration, run);
  }

  /** Runs everything up to `end`, included. */
  runUntil(end: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= end; next = this.#heap[0]) {
      // The longest scenario needs a fifth of this.
      if (++this.#done > MOST) throw new Error(`no rest at ${this.now.toFixed(1)} ms: ${MOST} happenings`);
      this.#dropFirst();
      this.now = next.at;
      next.run();
    }
    this.now = end;
  }

  #dropFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    let i = 0;
    for (;;) {
      const left = 2 * i + 1;
      const right = left + 1;
      const child = right < this.#heap.length && this.#isEarlier(right, left) ? right : left;
      if (child >= this.#heap.length || !this.#swapIfEarlier(child, i)) return;
      i = child;
    }
  }

  #isEarlier(i: number, j: number): boolean {
    const a = this.#heap[i];
    const b = this.#heap[j];
    if (a === undefined || b === undefined) return false;
    return a.at < b.at || (a.at === b.at && a.rank < b.rank);
  }

  #swapIfEarlier(i: number, j: number): boolean {
    const a = this.#heap[i];
    const b = this.#heap[j];
    if (a === undefined || b === undefined || !this.#isEarlier(i, j)) return false;
    this.#heap[i] = b;
    this.#heap[j] = a;
    return true;
  }
}

const MOST = 2_000_000;
