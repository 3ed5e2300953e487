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
  centiseconds,
  centisecondsToMilliseconds,
  elapsed,
  type Instant,
  instant,
  type Milliseconds,
  milliseconds,
  seconds,
  secondsToMilliseconds,
} from '../../model/units.ts';
import { preempts } from '../backup.ts';
import type { Event } from '../event.ts';
import { type LeaseTerms, leaseLifetime } from '../lease.ts';
import { hasStalled, holdsAddresses } from '../machine.ts';
import type { Parameters, State } from '../state.ts';
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
  /** Since when the lease is ours without a break. */
  #leaseSince: Instant | undefined;
  /** Where an arbiter was configured while active: the leave to stay so until its lease has come. */
  #bridgedUntil: Instant | undefined;
  /** Whether the arbiter answers, and another director has the lease. */
  #contended = false;
  /** While one cause is brought to all members they are apart for a moment. */
  #evaluating = false;
  /** While leave is given to one member after the other nobody asks anew. */
  #granting = false;
  /** Since when each backup hears us for sure, by member and path and its address there. */
  readonly #presences = new Map<string, Map<IpAddress, Instant>>();
  /** When each member sent its last advert, and the one before. */
  readonly #adverts = new Map<string, { readonly last: Instant; readonly former: Instant | undefined }>();

  constructor(plan: UnitPlan, context: UnitContext) {
    this.plan = plan;
    this.#context = context;
  }

  /** Another plan, to be followed from the next `evaluate` on. */
  replan(plan: UnitPlan, now: Instant): void {
    const arbiterIsNew = this.plan.arbiter === undefined && plan.arbiter !== undefined;
    this.plan = plan;
    if (!arbiterIsNew) return;
    // Whoever hears us has heard the last advert.
    const times = this.members.flatMap(({ state, parameters }) =>
      state.name === 'active'
        ? [before(after(instant(Math.min(now, state.advertSentAt)), holdHorizon(parameters)), LATE)]
        : [],
    );
    this.#bridgedUntil = times.length === 0 ? undefined : instant(Math.min(...times));
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
    const former = member.state;
    const acted = member.handle(event, now);
    const { state } = member;
    if (state === former) return this.#within(acted, now);
    if (state.name === 'active' && former.name !== 'active') {
      this.#presences.clear();
      this.#adverts.clear();
      this.#bridgedUntil = undefined;
    }
    const orders = this.#within(acted, now);
    if (former.name === 'active' && state.name === 'backup') this.yields = false;
    if (holdsAddresses(former) && !holdsAddresses(state)) orders.push(...this.#letGoToo(now));
    if (state.name === 'active') this.yields = false;
    if (state.name !== former.name || this.permission.stage !== 'idle' || member.asking)
      orders.push(...this.#seekLeave(now));
    if (state.name === 'active' && former.name !== 'active')
      orders.push(...this.#probeBeside(member, former));
    return orders;
  }

  /**
   * Brings priority and faults of every member to what they must be now. `cleared` says in words what is no longer in
   * the way.
   */
  evaluate(now: Instant, cleared: string): Order[] {
    this.tracked = sumUp(this.plan.uses, this.#context.verdicts);
    const orders: Order[] = [];
    this.#evaluating = true;
    for (const member of this.members)
      orders.push(...this.#within(member.reconfigure(this.#termsOf(member), now), now));
    for (const member of this.members) {
      if (!member.leaving) orders.push(...this.step(member, this.#barrier(member, cleared), now));
    }
    this.#evaluating = false;
    orders.push(...this.#letGoToo(now), ...this.#seekLeave(now));
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

  /**
   * Where one stood still for too long all of them did: they give the addresses up at once, since a hand-over would
   * first renew what a successor has by now.
   */
  onStall(now: Instant): Order[] {
    const active = this.members.filter(({ state }) => state.name === 'active');
    if (!active.some(({ state, parameters }) => hasStalled(state, now, parameters))) return [];
    this.#evaluating = true;
    const orders = active.flatMap((member) => {
      const since = member.state.name === 'active' ? member.state.advertSentAt : now;
      const seconds = (elapsed(since, now) / 1000).toFixed(3);
      const reason = `stood still for ${seconds} s: gave the addresses up before asking who has them`;
      return this.step(member, { event: 'stalled', reason }, now);
    });
    this.#evaluating = false;
    return [...orders, ...this.#letGoToo(now), ...this.#seekLeave(now)];
  }

  /** The arbiter's lease was given, kept, lost or refused. */
  onLease(contended: boolean, now: Instant): Order[] {
    this.#contended = contended;
    this.#leaseSince = this.#leaseHeld(now) ? (this.#leaseSince ?? now) : undefined;
    // Where adverts are rare the arbiter's lease is shorter than what lies between two renewals.
    return [...this.#renewals(now), ...this.#seekLeave(now)];
  }

  /** The addresses for as long as there is leave for by now. */
  #renewals(now: Instant): Order[] {
    const renewals = this.members
      .filter(({ state }) => state.name === 'active')
      .map(({ key, parameters }): Order => {
        const lifetime = leaseLifetime(parameters);
        const action = { action: 'renew-addresses', addresses: parameters.addresses, lifetime } as const;
        return { order: 'act', key, action };
      });
    return this.#within(renewals, now);
  }

  onFenced(id: number, result: { readonly done: boolean; readonly reason: string }, now: Instant): Order[] {
    const outcome = fenced(this.permission, id, result, this.#guards(), now, this.#leaseHeld(now));
    return outcome === undefined ? [] : this.#follow(outcome, now);
  }

  onAnswered(): void {
    this.permission = answered(this.permission);
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
    const { state } = member;
    if (state.name !== 'active') return [];
    if (!asks) {
      const place = `${member.key} ${path}`;
      const of = this.#presences.get(place) ?? new Map<IpAddress, Instant>();
      this.#presences.set(place, of);
      // Forged ones must not fill the memory.
      if (of.size >= MOST_DIRECTORS) of.clear();
      const confirmed = this.#confirms(member.key);
      const former = this.#holdUntil();
      if (confirmed !== undefined) of.set(source, confirmed);
      // Without the arbiter's lease the answers come just before what the last ones gave leave for has run out.
      return this.#holdUntil() === former ? [] : this.#renewals(now);
    }
    if (priority <= member.parameters.priority) return [];
    const reason = `${source} of priority ${priority} asks for the addresses`;
    return this.members.flatMap((each) =>
      this.step(each, { event: 'handover', reason, ifNobody: 'backup' }, now),
    );
  }

  /**
   * When the advert was sent that an answer of this moment is to. It may have lain in our own queue while we stood
   * still, so it counts for the one before the last.
   */
  #confirms(key: string): Instant | undefined {
    const sent = this.#adverts.get(key);
    return sent?.former && instant(Math.min(sent.former, before(sent.last, LATE)));
  }

  /**
   * Whether a rival of our own priority that this member heard now is decided upon by its address on this path. One
   * path of one member decides, the same on every director, since addresses may be ordered otherwise on each network,
   * and each side could win one. Another decides only where those before it stay silent.
   */
  decidesTies(member: Member, path: number, now: Instant): boolean {
    const interval = Math.max(...this.members.map(({ parameters }) => parameters.advertInterval));
    const patience = milliseconds(1.5 * centisecondsToMilliseconds(centiseconds(interval)));
    const lasts = member.noteTie(path, now, patience);
    for (const [rank, other] of this.members.entries()) {
      if (other.tiedBefore(other === member ? path : Number.POSITIVE_INFINITY, now, patience)) return false;
      if (other === member) return (rank === 0 && path === 0) || lasts >= patience;
    }
    return false;
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
    const probe =
      this.#probes() && this.members.some(({ state, parameters }) => mayBeSilent(state, parameters));
    return { probe, arbiter: arbiter !== undefined, fencing };
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

  /** Where one has let go the others do, and none of them comes back alone. */
  #letGoToo(now: Instant): Order[] {
    const loser = this.members.find((member) => !member.leaving && !member.holds);
    if (loser === undefined || this.#evaluating || this.#granting) return [];
    const reason = `${loser.label} is ${loser.state.name}, and they are active only together`;
    return this.members
      .filter((member) => !member.leaving && member.holds)
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
        if (outcome.fence !== undefined) orders.push(this.#fenceOrder(outcome.fence, now));
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
    return {
      unanimous: present.every((member) => member.asking || member.state.name === 'active'),
      leaseHeld: this.#leaseHeld(now),
      silentPeer: this.#silentPeer(now),
      clearAt: this.#clearAt(),
      longestLease: milliseconds(
        Math.max(0, ...present.map(({ parameters }) => secondsToMilliseconds(leaseLifetime(parameters)))),
      ),
    };
  }

  /** Whether the arbiter's lease is ours, for long enough that addresses can be put up. */
  #leaseHeld(now: Instant): boolean {
    const heldUntil = this.#context.leases.get(this.plan.name);
    return heldUntil !== undefined && now < before(heldUntil, GRAIN);
  }

  /** The active router whose adverts stopped without a farewell. One of lower priority that still speaks lives. */
  #silentPeer(now: Instant): IpAddress | undefined {
    for (const { state, parameters } of this.members) {
      if (state.name !== 'backup' || state.activeRouter === undefined) continue;
      const { address, priority, at } = state.activeRouter;
      const silence = parameters.downAdverts * centisecondsToMilliseconds(state.activeAdvertInterval);
      if (priority !== 0 && elapsed(at, now) >= silence) return address;
    }
    return undefined;
  }

  /** When no other director's kernel can hold the addresses any more; undefined: they have let go, or nobody asks. */
  #clearAt(): Instant | undefined {
    if (this.plan.arbiter === undefined) return undefined;
    const times = this.members.flatMap(({ state, parameters, leaving }) => {
      if (state.name !== 'backup' || leaving || state.activeRouter?.priority === 0) return [];
      const interval = centiseconds(Math.max(parameters.advertInterval, state.activeAdvertInterval));
      const heardAt = state.activeRouter?.at ?? state.since;
      return [after(heardAt, holdHorizon({ ...parameters, advertInterval: interval }))];
    });
    if (times.length === 0) return undefined;
    // Cut off from us it may have held them by its lease alone.
    const since = this.#leaseSince === undefined ? [] : [this.#leaseSince];
    return after(instant(Math.max(...times, ...since)), KERNEL_LATENESS);
  }

  #needsLease(): boolean {
    if (this.plan.arbiter === undefined) return false;
    const { stage } = this.permission;
    if (stage === 'lease' || stage === 'lapse' || stage === 'fence' || stage === 'fence-failed') return true;
    return this.members.some(({ holds }) => holds);
  }

  #leaseOrder(wanted: boolean): Order[] {
    if (wanted === this.#leaseWanted) return [];
    this.#leaseWanted = wanted;
    return [{ order: 'lease', unit: this.plan.name, wanted }];
  }

  #fenceOrder(id: number, now: Instant): Order {
    return { order: 'fence', id, unit: this.plan.name, peer: this.#silentPeer(now) };
  }

  #probeBeside(member: Member, before: State): readonly Order[] {
    return member.router.probe === 'beside' && mayBeSilent(before, member.parameters)
      ? [probeOf(member)]
      : [];
  }

  /** When an active unit must let go, unless more leave has come by then; undefined without an arbiter. */
  guardDeadline(): Instant | undefined {
    const until = this.#holdUntil();
    return until && before(until, GRAIN);
  }

  /**
   * Until when the addresses may be in the kernel, undefined without an arbiter or while nothing is held: by the
   * arbiter's lease, or as long as every other director has heard us on one of the paths.
   */
  #holdUntil(): Instant | undefined {
    const { arbiter } = this.plan;
    if (arbiter === undefined) return undefined;
    const active = this.members.filter(({ holds }) => holds);
    if (active.length === 0) return undefined;
    const byLease = this.#context.leases.get(this.plan.name) ?? instant(0);
    const confirmed = active.map((member) => this.#confirmedUntil(member, arbiter.directors - 1));
    return instant(Math.max(byLease, this.#bridgedUntil ?? 0, ...confirmed));
  }

  /**
   * A director that has heard us waits `holdHorizon` before it acts. 0 where one of the peers never answered.
   */
  #confirmedUntil({ key, router, parameters }: Member, peers: number): Instant {
    const times = router.heartbeat.map((_, path) => {
      const heard = [...(this.#presences.get(`${key} ${path}`)?.values() ?? [])].sort((a, b) => b - a);
      return heard[peers - 1] ?? Number.NEGATIVE_INFINITY;
    });
    const confirmedAt = Math.max(...times);
    if (confirmedAt === Number.NEGATIVE_INFINITY) return instant(0);
    return after(instant(confirmedAt), holdHorizon(parameters));
  }

  /**
   * What an arbiter changes of a member's orders: no address is put up for longer than there is leave for, so that the
   * kernel itself keeps the promise; and nobody is asked to let go by one that could not take over.
   */
  #within(orders: readonly Order[], now: Instant): Order[] {
    if (this.plan.arbiter === undefined || orders.length === 0) return [...orders];
    return orders.flatMap((order) => {
      if (order.order !== 'act') return order;
      const { key, action } = order;
      switch (action.action) {
        case 'send-advert':
          this.#adverts.set(key, { last: now, former: this.#adverts.get(key)?.last });
          return order;
        case 'send-presence':
          return { order: 'act', key, action: { ...action, asks: action.asks && this.#mayAsk(now) } };
        case 'install-addresses':
        case 'renew-addresses': {
          const most = Math.floor(elapsed(now, this.#holdUntil() ?? now) / GRAIN);
          if (most < 1) return [];
          const lifetime = seconds(Math.min(action.lifetime, most));
          return { order: 'act', key, action: { ...action, lifetime } };
        }
        default:
          return order;
      }
    });
  }

  #mayAsk = (now: Instant): boolean => this.#contended || this.#leaseHeld(now);
}

/** The kernel counts whole seconds of an address's lifetime (`ifa_valid` of linux/if_addr.h). */
const GRAIN = milliseconds(1000);
const MOST_DIRECTORS = 255;
/** The kernel looks for addresses that have run out once a second (ADDRCONF_TIMER_FUZZ_MAX of net/addrconf.h). */
const KERNEL_LATENESS = milliseconds(1000);
/** How old an advert may be that is answered now, where adverts are frequent. */
const LATE = milliseconds(250);

/**
 * With an arbiter, how long after it heard an advert a director waits before it puts the addresses up: the lease that
 * they were put up with then, and what its length in whole seconds may add.
 */
const holdHorizon = (terms: LeaseTerms): Milliseconds =>
  milliseconds(secondsToMilliseconds(leaseLifetime(terms)) + GRAIN);

const before = (at: Instant, duration: Milliseconds): Instant => instant(at - duration);

/**
 * Whether a backup that becomes active may find an owner that no longer advertises: not where the active router has let
 * go, or is preempted, which may just still answer.
 */
const mayBeSilent = (state: State, parameters: Parameters): boolean =>
  state.name === 'backup' && state.timerSetTo !== 'skew-time' && !preempts(state, parameters);

const probeOf = (member: Member): Order => ({
  order: 'probe',
  key: member.key,
  addresses: member.parameters.addresses,
});
