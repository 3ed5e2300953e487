/** Pure: what keeps a member from being active, its own interface, what is tracked, or another member of its unit. */
import type { Event } from '../event.ts';
import type { Member } from './member.ts';
import type { UnitPlan } from './plan.ts';
import type { Tracked } from './tracking.ts';

/** A unit, as far as it holds its members back. */
export interface Bound {
  readonly plan: Pick<UnitPlan, 'group'>;
  readonly members: readonly Member[];
  readonly tracked: Tracked;
}

/** What stands in the way of this member, or that nothing does; `cleared` says in words what no longer does. */
export function barrier({ plan, members, tracked }: Bound, member: Member, cleared: string): Event {
  const { obstacle } = member.condition;
  if (obstacle !== undefined) return { event: 'interface-lost', reason: obstacle };
  const [fault] = tracked.faults;
  if (fault !== undefined) return { event: 'fault', reason: fault };
  const other = members.find((each) => !each.leaving && each.condition.obstacle !== undefined);
  if (other) {
    const group = plan.group === undefined ? '' : `sync group ${plan.group}: `;
    return { event: 'fault', reason: `${group}${other.label}: ${other.condition.obstacle}` };
  }
  // What runs is not faulted by what has not been looked at yet, and what has not begun waits for it.
  const [unknown] = tracked.unknown;
  if (unknown !== undefined && member.state.name === 'initialize')
    return { event: 'unknown', reason: unknown };
  return { event: 'cleared', reason: cleared };
}
