/** What is wrong with vipward's cells: worse than keepalived's, or two owners for longer than the lease. */
import { intervalText, type Program } from '../bench/bench.ts';

/** What is measured of a fault with a program. */
export interface Figures {
  readonly fault: string;
  readonly daemon: Program;
  /** Seconds. */
  readonly twoOwners: number;
  /** Seconds. */
  readonly noOwner: number;
  /** Requests of the client, one every 10 ms, without an answer. */
  readonly lost: number;
}

export type Column = 'twoOwners' | 'noOwner' | 'lost';
export const COLUMNS: readonly Column[] = ['twoOwners', 'noOwner', 'lost'];

/** By how much vipward's figure may be above keepalived's: what a machine with other work takes from either. */
export const TOLERANCE: Readonly<Record<Column, number>> = { twoOwners: 0.25, noOwner: 0.25, lost: 25 };

export type Mark = 'worse' | 'longer than the lease';

/**
 * How long, in seconds, an address outlives its director at most: activeDownInterval of the lowest priority, and the
 * quarter second between renewals where adverts are more frequent, in the whole seconds that the kernel counts.
 */
export function leaseSeconds(interval: number): number {
  const renewal = interval < 250 ? 250 : 0;
  return Math.ceil((4 * interval + renewal) / 1_000);
}

/** `keepalived`: of the same fault, unless it was not played. `interval` of adverts, in ms. */
export function marksOf(
  vipward: Figures,
  keepalived: Figures | undefined,
  interval: number,
): ReadonlyMap<Column, Mark> {
  const marks = new Map<Column, Mark>();
  for (const column of COLUMNS) {
    if (keepalived !== undefined && vipward[column] > keepalived[column] + TOLERANCE[column])
      marks.set(column, 'worse');
  }
  if (vipward.twoOwners > leaseSeconds(interval)) marks.set('twoOwners', 'longer than the lease');
  return marks;
}

export const explainMarks = (interval: number): string =>
  `! worse than keepalived by more than ${TOLERANCE.noOwner} s or ${TOLERANCE.lost} replies; ` +
  `!! two owners for longer than the lease (${leaseSeconds(interval)} s with adverts every ${intervalText(interval)})`;
