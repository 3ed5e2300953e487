/**
 * What lives and fails together: the members of a sync group, or one virtual router, in each of its families. One
 * member's fault faults all; all become active together, with the leave that `permission.ts` describes; where one
 * loses its election the others let go.
 */
import type { IpAddress } from '../../model/address.ts';
import type { VrrpNetwork } from '../../model/messages.ts';
import type { TrackUse } from '../../model/tracking.ts';
import {
  after,
  elapsed,
  type Instant,
  instant,
  milliseconds,
  secondsToMilliseconds,
} from '../../model/units.ts';
import type { Event } from '../event.ts';
import { leaseLifetime } from '../lease.ts';
import type { State } from '../state.ts';
import type { Order } from './event.ts';
import type { Member, UnitTerms } from './member.ts';
import {
  answered,
  type Circumstances,
  fenced,
  type Guards,
  idlePermission,
  type Outcome,
  type Permission,
  permissionDeadline,
  proceed,
} from './permission.ts';
import { effectivePriority, sumUp, type Tracked, type Verdicts } from './tracking.ts';

/** What a unit is made of, by the configuration. */
export interface UnitPlan {
  /** `router/vip1` or `group/g1`: the arbiter's key. */
  readonly name: string;
  /** The sync group's own name. */
  readonly group: string | undefined;
  readonly base: number;
  readonly uses: readonly TrackUse[];
  readonly arbiter: VrrpNetwork['arbiter'];
  readonly fencing: VrrpNetwork['fencing'];
}

/** The director's own, shared by all units. */
export interface UnitContext {
  readonly verdicts: Verdicts;
  readonly leases: ReadonlyMap<string, Instant>;
  nextFence(): number;
}

export class Unit {
  plan: UnitPlan;
  readonly members: Member[] = [];
  permission: Permission = idlePermission();
  standby = false;
  yields = false;
  tracked: Tracked = { weight: 0, faults: [], unknown: [] };
  readonly #context: UnitContext;
  #leaseWanted = false;
  /** While leave is given to one member after the other nobody asks anew. */
  #granting = false;
  /** When each backup last answered an advert of ours, by member and address. */
  readonly #presences = new Map<string, Map<IpAddress, Instant>>();

  constructor(plan: UnitPlan, context: UnitContext) {
    this.plan = plan;
    this.#context = context;
  }

  get priority(): number {
    return effectivePriority(this.plan.base, this.tracked.weight);
  }

  terms(): UnitTerms {
    const { standby, yields, priority } = this;
    const exclusive = this.plan.arbiter !== undefined;
    return { priority, standby, yields, exclusive, asks: this.#asks() };
  }

  /** When `onTimer` is due. */
  get deadline(): Instant | undefined {
    const own = permissionDeadline(this.permission);
    const guard = this.guardDeadline();
    if (own === undefined || guard === undefined) return own ?? guard;
    return instant(Math.min(own, guard));
  }

  /** Hands an event to one member; what that means for the others follows. */
  step(member: Member, event: Event, now: Instant): Order[] {
    const before = member.state;
    const orders = [...member.handle(event, now)];
    const { state } = member;
    if (state === before) return orders;
    if (before.name === 'active' && state.name === 'backup') {
      this.yields = false;
      orders.push(...this.#letGoToo(member, now));
    }
    if (state.name === 'active') this.yields = false;
    if (state.name !== before.name || this.permission.stage !== 'idle' || member.asking)
      orders.push(...this.#seekLeave(now));
    if (state.name === 'active' && before.name !== 'active')
      orders.push(...this.#probeBeside(member, before));
    return orders;
  }

  /**
   * Brings priority and faults of every member to what they must be now. `cleared` says in words what is no longer in
   * the way.
   */
  evaluate(now: Instant, cleared: string): Order[] {
    this.tracked = sumUp(this.plan.uses, this.#context.verdicts);
    const orders: Order[] = [];
    for (const member of this.members) orders.push(...member.reconfigure(this.#termsOf(member), now));
    for (const member of this.members) {
      if (!member.leaving) orders.push(...this.step(member, this.#barrier(member, cleared), now));
    }
    orders.push(...this.#seekLeave(now));
    return orders;
  }

  /** Whatever is due by time alone: leave to become active, and the end of the leave to stay so. */
  onTimer(now: Instant): Order[] {
    const due = permissionDeadline(this.permission);
    const orders = due !== undefined && due <= now ? this.#seekLeave(now) : [];
    const limit = this.guardDeadline();
    if (limit === undefined || now < limit) return orders;
    const reason = "the arbiter's lease is over, and not every other director confirms that it hears us";
    for (const member of this.members) orders.push(...this.step(member, { event: 'step-down', reason }, now));
    return orders;
  }

  onLease(now: Instant): Order[] {
    return this.#seekLeave(now);
  }

  onFenced(id: number, result: { readonly done: boolean; readonly reason: string }, now: Instant): Order[] {
    const outcome = fenced(this.permission, id, result, this.#guards(), now);
    return outcome === undefined ? [] : this.#follow(outcome, now);
  }

  onAnswered(): void {
    this.permission = answered(this.permission);
  }

  /** A backup answers that it hears us, or asks us to let go for its higher priority. */
  onPresence(member: Member, source: IpAddress, priority: number, asks: boolean, now: Instant): Order[] {
    const of = this.#presences.get(member.key) ?? new Map<IpAddress, Instant>();
    this.#presences.set(member.key, of);
    if (!asks) {
      of.set(source, now);
      return [];
    }
    if (member.state.name !== 'active' || priority <= member.parameters.priority) return [];
    const reason = `${source} of priority ${priority} asks for the addresses`;
    return this.members.flatMap((each) =>
      this.step(each, { event: 'handover', reason, ifNobody: 'backup' }, now),
    );
  }

  /** Whether this member's tie is the one that counts: the first that hears the rival decides for all. */
  decidesTies(member: Member, path: number, now: Instant): boolean {
    if (member.tiedBefore(path, now)) return false;
    const rank = this.members.indexOf(member);
    return !this.members.slice(0, rank).some((other) => other.tiedBefore(Number.POSITIVE_INFINITY, now));
  }

  /** Gives back what it has of the arbiter: its members are gone. */
  release(): Order[] {
    return this.#leaseOrder(false);
  }

  #asks(): boolean {
    const { arbiter, fencing } = this.plan;
    const together = this.members.filter(({ leaving }) => !leaving).length > 1;
    return together || arbiter !== undefined || fencing !== undefined || this.#probes();
  }

  /** One that leaves asks nobody, and nobody waits for it. */
  #termsOf(member: Member): UnitTerms {
    return member.leaving ? { ...this.terms(), asks: false } : this.terms();
  }

  #probes = (): boolean => this.members.some(({ router }) => router.probe === 'before');

  #guards(): Guards {
    const { arbiter, fencing } = this.plan;
    return { probe: this.#probes(), arbiter: arbiter !== undefined, fencing };
  }

  /** What stands in the way of this member, or that nothing does. */
  #barrier(member: Member, cleared: string): Event {
    const { obstacle } = member.condition;
    if (obstacle !== undefined) return { event: 'interface-lost', reason: obstacle };
    const [fault] = this.tracked.faults;
    if (fault !== undefined) return { event: 'fault', reason: fault };
    const other = this.members.find((each) => !each.leaving && each.condition.obstacle !== undefined);
    if (other) {
      const group = this.plan.group === undefined ? '' : `sync group ${this.plan.group}: `;
      return { event: 'fault', reason: `${group}${other.label}: ${other.condition.obstacle}` };
    }
    // What runs is not faulted by what has not been looked at yet, and what has not begun waits for it.
    const [unknown] = this.tracked.unknown;
    if (unknown !== undefined && member.state.name === 'initialize')
      return { event: 'fault', reason: unknown };
    return { event: 'cleared', reason: cleared };
  }

  #letGoToo(loser: Member, now: Instant): Order[] {
    const reason = `${loser.label} is backup, and they are active only together`;
    return this.members
      .filter((member) => member !== loser && member.state.name === 'active')
      .flatMap((member) => this.step(member, { event: 'handover', reason, ifNobody: 'backup' }, now));
  }

  #seekLeave(now: Instant): Order[] {
    if (this.#granting) return [];
    if (!this.members.some(({ asking }) => asking)) {
      this.permission = idlePermission();
      return this.#leaseOrder(this.#needsLease());
    }
    const outcome = proceed(
      this.permission,
      this.#guards(),
      now,
      this.#circumstances(now),
      this.#context.nextFence(),
    );
    return this.#follow(outcome, now);
  }

  #follow(outcome: Outcome, now: Instant): Order[] {
    const asking = this.members.filter((member) => member.asking);
    switch (outcome.outcome) {
      case 'wait': {
        this.permission = outcome.permission;
        const orders = this.#leaseOrder(this.#needsLease());
        if (outcome.probe) orders.push(...asking.map(probeOf));
        if (outcome.fence !== undefined) orders.push(this.#fenceOrder(outcome.fence));
        return orders;
      }
      case 'granted':
        return this.#grant(asking, now);
      case 'refused':
        this.permission = idlePermission();
        return asking.flatMap((member) =>
          this.step(member, { event: 'refused', reason: outcome.reason }, now),
        );
      default:
        return outcome satisfies never;
    }
  }

  #grant(asking: readonly Member[], now: Instant): Order[] {
    this.#granting = true;
    const orders = asking.flatMap((member) => this.step(member, { event: 'granted' }, now));
    this.#granting = false;
    this.permission = idlePermission();
    return [...orders, ...this.#leaseOrder(this.#needsLease())];
  }

  #circumstances(now: Instant): Circumstances {
    const present = this.members.filter(({ leaving }) => !leaving);
    const heldUntil = this.#context.leases.get(this.plan.name);
    return {
      unanimous: present.every((member) => member.asking || member.state.name === 'active'),
      leaseHeld: heldUntil !== undefined && heldUntil > now,
      silentPeer: this.#silentPeer(),
      longestLease: milliseconds(
        Math.max(0, ...present.map(({ parameters }) => secondsToMilliseconds(leaseLifetime(parameters)))),
      ),
    };
  }

  /** The active router whose adverts stopped without a farewell. One of lower priority that still speaks lives. */
  #silentPeer(): IpAddress | undefined {
    for (const { state } of this.members) {
      if (state.name !== 'backup' || state.timerSetTo === 'skew-time') continue;
      const { activeRouter, timerSetAt, inferiorSince } = state;
      if (activeRouter && activeRouter.at <= timerSetAt && inferiorSince === undefined)
        return activeRouter.address;
    }
    return undefined;
  }

  #needsLease(): boolean {
    if (this.plan.arbiter === undefined) return false;
    const { stage } = this.permission;
    if (stage === 'lease' || stage === 'fence' || stage === 'fence-failed') return true;
    return this.members.some(({ holds }) => holds);
  }

  #leaseOrder(wanted: boolean): Order[] {
    if (wanted === this.#leaseWanted) return [];
    this.#leaseWanted = wanted;
    return [{ order: 'lease', unit: this.plan.name, wanted }];
  }

  #fenceOrder(id: number): Order {
    return { order: 'fence', id, unit: this.plan.name, peer: this.#silentPeer() };
  }

  /** Asked for only where the active router fell silent: one that let go, or is preempted, may just still answer. */
  #probeBeside(member: Member, before: State): readonly Order[] {
    if (member.router.probe !== 'beside' || before.name !== 'backup' || before.timerSetTo === 'skew-time')
      return [];
    const { activeRouter, timerSetAt } = before;
    return activeRouter && activeRouter.at > timerSetAt ? [] : [probeOf(member)];
  }

  /** Until when an active unit may stay so, undefined without an arbiter: by the lease, or as long as every other director hears us. */
  guardDeadline(): Instant | undefined {
    const { arbiter } = this.plan;
    const active = this.members.filter(({ holds }) => holds);
    if (arbiter === undefined || active.length === 0) return undefined;
    const byLease = this.#context.leases.get(this.plan.name) ?? instant(0);
    const byPeers = active.map((member) => this.#confirmedUntil(member, arbiter.directors - 1));
    return instant(Math.max(byLease, ...byPeers));
  }

  /**
   * A peer that answered an advert waits at least `downAdverts` intervals from that advert before it acts; one
   * interval less is the margin for what lay between. 0 where one of the peers never answered.
   */
  #confirmedUntil(member: Member, peers: number): Instant {
    const { downAdverts, advertInterval } = member.parameters;
    const valid = milliseconds(Math.max(1, downAdverts - 1) * advertInterval * 10);
    const times = [...(this.#presences.get(member.key)?.values() ?? [])].sort((a, b) => b - a);
    const last = times[peers - 1];
    return last === undefined ? instant(0) : after(last, valid);
  }

  /** Forgets answers that nobody can count on any more. */
  forgetOldPresences(now: Instant): void {
    for (const of of this.#presences.values()) {
      for (const [source, at] of of) if (elapsed(at, now) > 600_000) of.delete(source);
    }
  }
}

const probeOf = (member: Member): Order => ({
  order: 'probe',
  key: member.key,
  addresses: member.parameters.addresses,
});
