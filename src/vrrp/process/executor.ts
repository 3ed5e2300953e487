/** Carries out what the director orders, in that order and without ever waiting. */
import { after, elapsed, type Instant, milliseconds } from '../../model/units.ts';
import type { VirtualAddress } from '../../model/virtual-router.ts';
import type { Action } from '../action.ts';
import type { Director } from '../director/director.ts';
import type { DirectorEvent, InstanceKey, Order } from '../director/event.ts';
import type { Member } from '../director/member.ts';
import { leaseLifetime } from '../lease.ts';
import type { VirtualRoutersContext } from './context.ts';
import type { Parts } from './parts.ts';
import { inStages } from './stages.ts';

/** Of many virtual routers some are due so soon after others that the manager is told of all together. */
const DUE_AT_ONCE = milliseconds(5);
const LONGEST_UNREPORTED = milliseconds(100);
/**
 * How many are told of in one turn after a timer: all 255 took 10 ms, in which the next adverts and announcements came
 * to be due.
 */
const REPORTED_AT_ONCE = 32;

type ExecutorContext = Pick<VirtualRoutersContext, 'send' | 'complain' | 'now'>;
type Of<Type extends Order['order']> = Extract<Order, { order: Type }>;

/** The director's hands. */
export class Executor {
  readonly #context: ExecutorContext;
  readonly #director: Director;
  readonly #parts: Parts;
  /** Questions that nobody waits for the answer to. */
  readonly #toProbe: Of<'probe'>[] = [];
  /** When what has changed is told at the latest; undefined: nothing has. */
  #reportBy: Instant | undefined;
  /** Whether the rest follows in another turn. */
  #goesOn = false;

  constructor(context: ExecutorContext, director: Director, parts: Parts) {
    this.#context = context;
    this.#director = director;
    this.#parts = parts;
  }

  /** What the director ordered at an event of this type; what people read of it may follow with the next one's. */
  carryOut(orders: readonly Order[], type: DirectorEvent['type'], now: Instant): void {
    // Many may be due at once, as when another director is lost: none of them waits for all that the one before does.
    for (const order of type === 'timer' ? inStages(orders) : orders) this.#do(order);
    this.#parts.holdings.flush();
    this.#report(type, now);
  }

  /** What people read, and who else answers, waits while virtual routers are due one after the other; not for long. */
  #report(type: DirectorEvent['type'], now: Instant): void {
    const { reporter } = this.#parts;
    if (!reporter.pending && this.#toProbe.length === 0) return;
    const due = this.#director.deadline;
    const busy = type === 'timer' && due !== undefined && elapsed(now, due) < DUE_AT_ONCE;
    this.#reportBy ??= after(now, LONGEST_UNREPORTED);
    if (busy && now < this.#reportBy) return;
    this.#reportBy = undefined;
    const most = type === 'timer' && !this.#director.ended ? REPORTED_AT_ONCE : Number.POSITIVE_INFINITY;
    for (const { key, addresses } of this.#toProbe.splice(0, most)) this.#probe(key, addresses);
    reporter.flush(now, most);
    if (this.#goesOn || (!reporter.pending && this.#toProbe.length === 0)) return;
    this.#goesOn = true;
    setImmediate(() => {
      this.#goesOn = false;
      this.#report('timer', this.#context.now());
    });
  }

  #do(order: Order): void {
    const { send } = this.#context;
    switch (order.order) {
      case 'act': {
        const member = this.#director.member(order.key);
        if (member) this.#act(member, order.action);
        return;
      }
      case 'probe':
        // One that waits for the answer has little time; one that has taken over already has all of it.
        if (this.#director.member(order.key)?.asking) this.#probe(order.key, order.addresses);
        else this.#toProbe.push(order);
        return;
      case 'lease':
        send({ type: 'lease-wanted', unit: order.unit, wanted: order.wanted });
        return;
      case 'fence':
        send({ type: 'fence', id: order.id, unit: order.unit, peer: order.peer });
        return;
      case 'handed-over':
        send({ type: 'handed-over', id: order.id, outcomes: order.outcomes });
        return;
      case 'tell':
        this.#tell(order);
        return;
      default:
        order satisfies never;
    }
  }

  #act(member: Member, action: Action): void {
    const { post, vmacs, holdings, reporter } = this.#parts;
    switch (action.action) {
      case 'send-advert':
        this.#advertise(member, action.priority);
        return;
      case 'send-presence':
        post.send(member, action.asks ? 'request' : 'presence', member.parameters.priority);
        return;
      case 'install-addresses':
        vmacs.setUp(member, true);
        holdings.install(member, action.addresses, action.lifetime);
        return;
      case 'renew-addresses':
        holdings.renew(member, action.addresses, action.lifetime);
        return;
      case 'remove-addresses':
        if (!member.holds) vmacs.silence(member);
        holdings.remove(member, action.addresses);
        if (!member.holds) vmacs.setUp(member, false);
        return;
      case 'install-routes':
        holdings.installRoutes(member);
        return;
      case 'remove-routes':
        holdings.removeRoutes(member);
        return;
      case 'announce':
        holdings.announce(member, action.addresses);
        return;
      case 'rival':
        this.#rival(member, action);
        return;
      case 'report':
        if (action.to === 'backup') this.#makeReady(member);
        reporter.touch(member.router.name);
        return;
      case 'ask-leave':
        reporter.touch(member.router.name);
        return;
      default:
        action satisfies never;
    }
  }

  /** A backup has the time that its take-over will not have. */
  #makeReady(member: Member): void {
    const { post, holdings } = this.#parts;
    post.makeReady(member);
    holdings.makeReady(member, member.parameters.addresses, leaseLifetime(member.parameters));
  }

  #advertise(member: Member, priority: number): void {
    // From the virtual Ethernet address already the first one.
    if (member.holds) this.#parts.vmacs.setUp(member, true);
    this.#parts.post.send(member, 'advert', priority);
  }

  #rival({ router: { name } }: Member, { address, outcome }: Extract<Action, { action: 'rival' }>): void {
    this.#parts.reporter.rival(name, address, outcome);
    this.#context.send({ type: 'rival', name, address, outcome });
  }

  #tell({ router, level, message }: Of<'tell'>): void {
    const text = `virtual router ${router}: ${message}`;
    this.#context.complain(`${router} ${message}`, level, text, { virtualRouter: router });
  }

  #probe(key: InstanceKey, addresses: readonly VirtualAddress[]): void {
    const member = this.#director.member(key);
    if (member === undefined) return;
    const source = member.condition.source;
    for (const { address, device } of addresses) {
      this.#parts.network.interfaceNamed(device ?? member.router.interface)?.ask(address, source);
    }
  }
}
