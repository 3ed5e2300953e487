/**
 * A director: everything that is decided about its virtual routers, their sync groups, what is tracked for them and
 * the leave to be active. No clock, no socket, no address is touched here: the same events always give the same
 * orders, so that a simulation plays thousands of directors through this code, and a recording is replayed by it.
 *
 *     event ─▶ unit ─▶ member: machine.ts ─▶ orders
 *               └─ tracking, permission
 */
import { type TrackVerdict, trackKey } from '../../model/tracking.ts';
import {
  after,
  centiseconds,
  elapsed,
  type Instant,
  type Milliseconds,
  milliseconds,
} from '../../model/units.ts';
import type { VirtualRouter } from '../../model/virtual-router.ts';
import { mustHearFirst } from '../machine.ts';
import { Deadlines } from './deadlines.ts';
import type { Condition, DirectorEvent, InstanceKey, Order } from './event.ts';
import { Handovers } from './handovers.ts';
import { instancesOf, Member } from './member.ts';
import { type PlannedUnit, planUnits } from './plan.ts';
import { decidesTies } from './ties.ts';
import { Unit } from './unit.ts';

type Of<Type extends DirectorEvent['type']> = Extract<DirectorEvent, { type: Type }>;

export class Director {
  readonly #members = new Map<InstanceKey, Member>();
  readonly #unitOf = new Map<InstanceKey, Unit>();
  readonly #units = new Map<string, Unit>();
  readonly #verdicts = new Map<string, TrackVerdict>();
  readonly #leases = new Map<string, Instant>();
  readonly #handovers = new Handovers();
  #fences = 1;
  #stopping = false;
  /** Whether any member is leaving. */
  #leaving = false;
  /** When each unit, or one of its members, is due. */
  readonly #deadlines = new Deadlines<Unit>();

  /** What must be done, in this order. */
  handle(event: DirectorEvent, now: Instant): readonly Order[] {
    this.#forgetEnded();
    const orders = this.#dispatch(event, now);
    return this.#handovers.underWay ? [...orders, ...this.#handovers.finished(this.#members, now)] : orders;
  }

  /** When a `timer` event is due. */
  get deadline(): Instant | undefined {
    return this.#deadlines.next;
  }

  /** Instances whose waiting packets must be read before a `timer` event: what is decided depends on them. */
  deciding(now: Instant): readonly InstanceKey[] {
    return this.#due(now)
      .filter(({ state, parameters }) => mustHearFirst(state, now, parameters))
      .map(({ key }) => key);
  }

  /** Whether nothing takes part any more after a stop. */
  get ended(): boolean {
    return this.#stopping && [...this.#members.values()].every(({ ended }) => ended);
  }

  member(key: InstanceKey): Member | undefined {
    return this.#members.get(key);
  }

  members(): Iterable<Member> {
    return this.#members.values();
  }

  unitOf(key: InstanceKey): Unit | undefined {
    return this.#unitOf.get(key);
  }

  units(): Iterable<Unit> {
    return this.#units.values();
  }

  verdictOf(key: string): TrackVerdict | undefined {
    return this.#verdicts.get(key);
  }

  #dispatch(event: DirectorEvent, now: Instant): Order[] {
    switch (event.type) {
      case 'configure':
        return this.#settled(this.#configure(event, now));
      case 'condition':
        return this.#condition(event, now);
      case 'advert':
        return this.#advert(event, now);
      case 'presence':
        return this.#presence(event, now);
      case 'verdicts':
        return this.#settled(this.#takeVerdicts(event.verdicts, now));
      case 'addresses-found':
        return this.#addressesFound(event, now);
      case 'addresses-lost':
        return this.#addressesLost(event, now);
      case 'claim':
        return this.#claim(event, now);
      case 'lease':
        return this.#lease(event, now);
      case 'fenced':
        return this.#settled(this.#all((unit) => unit.leave.onFenced(event.id, event, now)));
      case 'handover':
        return this.#settled(this.#handover(event, now));
      case 'restore':
        return this.#settled(this.#restore(event.names, now));
      case 'stop':
        return this.#end({ event: 'shutdown', reason: event.reason }, now);
      case 'abandon':
        return this.#end({ event: 'stop', reason: event.reason }, now);
      case 'stalls':
        return this.#settled(this.#all((unit) => unit.onStall(now)));
      case 'timer':
        return this.#timer(now);
      default:
        return event satisfies never;
    }
  }

  #configure({ network, conditions, resume, standby }: Of<'configure'>, now: Instant): Order[] {
    if (this.#stopping) return [];
    const wanted = new Map<InstanceKey, VirtualRouter>();
    for (const router of network.routers) for (const { key } of instancesOf(router)) wanted.set(key, router);
    const orders: Order[] = [];
    const planned = planUnits(network);
    const fresh: Member[] = [];
    orders.push(...this.#regroup(planned, standby, now));
    for (const [key, member] of this.#members) {
      if (!wanted.has(key)) orders.push(...this.#dismiss(member, 'removed from the configuration', now));
    }
    for (const router of network.routers) {
      for (const { key, family } of instancesOf(router)) {
        const member = this.#members.get(key);
        if (member) {
          member.router = router;
          continue;
        }
        const unit = this.#unitFor(key);
        const condition = conditions[key] ?? UNKNOWN_CONDITION;
        const created = new Member(key, family, router, condition, unit.terms(), now);
        this.#members.set(key, created);
        fresh.push(created);
      }
    }
    this.#fill(planned);
    for (const unit of this.#units.values()) orders.push(...unit.evaluate(now, 'reconfigured'));
    for (const member of fresh) {
      const unit = this.#unitFor(member.key);
      // Only together, and only where all of it is there.
      const intact = unit.members.every(({ key }) => resume.includes(key));
      const event = intact && !this.#mustAsk(unit) ? 'resume' : 'startup';
      orders.push(...unit.step(member, { event }, now));
    }
    for (const member of this.#members.values()) {
      // Configured again while it was still handing over.
      if (wanted.has(member.key) && member.leaving) {
        member.leaving = false;
        const unit = this.#unitFor(member.key);
        orders.push(...unit.step(member, { event: 'startup' }, now));
        // It may be of another unit now, which must not be active in part.
        orders.push(...unit.evaluate(now, 'reconfigured'));
      }
    }
    return orders;
  }

  /** Only with the lease in hand may a successor go on where its predecessor crashed. */
  #mustAsk(unit: Unit): boolean {
    return unit.plan.arbiter !== undefined && !this.#leases.has(unit.plan.name);
  }

  /** Units by the new plan, keeping those that have the same name; their members are put in by `#fill`. */
  #regroup(planned: readonly PlannedUnit[], standby: readonly string[], now: Instant): Order[] {
    const names = new Set(planned.map(({ plan }) => plan.name));
    const orders: Order[] = [];
    for (const { plan, keys, routers } of planned) {
      let unit = this.#units.get(plan.name);
      if (unit === undefined) {
        unit = new Unit(plan, {
          verdicts: this.#verdicts,
          leases: this.#leases,
          nextFence: () => this.#fences++,
        });
        this.#units.set(plan.name, unit);
      }
      unit.replan(plan, now);
      unit.standby ||= routers.some((name) => standby.includes(name));
      for (const key of keys) this.#unitOf.set(key, unit);
    }
    for (const [name, unit] of this.#units) {
      // What leaves hands over within its old unit, and the unit goes with the last of it.
      if (names.has(name) || unit.members.some(({ key }) => this.#unitOf.get(key) === unit)) continue;
      this.#units.delete(name);
      this.#deadlines.set(unit, undefined);
      orders.push(...unit.leave.release());
    }
    return orders;
  }

  #fill(planned: readonly PlannedUnit[]): void {
    for (const unit of this.#units.values()) {
      const stay = unit.members.filter(({ key }) => this.#unitOf.get(key) === unit && this.#members.has(key));
      unit.members.splice(0, unit.members.length, ...stay);
    }
    for (const { keys } of planned) {
      for (const key of keys) {
        const member = this.#members.get(key);
        const unit = this.#unitFor(key);
        if (member && !unit.members.includes(member)) unit.members.push(member);
      }
      // In the order of the plan, which is that of every other director.
      const [first] = keys;
      const unit = first === undefined ? undefined : this.#unitFor(first);
      unit?.members.sort((a, b) => keys.indexOf(a.key) - keys.indexOf(b.key));
    }
  }

  #unitFor(key: InstanceKey): Unit {
    const unit = this.#unitOf.get(key);
    if (unit === undefined) throw new Error(`instance ${key} belongs to no unit`);
    return unit;
  }

  #dismiss(member: Member, reason: string, now: Instant): Order[] {
    if (member.leaving) return [];
    member.leaving = true;
    this.#leaving = true;
    return this.#unitFor(member.key).step(member, { event: 'shutdown', reason }, now);
  }

  #condition({ key, condition }: Of<'condition'>, now: Instant): Order[] {
    const member = this.#members.get(key);
    if (member === undefined) return [];
    member.condition = condition;
    const orders = this.#unitFor(key).evaluate(now, `interface ${member.router.interface} is up`);
    return this.#touched(member, orders);
  }

  #advert(event: Of<'advert'>, now: Instant): Order[] {
    const { key, path, source, local, advertisement } = event;
    const member = this.#members.get(key);
    const unit = this.#unitOf.get(key);
    if (member === undefined || unit === undefined) return [];
    const tied = advertisement.priority === member.parameters.priority;
    const decides = tied && decidesTies(unit.members, member, path, now);
    const orders = unit.step(
      member,
      { event: 'advert', advertisement, source, local, decidesTies: decides },
      now,
    );
    return this.#touched(member, orders);
  }

  #presence({ key, path, ...answer }: Of<'presence'>, now: Instant): Order[] {
    const member = this.#members.get(key);
    const unit = this.#unitOf.get(key);
    if (member === undefined || unit === undefined) return [];
    return this.#touched(member, unit.onPresence(member, path, answer, now));
  }

  #takeVerdicts(verdicts: readonly TrackVerdict[], now: Instant): Order[] {
    const changed = new Set<string>();
    for (const verdict of verdicts) {
      this.#verdicts.set(trackKey(verdict), verdict);
      changed.add(trackKey(verdict));
    }
    const reason = (unit: Unit) => {
      const names = unit.plan.uses.filter((use) => changed.has(trackKey(use))).map(trackKey);
      return `${names.join(', ')}: nothing is in the way any more`;
    };
    return this.#all((unit) =>
      unit.plan.uses.some((use) => changed.has(trackKey(use))) ? unit.evaluate(now, reason(unit)) : [],
    );
  }

  #addressesFound({ key, addresses }: Of<'addresses-found'>, now: Instant): Order[] {
    const member = this.#members.get(key);
    if (member === undefined) return [];
    return this.#touched(
      member,
      this.#unitFor(key).step(member, { event: 'addresses-found', addresses }, now),
    );
  }

  #addressesLost({ key, addresses }: Of<'addresses-lost'>, now: Instant): Order[] {
    const member = this.#members.get(key);
    if (member === undefined) return [];
    if (member.holds) member.addressesRestored += addresses.length;
    return this.#touched(
      member,
      this.#unitFor(key).step(member, { event: 'addresses-lost', addresses }, now),
    );
  }

  #claim({ key, address, mac }: Of<'claim'>, now: Instant): Order[] {
    const member = this.#members.get(key);
    if (member === undefined) return [];
    this.#unitFor(key).leave.onAnswered();
    const active = member.state.name === 'active';
    if (!active && !member.asking) return [];
    member.conflicts++;
    if (member.defendedAt !== undefined && elapsed(member.defendedAt, now) < DEFEND_INTERVAL) return [];
    member.defendedAt = now;
    const message = `${address} is answered by ${mac} too: another host has it, or a director that no longer advertises`;
    const defence = active ? this.#unitFor(key).step(member, { event: 'contested' }, now) : [];
    return this.#touched(member, [
      { order: 'tell', level: 'warn', router: member.router.name, message },
      ...defence,
    ]);
  }

  #lease({ unit: name, heldUntil, contended }: Of<'lease'>, now: Instant): Order[] {
    if (heldUntil === undefined) this.#leases.delete(name);
    else this.#leases.set(name, heldUntil);
    const unit = this.#units.get(name);
    if (unit === undefined) return [];
    const orders = unit.onLease(contended === true, now);
    orders.push(...unit.onTimer(now));
    this.#note(unit);
    return this.#released(orders);
  }

  #handover({ id, names, stayDown }: Of<'handover'>, now: Instant): Order[] {
    const known = new Set([...this.#members.values()].map(({ router }) => router.name));
    const wanted = names.length > 0 ? names : [...known];
    const unknown = wanted.filter((name) => !known.has(name));
    const units = this.#unitsOf(wanted);
    const members = units.flatMap((unit) => unit.members.filter(({ leaving }) => !leaving));
    this.#handovers.begin(id, members, unknown, wanted);
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

  #restore(names: readonly string[], now: Instant): Order[] {
    const wanted = names.length > 0 ? names : [...this.#members.values()].map(({ router }) => router.name);
    return this.#unitsOf(wanted).flatMap((unit) => {
      unit.standby = false;
      unit.yields = false;
      return unit.evaluate(now, 'resumed by command');
    });
  }

  #unitsOf(names: readonly string[]): readonly Unit[] {
    return [...this.#units.values()].filter((unit) =>
      unit.members.some(({ router }) => names.includes(router.name)),
    );
  }

  #end(event: { readonly event: 'shutdown' | 'stop'; readonly reason: string }, now: Instant): Order[] {
    this.#stopping = true;
    this.#leaving = true;
    const orders: Order[] = [];
    for (const member of this.#members.values()) {
      member.leaving = true;
      orders.push(...this.#unitFor(member.key).step(member, event, now));
    }
    return this.#settled(orders);
  }

  #timer(now: Instant): Order[] {
    const units = this.#deadlines.due(after(now, MOST_SLACK));
    // The leave to be active may have ended: nothing is advertised and nothing renewed in spite of that.
    const orders = units.flatMap((unit) => unit.onTimer(now));
    for (const member of units.flatMap(({ members }) => members)) {
      const { deadline } = member;
      if (deadline === undefined || deadline > after(now, slackOf(member))) continue;
      const at = deadline > now ? deadline : now;
      orders.push(...this.#unitFor(member.key).step(member, { event: 'timer' }, at));
    }
    for (const unit of units) this.#note(unit);
    return this.#released(orders);
  }

  /** Members whose own deadline has come. */
  #due(now: Instant): readonly Member[] {
    const members = this.#deadlines.due(now).flatMap((unit) => unit.members);
    return members.filter(({ deadline }) => deadline !== undefined && deadline <= now);
  }

  #all(of: (unit: Unit) => Order[]): Order[] {
    return [...this.#units.values()].flatMap(of);
  }

  /** After what touched one member, and through it only its unit. */
  #touched(member: Member, orders: Order[]): Order[] {
    this.#note(this.#unitFor(member.key));
    return this.#released(orders);
  }

  /** What has ended is known until the next event, so that its last orders can be carried out. */
  #forgetEnded(): void {
    if (!this.#leaving) return;
    for (const [key, member] of this.#members) {
      if (!member.leaving || !member.ended) continue;
      this.#members.delete(key);
      const unit = this.#unitFor(key);
      unit.members.splice(unit.members.indexOf(member), 1);
      this.#unitOf.delete(key);
      this.#note(unit);
      if (unit.members.length === 0) this.#units.delete(unit.plan.name);
    }
    this.#leaving = [...this.#members.values()].some(({ leaving }) => leaving);
  }

  /** After what may have touched every unit. */
  #settled(orders: Order[]): Order[] {
    for (const unit of this.#units.values()) this.#note(unit);
    return this.#released(orders);
  }

  /** Gives back the leases of units that have ended. */
  #released(orders: Order[]): Order[] {
    if (!this.#leaving) return orders;
    for (const unit of this.#units.values()) {
      if (unit.members.every(({ leaving, ended }) => leaving && ended)) orders.push(...unit.leave.release());
    }
    return orders;
  }

  /** Its own deadline, or that of the member that is due first; none once it has no member any more. */
  #note(unit: Unit): void {
    let next = unit.members.length > 0 ? unit.deadline : undefined;
    for (const { deadline } of unit.members) {
      if (deadline !== undefined && (next === undefined || deadline < next)) next = deadline;
    }
    this.#deadlines.set(unit, next);
  }
}

/** How often an address is defended (DEFEND_INTERVAL of RFC 5227 section 1.1), and that told. */
const DEFEND_INTERVAL = milliseconds(10_000);

/**
 * What an active router does regularly may come so much early, together with others, so that hundreds of virtual
 * routers need not wake the process one by one. Nobody waits for less than three intervals, of which this is at most
 * one hundredth.
 */
const MOST_SLACK = milliseconds(1);
const SLACK_FROM = centiseconds(10);

const slackOf = ({ state, parameters }: Member): Milliseconds =>
  state.name === 'active' && parameters.advertInterval >= SLACK_FROM ? MOST_SLACK : milliseconds(0);

const UNKNOWN_CONDITION: Condition = {
  obstacle: 'its interface has not been looked at yet',
  source: undefined,
  room: 255,
};
