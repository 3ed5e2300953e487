/** What the story finds: a row of the table at its end. */
export interface Row {
  readonly step: string;
  readonly expected: string;
  readonly seen: string;
  /** Times and counts for people. */
  readonly measured: string;
  readonly ok: boolean;
  /** The same for programs: milliseconds, or counts. */
  readonly values: Readonly<Record<string, number>>;
}

export type Finding = Omit<Row, 'step'>;

/** `3.62 s`, `12 ms`. */
export function time(milliseconds: number): string {
  if (Math.abs(milliseconds) >= 1_000) return `${(milliseconds / 1_000).toFixed(2)} s`;
  return `${milliseconds.toFixed(Math.abs(milliseconds) < 10 ? 1 : 0)} ms`;
}

/** `no errors`, `1 error`, `12 errors`. */
export const errors = (count: number): string =>
  `${count === 0 ? 'no' : count} ${count === 1 ? 'error' : 'errors'}`;

export const counts = (split: Readonly<Record<string, number>>): string =>
  Object.entries(split)
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
