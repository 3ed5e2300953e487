/**
 * Who is due when, for hundreds of owners of whom one changes at a time: a binary heap of times. A time that was
 * replaced stays in the heap until it comes up, and is skipped then.
 */
import type { Instant } from '../../model/units.ts';

interface Entry<Owner> {
  readonly at: Instant;
  readonly owner: Owner;
}

export class Deadlines<Owner> {
  readonly #heap: Entry<Owner>[] = [];
  readonly #current = new Map<Owner, Instant>();

  /** From now on `owner` is due at `at`; undefined: never. */
  set(owner: Owner, at: Instant | undefined): void {
    if (this.#current.get(owner) === at) return;
    if (at === undefined) {
      this.#current.delete(owner);
      return;
    }
    this.#current.set(owner, at);
    this.#heap.push({ at, owner });
    this.#up(this.#heap.length - 1);
  }

  /** The earliest of all. */
  get next(): Instant | undefined {
    for (let top = this.#heap[0]; top; top = this.#heap[0]) {
      if (this.#holds(top)) return top.at;
      this.#pop();
    }
    return undefined;
  }

  /** Everybody who is due by `now`, in no order. They stay due until they are set anew. */
  due(now: Instant): readonly Owner[] {
    const found = new Set<Owner>();
    const visit = (index: number): void => {
      const entry = this.#heap[index];
      // What lies below a later entry is later still.
      if (entry === undefined || entry.at > now) return;
      if (this.#holds(entry)) found.add(entry.owner);
      visit(2 * index + 1);
      visit(2 * index + 2);
    };
    visit(0);
    return [...found];
  }

  #holds = ({ owner, at }: Entry<Owner>): boolean => this.#current.get(owner) === at;

  #pop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#down(0);
  }

  #up(start: number): void {
    for (let index = start; index > 0; ) {
      const parent = (index - 1) >> 1;
      if (!this.#isEarlier(index, parent)) return;
      this.#swap(index, parent);
      index = parent;
    }
  }

  #down(start: number): void {
    for (let index = start; ; ) {
      const left = 2 * index + 1;
      const child = this.#isEarlier(left + 1, left) ? left + 1 : left;
      if (!this.#isEarlier(child, index)) return;
      this.#swap(index, child);
      index = child;
    }
  }

  /** False where there is no entry `a`. */
  #isEarlier(a: number, b: number): boolean {
    const [left, right] = [this.#heap[a], this.#heap[b]];
    return left !== undefined && (right === undefined || left.at < right.at);
  }

  #swap(a: number, b: number): void {
    const [left, right] = [this.#heap[a], this.#heap[b]];
    if (left === undefined || right === undefined) return;
    this.#heap[a] = right;
    this.#heap[b] = left;
  }
}
