/**
 * Who is due when, for hundreds of owners of whom one changes at a time: a binary heap of times. Nearly every change
 * puts an owner off, as each advert does a backup, and costs nothing here: its entry stays where it is, and is put in
 * its place when it comes up. So an owner's entry stands at its time or before, never behind.
 */
import type { Instant } from '../../model/units.ts';

interface Due<Owner> {
  readonly owner: Owner;
  /** undefined: never. */
  at: Instant | undefined;
  /** Where the entry that counts stands in the heap: not behind `at`. */
  queuedAt: Instant | undefined;
}

interface Entry<Owner> {
  readonly at: Instant;
  readonly due: Due<Owner>;
}

export class Deadlines<Owner> {
  readonly #heap: Entry<Owner>[] = [];
  readonly #known = new Map<Owner, Due<Owner>>();

  /** From now on `owner` is due at `at`; undefined: never. */
  set(owner: Owner, at: Instant | undefined): void {
    const known = this.#known.get(owner);
    if (known !== undefined) known.at = at;
    else if (at === undefined) return;
    const due = known ?? { owner, at, queuedAt: undefined };
    if (known === undefined) this.#known.set(owner, due);
    if (at !== undefined && (due.queuedAt === undefined || at < due.queuedAt)) this.#push(due, at);
  }

  /** The earliest of all. */
  get next(): Instant | undefined {
    for (let top = this.#heap[0]; top; top = this.#heap[0]) {
      const { at, due } = top;
      if (due.queuedAt === at && due.at === at) return at;
      if (due.queuedAt === at && due.at !== undefined) this.#putOff(due, due.at);
      else {
        this.#pop();
        if (due.queuedAt === at) this.#forget(due);
      }
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
      const { owner, at } = entry.due;
      if (at !== undefined && at <= now) found.add(owner);
      visit(2 * index + 1);
      visit(2 * index + 2);
    };
    visit(0);
    return [...found];
  }

  #forget(due: Due<Owner>): void {
    due.queuedAt = undefined;
    this.#known.delete(due.owner);
  }

  /** Of the first, whose entry has come up before its time. */
  #putOff(due: Due<Owner>, at: Instant): void {
    due.queuedAt = at;
    this.#heap[0] = { at, due };
    this.#down(0);
  }

  #push(due: Due<Owner>, at: Instant): void {
    due.queuedAt = at;
    this.#heap.push({ at, due });
    this.#up(this.#heap.length - 1);
  }

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
