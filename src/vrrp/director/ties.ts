/**
 * Rivals of our own priority: by whose address a tie is decided. Addresses may be ordered otherwise on each network, so
 * that each side could win one. One path of one member decides, the same on every director: the first. Another decides
 * only where those before it stay silent. Where they are silent for one side alone (a cut one way), the sides go by
 * different paths and both may win; then the rival does not give way, and the paths on which it is heard decide in turn,
 * so that the side that hears more comes to one by which it loses.
 */
import {
  centiseconds,
  centisecondsToMilliseconds,
  elapsed,
  type Instant,
  instant,
  type Milliseconds,
  milliseconds,
} from '../../model/units.ts';
import type { Member } from './member.ts';

/** For so many times the patience each path decides: a rival that loses by it hears us within one interval. */
const TURN = 2;

/** On which paths a member hears a rival of its own priority. */
export class Ties {
  /** Since when it is heard on each path, and when it was last. */
  readonly #heard: ({ readonly since: Instant; readonly at: Instant } | undefined)[] = [];

  /** Notes it on a path. */
  note(path: number, now: Instant, patience: Milliseconds): void {
    const known = this.#heard[path];
    const since = known !== undefined && elapsed(known.at, now) <= patience ? known.since : now;
    this.#heard[path] = { since, at: now };
  }

  /** The paths on which it was heard lately, and for how long without a pause, but not from before `from`. */
  lately(from: Instant, now: Instant, patience: Milliseconds): readonly Tie[] {
    return this.#heard.flatMap((tie, path) =>
      tie === undefined || elapsed(tie.at, now) > patience
        ? []
        : [{ path, lasts: elapsed(instant(Math.max(tie.since, from)), now) }],
    );
  }
}

interface Tie {
  readonly path: number;
  readonly lasts: Milliseconds;
}

/**
 * Whether a rival of our own priority that this one of a unit's members heard now, which is noted, is decided upon by
 * its address on this path.
 */
export function decidesTies(members: readonly Member[], member: Member, path: number, now: Instant): boolean {
  const interval = Math.max(...members.map(({ parameters }) => parameters.advertInterval));
  const patience = milliseconds(1.5 * centisecondsToMilliseconds(centiseconds(interval)));
  member.ties.note(path, now, patience);
  // What was heard as a backup was no rival.
  const heard = members.flatMap((other) =>
    other.ties.lately(other.state.since, now, patience).map((tie) => ({ other, ...tie })),
  );
  const [first] = heard;
  const turn = first === undefined ? 0 : Math.floor(first.lasts / (TURN * patience));
  const decisive = heard[turn % heard.length];
  if (decisive?.other !== member || decisive.path !== path) return false;
  return (member === members[0] && path === 0) || decisive.lasts >= patience;
}
