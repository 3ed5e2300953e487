/**
 * Who takes part: the instances of the configured virtual routers and the units that they form. A new configuration
 * brings some, regroups others and dismisses the rest, which is a member of its old unit until it has handed over.
 */
import type { Instant } from '../../model/units.ts';
import type { VirtualRouter } from '../../model/virtual-router.ts';
import type { Condition, DirectorEvent, InstanceKey, Order } from './event.ts';
import { instancesOf, Member } from './member.ts';
import { phasesOf } from './phases.ts';
import { type PlannedUnit, planUnits } from './plan.ts';
import type { Schedule } from './schedule.ts';
import { Unit, type UnitContext } from './unit.ts';

type Configure = Extract<DirectorEvent, { type: 'configure' }>;

/** How a member ends: `shutdown` hands over first. */
export interface Farewell {
  readonly event: 'shutdown' | 'stop';
  readonly reason: string;
}

/** The director's own. */
export interface MembershipContext extends UnitContext {
  /** Forgets the units that are gone; whatever else happens to one is for the director to note. */
  readonly schedule: Schedule;
}

/** Of one director. */
export class Membership {
  readonly #context: MembershipContext;
  readonly #members = new Map<InstanceKey, Member>();
  readonly #unitOf = new Map<InstanceKey, Unit>();
  readonly #units = new Map<string, Unit>();
  /** Whether any member is leaving. */
  #leaving = false;

  constructor(context: MembershipContext) {
    this.#context = context;
  }

  /** Those that are leaving among them. */
  get members(): ReadonlyMap<InstanceKey, Member> {
    return this.#members;
  }

  units(): Iterable<Unit> {
    return this.#units.values();
  }

  unit(name: string): Unit | undefined {
    return this.#units.get(name);
  }

  unitOf(key: InstanceKey): Unit | undefined {
    return this.#unitOf.get(key);
  }

  /** Of a member, which always has one; throws for anything else. */
  unitFor(key: InstanceKey): Unit {
    const unit = this.#unitOf.get(key);
    if (unit === undefined) throw new Error(`instance ${key} belongs to no unit`);
    return unit;
  }

  /** The whole set: unchanged ones go on untouched, vanished ones hand over. */
  configure({ network, conditions, resume, standby }: Configure, now: Instant): Order[] {
    const wanted = new Set(network.routers.flatMap((router) => instancesOf(router).map(({ key }) => key)));
    const planned = planUnits(network);
    const orders = this.#regroup(planned, standby, now);
    for (const [key, member] of this.#members) {
      if (!wanted.has(key)) orders.push(...this.#dismiss(member, now));
    }
    const fresh = this.#admit(network.routers, conditions, now);
    this.#fill(planned);
    this.#spread(planned);
    for (const unit of this.#units.values()) orders.push(...unit.evaluate(now, 'reconfigured'));
    for (const member of fresh) orders.push(...this.#start(member, resume, now));
    for (const member of this.#members.values()) {
      if (wanted.has(member.key)) orders.push(...this.#takeBack(member, now));
    }
    return orders;
  }

  /** Everything ends. */
  dismissAll(farewell: Farewell, now: Instant): Order[] {
    this.#leaving = true;
    const orders: Order[] = [];
    for (const member of this.#members.values()) {
      member.leaving = true;
      orders.push(...this.unitFor(member.key).step(member, farewell, now));
    }
    return orders;
  }

  /** Gives back the leases of units that have ended. */
  releaseEnded(): Order[] {
    if (!this.#leaving) return [];
    return [...this.#units.values()].flatMap((unit) =>
      unit.members.every(({ leaving, ended }) => leaving && ended) ? unit.leave.release() : [],
    );
  }

  /** What has ended is known until the next event, so that its last orders can be carried out. */
  forgetEnded(): void {
    if (!this.#leaving) return;
    for (const [key, member] of this.#members) {
      if (!member.leaving || !member.ended) continue;
      this.#members.delete(key);
      const unit = this.unitFor(key);
      unit.members.splice(unit.members.indexOf(member), 1);
      this.#unitOf.delete(key);
      this.#context.schedule.note(unit);
      if (unit.members.length === 0) this.#units.delete(unit.plan.name);
    }
    this.#leaving = [...this.#members.values()].some(({ leaving }) => leaving);
  }

  /** Units by the new plan, keeping those that have the same name; their members are put in by `#fill`. */
  #regroup(planned: readonly PlannedUnit[], standby: readonly string[], now: Instant): Order[] {
    const names = new Set(planned.map(({ plan }) => plan.name));
    const orders: Order[] = [];
    // What hand-overs left behind stays with the members, whatever these and their groups are called now.
    const behind = planned.map(({ keys, routers }) => {
      const former = keys.flatMap((key) => this.#unitOf.get(key) ?? []);
      return {
        standby: routers.some((name) => standby.includes(name)) || former.some((unit) => unit.standby),
        yields: former.some((unit) => unit.yields),
      };
    });
    for (const [i, { plan, keys }] of planned.entries()) {
      const unit = this.#units.get(plan.name) ?? new Unit(plan, this.#context);
      this.#units.set(plan.name, unit);
      unit.replan(plan, now);
      Object.assign(unit, behind[i]);
      for (const key of keys) this.#unitOf.set(key, unit);
    }
    for (const [name, unit] of this.#units) {
      // What leaves hands over within its old unit, and the unit goes with the last of it.
      if (names.has(name) || unit.members.some(({ key }) => this.#unitOf.get(key) === unit)) continue;
      this.#units.delete(name);
      this.#context.schedule.drop(unit);
      orders.push(...unit.leave.release());
    }
    return orders;
  }

  /** New members, which have not begun; those that are there already take in how they are configured now. */
  #admit(
    routers: readonly VirtualRouter[],
    conditions: Configure['conditions'],
    now: Instant,
  ): readonly Member[] {
    const fresh: Member[] = [];
    for (const router of routers) {
      for (const { key, family } of instancesOf(router)) {
        const member = this.#members.get(key);
        if (member) {
          member.router = router;
          continue;
        }
        const condition = conditions[key] ?? UNKNOWN_CONDITION;
        const created = new Member(key, family, router, condition, this.unitFor(key).terms(), now);
        this.#members.set(key, created);
        fresh.push(created);
      }
    }
    return fresh;
  }

  /** Members into their units, in the order of the plan, which is that of every other director. */
  #fill(planned: readonly PlannedUnit[]): void {
    for (const unit of this.#units.values()) {
      const stay = unit.members.filter(({ key }) => this.#unitOf.get(key) === unit && this.#members.has(key));
      unit.members.splice(0, unit.members.length, ...stay);
    }
    for (const { keys } of planned) {
      for (const key of keys) {
        const member = this.#members.get(key);
        const unit = this.unitFor(key);
        if (member && !unit.members.includes(member)) unit.members.push(member);
      }
      const [first] = keys;
      const unit = first === undefined ? undefined : this.unitFor(first);
      unit?.members.sort((a, b) => keys.indexOf(a.key) - keys.indexOf(b.key));
    }
  }

  /** The adverts of many over their interval, in the order of the configuration. */
  #spread(planned: readonly PlannedUnit[]): void {
    const units = planned.map(({ keys }) => keys.flatMap((key) => this.#members.get(key) ?? []));
    const phases = phasesOf(units);
    for (const member of this.#members.values()) member.phase = phases.get(member);
  }

  /** `resume`: those that a dead predecessor held active, and that may go on where it crashed. */
  #start(member: Member, resume: readonly InstanceKey[], now: Instant): Order[] {
    const unit = this.unitFor(member.key);
    // Only together, only where all of it is there, and not beside one that runs already and is not active.
    const intact = unit.members.every(({ key, ended, holds }) => resume.includes(key) && (ended || holds));
    // Only with the lease in hand.
    const mustAsk = unit.plan.arbiter !== undefined && !this.#context.leases.has(unit.plan.name);
    return unit.step(member, { event: intact && !mustAsk ? 'resume' : 'startup' }, now);
  }

  #dismiss(member: Member, now: Instant): Order[] {
    if (member.leaving) return [];
    member.leaving = true;
    this.#leaving = true;
    const farewell: Farewell = { event: 'shutdown', reason: 'removed from the configuration' };
    return this.unitFor(member.key).step(member, farewell, now);
  }

  /** One that is configured again while it was still handing over. */
  #takeBack(member: Member, now: Instant): Order[] {
    if (!member.leaving) return [];
    member.leaving = false;
    const unit = this.unitFor(member.key);
    const orders = unit.step(member, { event: 'startup' }, now);
    // It may be of another unit now, which must not be active in part.
    return [...orders, ...unit.evaluate(now, 'reconfigured')];
  }
}

const UNKNOWN_CONDITION: Condition = {
  obstacle: 'its interface has not been looked at yet',
  source: undefined,
  room: 255,
};
