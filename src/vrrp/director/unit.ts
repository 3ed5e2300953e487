/**
 * What lives and fails together: the members of a sync group, or one virtual router, in each of its families. One
 * member's fault faults all; all become active together, with the leave that is sought in `leave.ts`, and hold their
 * addresses for as long as `tenure.ts` allows; where one loses its election the others let go.
 */
import type { IpAddress } from '../../model/address.ts';
import { elapsed, type Instant, instant } from '../../model/units.ts';
import type { Event } from '../event.ts';
import { hasStalled, holdsAddresses } from '../machine.ts';
import { barrier } from './barrier.ts';
import type { Order } from './event.ts';
import type { Fences } from './fences.ts';
import { Leave } from './leave.ts';
import type { Member, UnitTerms } from './member.ts';
import { permissionDeadline } from './permission.ts';
import type { UnitPlan } from './plan.ts';
import { Tenure } from './tenure.ts';
import { effectivePriority, sumUp, type Tracked, type Verdicts } from './tracking.ts';

/** The director's own, shared by all units. */
export interface UnitContext {
  readonly verdicts: Verdicts;
  readonly leases: ReadonlyMap<string, Instant>;
  readonly fences: Fences;
}

/** One sync group, or one virtual router that is in none. */
export class Unit {
  plan: UnitPlan;
  readonly members: Member[] = [];
  standby = false;
  yields = false;
  tracked: Tracked = { weight: 0, faults: [], unknown: [] };
  readonly tenure: Tenure;
  readonly leave: Leave;
  readonly #verdicts: Verdicts;
  /** While one cause is brought to all members they are apart for a moment. */
  #evaluating = false;

  constructor(plan: UnitPlan, context: UnitContext) {
    this.plan = plan;
    this.#verdicts = context.verdicts;
    this.tenure = new Tenure(this, context.leases);
    this.leave = new Leave(this, context.fences);
  }

  /** Another plan, to be followed from the next `evaluate` on. */
  replan(plan: UnitPlan, now: Instant): void {
    const arbiterIsNew = this.plan.arbiter === undefined && plan.arbiter !== undefined;
    this.plan = plan;
    if (arbiterIsNew) this.tenure.bridge(now);
  }

  get priority(): number {
    return effectivePriority(this.plan.base, this.tracked.weight);
  }

  terms(): UnitTerms {
    const { standby, yields, priority } = this;
    const exclusive = this.plan.arbiter !== undefined;
    return { priority, standby, yields, exclusive, asks: this.leave.asks };
  }

  /** When `onTimer` is due. */
  get deadline(): Instant | undefined {
    const own = permissionDeadline(this.leave.permission);
    const guard = this.tenure.deadline;
    if (own === undefined || guard === undefined) return own ?? guard;
    return instant(Math.min(own, guard));
  }

  /** Hands an event to one member; what that means for the others follows. */
  step(member: Member, event: Event, now: Instant): Order[] {
    const former = member.state;
    const acted = member.handle(event, now);
    const { state } = member;
    if (state === former) return this.tenure.within(acted, now);
    const becameActive = state.name === 'active' && former.name !== 'active';
    if (becameActive) this.tenure.begin();
    const orders = this.tenure.within(acted, now);
    if (former.name === 'active' && state.name === 'backup') this.yields = false;
    if (holdsAddresses(former) && !holdsAddresses(state)) orders.push(...this.#letGoToo(now));
    if (state.name === 'active') this.yields = false;
    if (state.name !== former.name || this.leave.permission.stage !== 'idle' || member.asking)
      orders.push(...this.leave.seek(now));
    if (becameActive) orders.push(...this.leave.probeBeside(member, former));
    return orders;
  }

  /**
   * Brings priority and faults of every member to what they must be now. `cleared` says in words what is no longer in
   * the way.
   */
  evaluate(now: Instant, cleared: string): Order[] {
    this.tracked = sumUp(this.plan.uses, this.#verdicts);
    return this.#together(now, () => {
      const orders: Order[] = [];
      for (const member of this.members)
        orders.push(...this.tenure.within(member.reconfigure(this.#termsOf(member), now), now));
      for (const member of this.members) {
        if (!member.leaving) orders.push(...this.step(member, barrier(this, member, cleared), now));
      }
      return orders;
    });
  }

  /** Whatever is due by time alone: leave to become active, and the end of the leave to stay so. */
  onTimer(now: Instant): Order[] {
    const due = permissionDeadline(this.leave.permission);
    const orders = due !== undefined && due <= now ? this.leave.seek(now) : [];
    const limit = this.tenure.deadline;
    if (limit === undefined || now < limit) return orders;
    const reason = "the arbiter's lease is over, and not every other director confirms that it hears us";
    for (const member of this.members) orders.push(...this.step(member, { event: 'step-down', reason }, now));
    return orders;
  }

  /**
   * Where one stood still for too long all of them did: they give the addresses up at once, since a hand-over would
   * first renew what a successor has by now.
   */
  onStall(now: Instant): Order[] {
    const active = this.members.filter(({ state }) => state.name === 'active');
    if (!active.some(({ state, parameters }) => hasStalled(state, now, parameters))) return [];
    return this.#together(now, () =>
      active.flatMap((member) => {
        const since = member.state.name === 'active' ? member.state.advertSentAt : now;
        const seconds = (elapsed(since, now) / 1000).toFixed(3);
        const reason = `stood still for ${seconds} s: gave the addresses up before asking who has them`;
        return this.step(member, { event: 'stalled', reason }, now);
      }),
    );
  }

  /** The arbiter's lease was given, kept, lost or refused; `contended`: another director has it. */
  onLease(contended: boolean, now: Instant): Order[] {
    this.tenure.onLease(contended, now);
    // Where adverts are rare the arbiter's lease is shorter than what lies between two renewals.
    return [...this.tenure.renewals(now), ...this.leave.seek(now)];
  }

  /** A backup answers that it hears us, or asks us to let go for its higher priority. */
  onPresence(
    member: Member,
    path: number,
    {
      source,
      priority,
      asks,
    }: { readonly source: IpAddress; readonly priority: number; readonly asks: boolean },
    now: Instant,
  ): Order[] {
    // Without an arbiter nobody asks, and whoever forges a request gets nothing by it.
    if (member.state.name !== 'active' || this.plan.arbiter === undefined) return [];
    if (!asks) return this.tenure.onPresence(member, path, source, now);
    if (priority <= member.parameters.priority) return [];
    const reason = `${source} of priority ${priority} asks for the addresses`;
    return this.members.flatMap((each) =>
      this.step(each, { event: 'handover', reason, ifNobody: 'backup' }, now),
    );
  }

  /** One that leaves asks nobody, and nobody waits for it. */
  #termsOf(member: Member): UnitTerms {
    return member.leaving ? { ...this.terms(), asks: false } : this.terms();
  }

  /** Brings one cause to all members, and looks then at what came of it. */
  #together(now: Instant, bring: () => Order[]): Order[] {
    this.#evaluating = true;
    const orders = bring();
    this.#evaluating = false;
    return [...orders, ...this.#letGoToo(now), ...this.leave.seek(now)];
  }

  /** Where one has let go the others do, and none of them comes back alone. */
  #letGoToo(now: Instant): Order[] {
    const loser = this.members.find((member) => !member.leaving && !member.holds);
    if (loser === undefined || this.#evaluating || this.leave.granting) return [];
    const reason = `${loser.label} is ${loser.state.name}, and they are active only together`;
    return this.members
      .filter((member) => !member.leaving && member.holds)
      .flatMap((member) => this.step(member, { event: 'handover', reason, ifNobody: 'backup' }, now));
  }
}
