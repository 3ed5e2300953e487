/** Hand-overs by command: each is answered when the last of its members has let go or stays. */
import type { IpAddress } from '../../model/address.ts';
import type { HandoverOutcome } from '../../model/router-status.ts';
import { elapsed, type Instant } from '../../model/units.ts';
import { activeDownInterval } from '../timers.ts';
import type { DirectorEvent, InstanceKey, Order } from './event.ts';
import type { Member } from './member.ts';
import type { Membership } from './membership.ts';
import type { Unit } from './unit.ts';

type HandoverEvent = Extract<DirectorEvent, { type: 'handover' }>;

interface Handover {
  readonly id: number;
  /** Those that were active at its begin. */
  readonly keys: readonly InstanceKey[];
  readonly outcomes: readonly HandoverOutcome[];
}

/** Those that are under way. */
export class Handovers {
  #underWay: Handover[] = [];

  /** Hands over what these virtual routers (all: none named) live and fail together with. */
  begin({ id, names, stayDown }: HandoverEvent, membership: Membership, now: Instant): Order[] {
    const known = namesOf(membership);
    const wanted = names.length > 0 ? names : [...known];
    const units = unitsOf(wanted, membership);
    this.#note(id, units, wanted, known);
    const orders: Order[] = [];
    for (const unit of units) {
      if (stayDown) unit.standby = true;
      else unit.yields = true;
      orders.push(...unit.evaluate(now, 'handed over'));
      for (const member of unit.members) {
        const event = { event: 'handover', reason: 'handed over by command', ifNobody: 'active' } as const;
        orders.push(...unit.step(member, event, now));
      }
    }
    return orders;
  }

  get underWay(): boolean {
    return this.#underWay.length > 0;
  }

  /** Orders for those that are complete. */
  finished(known: ReadonlyMap<InstanceKey, Member>, now: Instant): readonly Order[] {
    const orders: Order[] = [];
    this.#underWay = this.#underWay.filter((handover) => {
      if (handover.keys.some((key) => isPending(known.get(key), now))) return true;
      orders.push({ order: 'handed-over', id: handover.id, outcomes: outcomesOf(handover, known) });
      return false;
    });
    return orders;
  }

  /** Who is active now, before anything is handed over, and what is known already of the others. */
  #note(id: number, units: readonly Unit[], wanted: readonly string[], known: ReadonlySet<string>): void {
    const members = units.flatMap((unit) => unit.members.filter(({ leaving }) => !leaving));
    const active = members.filter(({ state }) => state.name === 'active');
    const names = new Set([...members.map(({ router }) => router.name), ...wanted]);
    const outcomes: HandoverOutcome[] = [];
    for (const name of names) {
      if (active.some(({ router }) => router.name === name)) continue;
      const state = members.find(({ router }) => router.name === name)?.state;
      outcomes.push({
        name,
        outcome: known.has(name) ? 'not-active' : 'unknown-name',
        successor: undefined,
        reason: state?.reason ?? 'there is no virtual router of this name',
      });
    }
    this.#underWay.push({ id, keys: active.map(({ key }) => key), outcomes });
  }
}

/** Ends what hand-overs have left behind: these virtual routers (all: none named) may be active, and preempt, again. */
export const resume = (names: readonly string[], membership: Membership, now: Instant): Order[] =>
  unitsOf(names.length > 0 ? names : [...namesOf(membership)], membership).flatMap((unit) => {
    unit.standby = false;
    unit.yields = false;
    return unit.evaluate(now, 'resumed by command');
  });

const namesOf = ({ members }: Membership): ReadonlySet<string> =>
  new Set([...members.values()].map(({ router }) => router.name));

const unitsOf = (names: readonly string[], membership: Membership): readonly Unit[] =>
  [...membership.units()].filter((unit) => unit.members.some(({ router }) => names.includes(router.name)));

/** With an arbiter the addresses go first, so that the successor is heard only as a backup, or is not. */
function isPending(member: Member | undefined, now: Instant): boolean {
  if (member?.state.name === 'releasing') return true;
  if (member?.state.name !== 'backup' || !member.parameters.exclusive) return false;
  const { activeRouter, since } = member.state;
  const patience = activeDownInterval(member.parameters, member.parameters.advertInterval);
  return activeRouter === undefined && !member.asking && elapsed(since, now) < patience;
}

function outcomesOf(
  { keys, outcomes }: Handover,
  known: ReadonlyMap<InstanceKey, Member>,
): readonly HandoverOutcome[] {
  const byName = new Map<string, HandoverOutcome>();
  for (const key of keys) {
    const member = known.get(key);
    if (member === undefined) continue;
    const outcome = outcomeOf(member);
    // Of two families the first speaks, IPv4, unless the other did not hand over.
    if (!byName.has(outcome.name) || outcome.outcome === 'kept') byName.set(outcome.name, outcome);
  }
  return [...outcomes, ...byName.values()];
}

/** With an arbiter `kept` means that it let go in vain, and strives to be active again. */
function outcomeOf({ router, state }: Member): HandoverOutcome {
  const kept = state.name === 'active' || (state.name === 'backup' && state.activeRouter === undefined);
  const successor: IpAddress | undefined = state.name === 'backup' ? state.activeRouter?.address : undefined;
  return { name: router.name, outcome: kept ? 'kept' : 'handed-over', successor, reason: state.reason };
}
