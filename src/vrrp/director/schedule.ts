/** When the units of a director are due, and which of their members then are. */
import { after, centiseconds, type Instant, type Milliseconds, milliseconds } from '../../model/units.ts';
import { Deadlines } from './deadlines.ts';
import type { Member } from './member.ts';
import type { Unit } from './unit.ts';

/**
 * What an active router does regularly may come so much early, together with others, so that hundreds of virtual
 * routers need not wake the process one by one. Nobody waits for less than three intervals, of which this is at most
 * one hundredth.
 */
const MOST_SLACK = milliseconds(1);
const SLACK_FROM = centiseconds(10);

/** Of all units of a director. */
export class Schedule {
  /** When each unit, or one of its members, is due. */
  readonly #deadlines = new Deadlines<Unit>();

  /** When the first of all is due. */
  get next(): Instant | undefined {
    return this.#deadlines.next;
  }

  /** After whatever happened to a unit: when it is due, or its first member; never once it has none any more. */
  note(unit: Unit): void {
    let next = unit.members.length > 0 ? unit.deadline : undefined;
    for (const { deadline } of unit.members) {
      if (deadline !== undefined && (next === undefined || deadline < next)) next = deadline;
    }
    this.#deadlines.set(unit, next);
  }

  /** Never again, whatever members it has. */
  drop(unit: Unit): void {
    this.#deadlines.set(unit, undefined);
  }

  /** Members whose own deadline has come. */
  due(now: Instant): readonly Member[] {
    const due: Member[] = [];
    for (const { members } of this.#deadlines.due(now)) {
      for (const member of members) {
        const { deadline } = member;
        if (deadline !== undefined && deadline <= now) due.push(member);
      }
    }
    return due;
  }

  /** Units that are due, or so soon that some of their members may be. */
  nearlyDue(now: Instant): readonly Unit[] {
    return this.#deadlines.due(after(now, MOST_SLACK));
  }
}

/** Members of these units that are due or may come early, one after the other as they are then, and for which moment. */
export function* membersDue(
  units: readonly Unit[],
  now: Instant,
): Generator<{ readonly member: Member; readonly at: Instant }> {
  for (const { members } of units) {
    for (const member of members) {
      const { deadline } = member;
      if (deadline === undefined || deadline > after(now, slackOf(member))) continue;
      yield { member, at: deadline > now ? deadline : now };
    }
  }
}

const slackOf = ({ state, parameters }: Member): Milliseconds =>
  state.name === 'active' && parameters.advertInterval >= SLACK_FROM ? MOST_SLACK : milliseconds(0);
