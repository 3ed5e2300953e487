/** What every bench is. */
import type { Measured } from './report.ts';

export interface Bench {
  /** For `--only`. */
  readonly name: string;
  readonly title: string;
  run(context: BenchContext): Promise<Measured>;
}

export interface BenchContext {
  /** Whether a few runs suffice: to see that it works, not to judge by. */
  readonly quick: boolean;
  /** Says how far it is. */
  note(text: string): void;
}

/** The programs that are compared. */
export const PROGRAMS = ['vipward', 'keepalived'] as const;
export type Program = (typeof PROGRAMS)[number];

/** `1 s`, `100 ms` */
export const intervalText = (ms: number): string => (ms >= 1_000 ? `${ms / 1_000} s` : `${ms} ms`);

/** skewTime and activeDownInterval of RFC 9568 section 6.1, in ms: the theory, written down once more on purpose. */
export const theory = (interval: number, priority: number): number =>
  3 * interval + ((256 - priority) * interval) / 256;

/** One of the things in turn, in another order each time, so that no program always runs after the same other. */
export function shuffled<T>(things: readonly T[]): T[] {
  return things
    .map((thing) => ({ thing, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ thing }) => thing);
}

/** Values for each key, in the order in which the keys first came. */
export class Collected {
  readonly #values = new Map<string, number[]>();

  add(key: string, ...values: readonly number[]): void {
    const list = this.#values.get(key) ?? [];
    list.push(...values);
    this.#values.set(key, list);
  }

  get(key: string): readonly number[] {
    return this.#values.get(key) ?? [];
  }
}
