/** Why a virtual router stays in its state, in the words of this moment: for `vipward status`. */
import { elapsed, type Instant } from '../../model/units.ts';
import type { Backup } from '../state.ts';
import type { Member } from './member.ts';
import { describePermission } from './permission.ts';
import type { Unit } from './unit.ts';

/** `heard 10.1.1.2 priority 150 0.4 s ago; preempt is off`. */
export function explain(member: Member, unit: Unit, now: Instant): string {
  const { state } = member;
  switch (state.name) {
    case 'initialize':
      if (state.waiting) return `waits for the first result: ${unit.tracked.unknown.join(', ')}`;
      return state.started ? `held back: ${state.obstacle ?? state.reason}` : state.reason;
    case 'backup':
      return explainBackup(state, member, unit, now);
    case 'active':
      return `sends adverts with priority ${member.parameters.priority}${weights(unit)}${leave(unit, now)}`;
    case 'releasing':
      return state.successor
        ? `${state.successor.address} has taken over`
        : 'sent priority 0 and holds the addresses until a successor speaks';
    default:
      return state satisfies never;
  }
}

function explainBackup(state: Backup, member: Member, unit: Unit, now: Instant): string {
  if (unit.standby) return 'kept a backup by vipward handover --stay-down, until vipward resume';
  if (state.askingSince !== undefined) return describePermission(unit.leave.permission);
  const { activeRouter } = state;
  const own = `own priority ${member.parameters.priority}${weights(unit)}`;
  if (activeRouter === undefined) {
    return `nobody was heard yet; active in ${seconds(now, state.activeDownAt)} unless an advert comes; ${own}`;
  }
  const { address, priority, at } = activeRouter;
  const heard =
    priority === 0 ? `${address} let go` : `heard ${address} priority ${priority} ${seconds(at, now)} ago`;
  return `${heard}; ${intention(state, member, unit, now)}; ${own}`;
}

/** What it will do about the one it hears. */
function intention(state: Backup, { router, parameters }: Member, unit: Unit, now: Instant): string {
  const heard = state.activeRouter?.priority ?? 0;
  if (heard !== 0 && heard < parameters.priority) {
    if (!router.preempt) return 'preempt is off';
    if (unit.yields) return 'does not preempt since it handed over by command';
    return `preempts it in ${seconds(now, state.activeDownAt)}`;
  }
  return `active in ${seconds(now, state.activeDownAt)} unless an advert comes`;
}

/** `(base 150, tracked -20)`, where something is tracked. */
const weights = ({ tracked, plan }: Unit): string =>
  tracked.weight === 0
    ? ''
    : ` (base ${plan.base}, tracked ${tracked.weight > 0 ? '+' : ''}${tracked.weight})`;

/** Until when it may be active, where an arbiter says so. */
function leave(unit: Unit, now: Instant): string {
  const until = unit.tenure.deadline;
  return until === undefined ? '' : `; may be active for another ${seconds(now, until)}`;
}

const seconds = (from: Instant, to: Instant): string =>
  `${Math.max(0, elapsed(from, to) / 1000).toFixed(1)} s`;
