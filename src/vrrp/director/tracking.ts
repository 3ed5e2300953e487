/**
 * What is tracked, and what it means for a priority. Weights as keepalived has them: a positive one is added while the
 * thing is up, a negative one while it is down; without a weight a thing that is down is a fault.
 */
import { type TrackUse, type TrackVerdict, trackKey } from '../../model/tracking.ts';

/** The priority of an address owner (RFC 9568 section 5.2.4), which nothing changes. */
export const OWNER_PRIORITY = 255;

/** The last verdict of each tracked thing, by `trackKey`. */
export type Verdicts = ReadonlyMap<string, TrackVerdict>;

export interface Tracked {
  /** To be added to the priority. */
  readonly weight: number;
  /** Why it may not be active, in words; empty when nothing is in the way. */
  readonly faults: readonly string[];
  /** What has not been looked at yet and would be a fault if it were down. */
  readonly unknown: readonly string[];
}

/** Sums up what `uses` say at this moment. Calculated anew each time, so that no error adds up. */
export function sumUp(uses: readonly TrackUse[], verdicts: Verdicts): Tracked {
  let weight = 0;
  const faults: string[] = [];
  const unknown: string[] = [];
  for (const use of uses) {
    const verdict = verdicts.get(trackKey(use));
    const what = `${use.kind} ${use.name}`;
    if (verdict === undefined || verdict.state === 'unknown') {
      if (use.weight === undefined) unknown.push(`${what} has not been looked at yet`);
      continue;
    }
    const up = (verdict.state === 'up') !== use.inverse;
    if (use.weight === undefined) {
      if (!up) faults.push(`${what}${use.inverse ? ' is up (inverse)' : ''}: ${verdict.reason}`);
    } else weight += contribution(use, use.weight, verdict, up);
  }
  return { weight, faults, unknown };
}

function contribution(use: TrackUse, weight: number, verdict: TrackVerdict, up: boolean): number {
  // A file holds a number of its own, of either sign.
  if (use.kind === 'file') return up ? weight * verdict.value * (use.inverse ? -1 : 1) : 0;
  if (weight >= 0) return up ? weight : 0;
  return up ? 0 : weight;
}

/** The priority in force: 1 to 254, or the owner's 255. */
export const effectivePriority = (base: number, weight: number): number =>
  base === OWNER_PRIORITY ? base : Math.min(254, Math.max(1, base + weight));
