/** Who owned the VIP when, and what follows from it. */
import { EventLog } from '../lab/support/event-log.ts';

/** The directors of a stage: `a` is active when a fault begins. */
export type Name = 'a' | 'b';
export const NAMES: readonly Name[] = ['a', 'b'];

/** All times are ms on this machine's CLOCK_MONOTONIC. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

interface Change {
  readonly time: number;
  readonly director: Name;
  /** What its kernel says, and whether the machine runs at all, both of which an owner needs. */
  readonly about: 'holds' | 'runs';
  readonly is: boolean;
}

export interface Ownership {
  /** Seconds. */
  readonly twoOwners: number;
  /** Seconds. */
  readonly noOwner: number;
  /** How often another director than before became the only owner. */
  readonly moves: number;
  /** At the end. */
  readonly owners: readonly Name[];
}

export class Timeline {
  readonly changes = new EventLog<Change>();

  record(director: Name, about: Change['about'], is: boolean, time: number = now()): void {
    this.changes.push({ time, director, about, is });
  }

  /** Who owns it as far as is known at `time`. */
  ownersAt(time: number): readonly Name[] {
    return ownersAfter(this.changes.all.filter((change) => change.time <= time));
  }

  /** Resolves as soon as just these own it. */
  async become(owners: readonly Name[], timeout = 30_000): Promise<void> {
    const wanted = owners.join();
    await this.changes.waitFor(() => ownersAfter(this.changes.all).join() === wanted, {
      // The last one, again: the condition looks at all of them.
      since: Math.max(0, this.changes.mark - 1),
      what: `the VIP to be on ${wanted === '' ? 'nobody' : wanted}`,
      timeout,
    });
  }

  /** Integrals between two moments. */
  ownership(from: number, to: number): Ownership {
    const within = this.changes.all.filter(({ time }) => time > from && time < to).sort(byTime);
    const times = [from, ...within.map(({ time }) => time), to];
    let twoOwners = 0;
    let noOwner = 0;
    let moves = 0;
    let last = this.ownersAt(from).at(0);
    for (let i = 1; i < times.length; i++) {
      const begin = times[i - 1] ?? from;
      const owners = this.ownersAt(begin);
      const seconds = ((times[i] ?? to) - begin) / 1_000;
      if (owners.length === 0) noOwner += seconds;
      if (owners.length > 1) twoOwners += seconds;
      const [only] = owners;
      if (owners.length !== 1 || only === last) continue;
      moves++;
      last = only;
    }
    return { twoOwners, noOwner, moves, owners: this.ownersAt(to) };
  }
}

const byTime = (one: Change, other: Change): number => one.time - other.time;

function ownersAfter(changes: readonly Change[]): readonly Name[] {
  const sorted = [...changes].sort(byTime);
  const is = (director: Name, about: Change['about']): boolean | undefined =>
    sorted.findLast((change) => change.director === director && change.about === about)?.is;
  return NAMES.filter((name) => is(name, 'holds') === true && is(name, 'runs') !== false);
}
