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
    const effect = use.kind === 'file' ? effectOfFile(use, verdict) : effectOf(use, verdict);
    if (effect === 'fault') faults.push(`${what}${use.inverse ? ' (inverse)' : ''}: ${verdict.reason}`);
    else weight += effect;
  }
  return { weight, faults, unknown };
}

type Effect = number | 'fault';

function effectOf({ weight, inverse }: TrackUse, { state }: TrackVerdict): Effect {
  const up = (state === 'up') !== inverse;
  if (weight === undefined) return up ? 0 : 'fault';
  if (weight >= 0) return up ? weight : 0;
  return up ? 0 : weight;
}

/** keepalived: a product at which no priority would be left is a fault. */
const LEAST_WEIGHT = -254;

/**
 * A file holds a number of its own, of either sign. Without a weight it is a fault unless it is 0 (with `inverse`: if
 * it is); a file that cannot be read counts for nothing, or is a fault.
 */
function effectOfFile({ weight, inverse }: TrackUse, { state, value }: TrackVerdict): Effect {
  if (weight === undefined) return state === 'up' && (value === 0) !== inverse ? 0 : 'fault';
  if (state !== 'up') return 0;
  const product = weight * value * (inverse ? -1 : 1);
  return product <= LEAST_WEIGHT ? 'fault' : product;
}

/** The priority in force: 1 to 254, or the owner's 255. */
export const effectivePriority = (base: number, weight: number): number =>
  base === OWNER_PRIORITY ? base : Math.min(254, Math.max(1, base + weight));
