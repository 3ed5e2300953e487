/**
 * A director: everything that is decided about its virtual routers, their sync groups, what is tracked for them and
 * the leave to be active. No clock, no socket, no address is touched here: the same events always give the same
 * orders, so that a simulation plays thousands of directors through this code, and a recording is replayed by it.
 *
 *     event ─▶ membership ─▶ unit ─▶ member: machine.ts ─▶ orders
 *                             └─ tracking, leave, tenure
 */
import { type TrackVerdict, trackKey } from '../../model/tracking.ts';
import { elapsed, type Instant, milliseconds } from '../../model/units.ts';
import { mustHearFirst } from '../machine.ts';
import type { DirectorEvent, InstanceKey, Order } from './event.ts';
import { Fences } from './fences.ts';
import { Handovers, resume } from './handovers.ts';
import type { Member } from './member.ts';
import { type Farewell, Membership } from './membership.ts';
import { membersDue, Schedule } from './schedule.ts';
import { decidesTies } from './ties.ts';
import type { Unit } from './unit.ts';

type Of<Type extends DirectorEvent['type']> = Extract<DirectorEvent, { type: Type }>;

/** The rules of one host, from its first configuration to its end. */
export class Director {
  readonly #verdicts = new Map<string, TrackVerdict>();
  readonly #leases = new Map<string, Instant>();
  readonly #fences = new Fences();
  readonly #schedule = new Schedule();
  readonly #membership = new Membership({
    verdicts: this.#verdicts,
    leases: this.#leases,
    fences: this.#fences,
    schedule: this.#schedule,
  });
  readonly #handovers = new Handovers();
  #stopping = false;

  /** What must be done, in this order. */
  handle(event: DirectorEvent, now: Instant): readonly Order[] {
    this.#membership.forgetEnded();
    const orders = this.#dispatch(event, now);
    return this.#handovers.underWay
      ? [...orders, ...this.#handovers.finished(this.#membership.members, now)]
      : orders;
  }

  /** When a `timer` event is due. */
  get deadline(): Instant | undefined {
    return this.#schedule.next;
  }

  /** Instances whose waiting packets must be read before a `timer` event: what is decided depends on them. */
  deciding(now: Instant): readonly InstanceKey[] {
    return this.#schedule
      .due(now)
      .filter(({ state, parameters }) => mustHearFirst(state, now, parameters))
      .map(({ key }) => key);
  }

  /** Whether nothing takes part any more after a stop. */
  get ended(): boolean {
    return this.#stopping && [...this.#membership.members.values()].every(({ ended }) => ended);
  }

  member(key: InstanceKey): Member | undefined {
    return this.#membership.members.get(key);
  }

  members(): Iterable<Member> {
    return this.#membership.members.values();
  }

  unitOf(key: InstanceKey): Unit | undefined {
    return this.#membership.unitOf(key);
  }

  units(): Iterable<Unit> {
    return this.#membership.units();
  }

  verdictOf(key: string): TrackVerdict | undefined {
    return this.#verdicts.get(key);
  }

  #dispatch(event: DirectorEvent, now: Instant): Order[] {
    switch (event.type) {
      case 'configure':
        return this.#settled(this.#stopping ? [] : this.#membership.configure(event, now));
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
        this.#fences.end(event.id, event.done, now);
        return this.#settled(this.#all((unit) => unit.leave.onFenced(event.id, event, now)));
      case 'handover':
        return this.#settled(this.#handovers.begin(event, this.#membership, now));
      case 'restore':
        return this.#settled(resume(event.names, this.#membership, now));
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

  #condition({ key, condition }: Of<'condition'>, now: Instant): Order[] {
    const member = this.#membership.members.get(key);
    if (member === undefined) return [];
    member.condition = condition;
    const orders = this.#membership.unitFor(key).evaluate(now, `interface ${member.router.interface} is up`);
    return this.#touched(member, orders);
  }

  #advert(event: Of<'advert'>, now: Instant): Order[] {
    const { key, path, source, local, advertisement } = event;
    const member = this.#membership.members.get(key);
    const unit = this.#membership.unitOf(key);
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
    const member = this.#membership.members.get(key);
    const unit = this.#membership.unitOf(key);
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
    const member = this.#membership.members.get(key);
    if (member === undefined) return [];
    return this.#touched(
      member,
      this.#membership.unitFor(key).step(member, { event: 'addresses-found', addresses }, now),
    );
  }

  #addressesLost({ key, addresses }: Of<'addresses-lost'>, now: Instant): Order[] {
    const member = this.#membership.members.get(key);
    if (member === undefined) return [];
    if (member.holds) member.addressesRestored += addresses.length;
    return this.#touched(
      member,
      this.#membership.unitFor(key).step(member, { event: 'addresses-lost', addresses }, now),
    );
  }

  #claim({ key, address, mac }: Of<'claim'>, now: Instant): Order[] {
    const member = this.#membership.members.get(key);
    if (member === undefined) return [];
    this.#membership.unitFor(key).leave.onAnswered();
    const active = member.state.name === 'active';
    if (!active && !member.asking) return [];
    member.conflicts++;
    if (member.defendedAt !== undefined && elapsed(member.defendedAt, now) < DEFEND_INTERVAL) return [];
    member.defendedAt = now;
    const message = `${address} is answered by ${mac} too: another host has it, or a director that no longer advertises`;
    const defence = active ? this.#membership.unitFor(key).step(member, { event: 'contested' }, now) : [];
    return this.#touched(member, [
      { order: 'tell', level: 'warn', router: member.router.name, message },
      ...defence,
    ]);
  }

  #lease({ unit: name, heldUntil, contended }: Of<'lease'>, now: Instant): Order[] {
    if (heldUntil === undefined) this.#leases.delete(name);
    else this.#leases.set(name, heldUntil);
    const unit = this.#membership.unit(name);
    if (unit === undefined) return [];
    const orders = unit.onLease(contended === true, now);
    orders.push(...unit.onTimer(now));
    this.#schedule.note(unit);
    return [...orders, ...this.#membership.releaseEnded()];
  }

  #end(event: Farewell, now: Instant): Order[] {
    this.#stopping = true;
    return this.#settled(this.#membership.dismissAll(event, now));
  }

  #timer(now: Instant): Order[] {
    const units = this.#schedule.nearlyDue(now);
    // The leave to be active may have ended: nothing is advertised and nothing renewed in spite of that.
    const orders = units.flatMap((unit) => unit.onTimer(now));
    for (const { member, at } of membersDue(units, now)) {
      orders.push(...this.#membership.unitFor(member.key).step(member, { event: 'timer' }, at));
    }
    for (const unit of units) this.#schedule.note(unit);
    return [...orders, ...this.#membership.releaseEnded()];
  }

  #all(of: (unit: Unit) => Order[]): Order[] {
    return [...this.#membership.units()].flatMap(of);
  }

  /** After what touched one member, and through it only its unit. */
  #touched(member: Member, orders: Order[]): Order[] {
    this.#schedule.note(this.#membership.unitFor(member.key));
    return [...orders, ...this.#membership.releaseEnded()];
  }

  /** After what may have touched every unit. */
  #settled(orders: Order[]): Order[] {
    for (const unit of this.#membership.units()) this.#schedule.note(unit);
    return [...orders, ...this.#membership.releaseEnded()];
  }
}

/** How often an address is defended (DEFEND_INTERVAL of RFC 5227 section 1.1), and that told. */
const DEFEND_INTERVAL = milliseconds(10_000);
