/**
 * Rivals of our own priority: by whose address a tie is decided. Addresses may be ordered otherwise on each network, so
 * that each side could win one. One path of one member decides, the same on every director; another decides only where
 * those before it stay silent.
 */
import {
  centiseconds,
  centisecondsToMilliseconds,
  elapsed,
  type Instant,
  type Milliseconds,
  milliseconds,
} from '../../model/units.ts';
import type { Member } from './member.ts';

/** On which paths a member hears a rival of its own priority. */
export class Ties {
  /** Since when it is heard on each path, and when it was last. */
  readonly #heard: ({ readonly since: Instant; readonly at: Instant } | undefined)[] = [];

  /** Notes it on a path, and gives how long it has been heard there without a pause. */
  note(path: number, now: Instant, patience: Milliseconds): Milliseconds {
    const known = this.#heard[path];
    const since = known !== undefined && elapsed(known.at, now) <= patience ? known.since : now;
    this.#heard[path] = { since, at: now };
    return elapsed(since, now);
  }

  /** Whether it was heard lately on a path before `path`. */
  before(path: number, now: Instant, patience: Milliseconds): boolean {
    return this.#heard.slice(0, path).some((tie) => tie !== undefined && elapsed(tie.at, now) <= patience);
  }
}

/**
 * Whether a rival of our own priority that this one of a unit's members heard now, which is noted, is decided upon by
 * its address on this path.
 */
export function decidesTies(members: readonly Member[], member: Member, path: number, now: Instant): boolean {
  const interval = Math.max(...members.map(({ parameters }) => parameters.advertInterval));
  const patience = milliseconds(1.5 * centisecondsToMilliseconds(centiseconds(interval)));
  const lasts = member.ties.note(path, now, patience);
  for (const [rank, other] of members.entries()) {
    if (other.ties.before(other === member ? path : Number.POSITIVE_INFINITY, now, patience)) return false;
    if (other === member) return (rank === 0 && path === 0) || lasts >= patience;
  }
  return false;
}
