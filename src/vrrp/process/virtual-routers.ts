/**
 * The director at work: what happens in the network becomes its events, and its orders are carried out, in their order
 * and without ever waiting. Everything happens within one turn of the loop.
 *
 *     sockets ──▶ receive checks ──┐                ┌─▶ adverts (envoy), addresses and routes (holdings)
 *     link and address notices ────┼─▶ director ────┼─▶ announcements, questions for addresses
 *     one timer ───────────────────┘                └─▶ manager: states, leases, fences
 */
import type { Addresses } from '../../kernel/addresses.ts';
import type { GroupNeighbours } from '../../kernel/group-neighbours.ts';
import type { Link } from '../../kernel/links.ts';
import type { Macvlans } from '../../kernel/macvlan.ts';
import type { Routes } from '../../kernel/routes.ts';
import type { Rules } from '../../kernel/rules.ts';
import type { NetworkEvent, RoutingEvent } from '../../kernel/watch.ts';
import { type Family, familyOf, formatPrefix, type IpAddress } from '../../model/address.ts';
import type { VrrpNetwork, VrrpToManager } from '../../model/messages.ts';
import type { GroupStatus, RouterStatus } from '../../model/router-status.ts';
import type { TrackVerdict } from '../../model/tracking.ts';
import {
  after,
  type Clock,
  elapsed,
  type Instant,
  type Milliseconds,
  milliseconds,
} from '../../model/units.ts';
import type { VirtualAddress, VirtualRouter } from '../../model/virtual-router.ts';
import type { Reactor } from '../../sys/reactor.ts';
import { DeadlineTimer } from '../../sys/timer.ts';
import type { Action } from '../action.ts';
import { Director } from '../director/director.ts';
import type { DirectorEvent, InstanceKey, Order } from '../director/event.ts';
import { instancesOf, type Member } from '../director/member.ts';
import { Fixed } from './fixed.ts';
import { Gateways } from './gateways.ts';
import { Holdings } from './holdings.ts';
import { removeLeftovers } from './leftovers.ts';
import { LinkTable } from './link-table.ts';
import { Network } from './network.ts';
import { Post } from './post.ts';
import { Reporter } from './reporter.ts';
import { inStages } from './stages.ts';
import type { ThrottledLog } from './throttle.ts';
import { TrackedLinks } from './tracked-links.ts';
import { VirtualMacs, vmacDevice } from './vmac.ts';

/** The kernel, as far as virtual routers need it. */
export interface VrrpKernel {
  readonly addresses: Addresses;
  readonly groups: Pick<GroupNeighbours, 'put' | 'remove'>;
  readonly routes: Pick<Routes, 'list' | 'listOwn' | 'put' | 'remove'>;
  readonly rules: Pick<Rules, 'listOwn' | 'put' | 'remove'>;
  readonly macvlans: Macvlans;
  readonly listLinks: () => readonly Link[];
}

export interface VirtualRoutersContext {
  readonly reactor: Reactor;
  readonly kernel: VrrpKernel;
  readonly now: Clock;
  /** Milliseconds since 1970, for people. */
  readonly date: () => number;
  readonly complain: ThrottledLog;
  readonly send: (
    message: Exclude<VrrpToManager, { type: 'ready' | 'configured' | 'status' | 'log' }>,
  ) => void;
  /** Every virtual router has handed over after `stop`. */
  onStopped(): void;
}

export interface Configuration {
  readonly network: VrrpNetwork;
  readonly resume: readonly string[];
  readonly standby: readonly string[];
}

/** A deadline that is acted upon so late is worth a line: adverts were missed, and the shortest lease lasts a second. */
const STALL = milliseconds(500);
/** Below this nobody can have slept longer than others wait: two of the shortest advert intervals. */
const SHORTEST_STALL = milliseconds(20);

/** Of many virtual routers some are due so soon after others that the manager is told of all together. */
const DUE_AT_ONCE = milliseconds(5);
const LONGEST_UNREPORTED = milliseconds(100);

export class VirtualRouters {
  readonly #context: VirtualRoutersContext;
  readonly #director = new Director();
  readonly #links: LinkTable;
  readonly #timer: DeadlineTimer;
  readonly #network: Network;
  readonly #post: Post;
  readonly #holdings: Holdings;
  readonly #vmacs: VirtualMacs;
  readonly #fixed: Fixed;
  readonly #gateways: Gateways;
  readonly #trackedLinks: TrackedLinks;
  readonly #reporter: Reporter;
  readonly #touched = new Set<string>();
  #wanted: VrrpNetwork | undefined;
  #recording = false;
  #tidied = false;
  #stopped = false;
  /** The deadline that was missed when a stall was looked for last. */
  #heededDue: Instant | undefined;
  readonly #toProbe: Extract<Order, { order: 'probe' }>[] = [];
  /** When what has changed is told at the latest; undefined: nothing has. */
  #reportBy: Instant | undefined;

  /** Throws KernelError or SystemError. `onNetwork` must be told the notices from before this call on. */
  constructor(context: VirtualRoutersContext) {
    this.#context = context;
    const { reactor, kernel, complain, now, date, send } = context;
    this.#links = new LinkTable(kernel.listLinks);
    this.#timer = new DeadlineTimer(reactor, () => this.#onDeadline());
    this.#network = new Network({
      reactor,
      addresses: kernel.addresses,
      groups: kernel.groups,
      complain,
      linkNamed: (name) => this.#links.named(name),
      onMessage: (...received) => this.#post.receive(...received),
      onClaim: (name, address, mac) => this.#onClaim(name, address, mac),
    });
    this.#post = new Post({
      network: this.#network,
      complain,
      date,
      steadyDate: steady(date, now),
      isVmacUp: (member) => this.#vmacs.isUp(member),
      // It came before it is looked at: what that takes must not delay a take-over.
      onEvent: (event) => this.#handle(event, now()),
    });
    const interfaceOf = (name: string) => this.#network.interfaceNamed(name);
    const { routes, rules, macvlans } = kernel;
    this.#holdings = new Holdings({
      routes,
      rules,
      complain,
      interfaceOf,
      carrierOf,
      heldByAnother: (member, address, device) => this.#heldByAnother(member, address, device),
    });
    this.#vmacs = new VirtualMacs({
      macvlans,
      complain,
      linkNamed: (name) => this.#links.named(name),
      reloadLinks: () => this.#links.reload(),
    });
    this.#fixed = new Fixed({ routes, rules, complain, interfaceOf });
    this.#gateways = new Gateways({
      routes,
      ask: (name, address) => this.#network.ask(name, address),
      onVerdict: (verdict) => this.verdicts([verdict]),
    });
    this.#trackedLinks = new TrackedLinks((name) => this.#links.named(name));
    this.#reporter = new Reporter({
      director: this.#director,
      envoyOf: (key) => this.#post.envoyOf(key),
      straysOf: (name) => this.#post.straysOf(name),
      date,
      onRouter: (status) => send({ type: 'state', status }),
      onGroup: (status) => send({ type: 'group-state', status }),
    });
  }

  /** The whole set: unchanged ones go on untouched, vanished ones hand over. */
  configure({ network, resume, standby }: Configuration): void {
    if (this.#stopped) return;
    this.#wanted = network;
    const now = this.#context.now();
    const leaving = [...this.#director.members()].map(({ router }) => router);
    this.#vmacs.prepare(network.routers);
    this.#network.configure(network, leaving);
    // Known before anything starts that depends on them.
    this.verdicts(this.#trackedLinks.configure(network));
    const keys = network.routers.flatMap((router) =>
      instancesOf(router).map((instance) => ({ ...instance, router })),
    );
    const conditions = Object.fromEntries(
      keys.map(({ key, family, router }) => [key, this.#network.condition(router, family)]),
    );
    const resumed = keys.filter(({ router }) => resume.includes(router.name) && this.#isIntact(router));
    const { routers, groups, arbiter, fencing } = network;
    const carriers = this.#carriers();
    this.#handle(
      {
        type: 'configure',
        network: { routers, groups, arbiter, fencing },
        conditions,
        resume: resumed.map(({ key }) => key),
        standby,
      },
      now,
    );
    this.#moveOver(carriers);
    this.#afterConfiguration(network);
  }

  /** What came from the manager, or from the network, for the rules to decide. */
  tell(event: Extract<DirectorEvent, { type: 'lease' | 'fenced' | 'handover' | 'restore' }>): void {
    this.#handle(event, this.#context.now());
  }

  verdicts(verdicts: readonly TrackVerdict[]): void {
    if (verdicts.length > 0) this.#handle({ type: 'verdicts', verdicts }, this.#context.now());
  }

  /** Hands over every virtual router, make before break; `onStopped` follows, perhaps within this call. */
  stop(reason: string): void {
    this.#handle({ type: 'stop', reason }, this.#context.now());
  }

  /** Ends every hand-over now. */
  abandon(reason: string): void {
    this.#handle({ type: 'abandon', reason }, this.#context.now());
  }

  /** Tells the manager every event from now on, or no longer. */
  record(on: boolean): void {
    this.#recording = on;
  }

  status(): { readonly routers: readonly RouterStatus[]; readonly groups: readonly GroupStatus[] } {
    for (const name of this.#network.failed()) this.#touch(name);
    return { routers: this.#reporter.routers(this.#context.now()), groups: this.#reporter.groups() };
  }

  onNetwork(event: NetworkEvent): void {
    // Our own doing, and no news: the renewal of a lease.
    if (event.kind === 'address' && event.lifetime !== 'forever' && this.#post.isHeld(event.prefix.address))
      return;
    const names = this.#links.update(event);
    this.verdicts(this.#trackedLinks.changed());
    for (const name of names === 'all' ? this.#network.names() : names) this.#touch(name);
  }

  /** Somebody took one of our routes or rules away: put back, as an address is. */
  onRouting(event: RoutingEvent): void {
    if (event.kind === 'route-gone' || event.kind === 'rule-gone') this.#touch('');
  }

  /** Leaves the kernel's addresses as they are. */
  close(): void {
    this.#timer.close();
    this.#gateways.close();
    this.#network.close();
  }

  #afterConfiguration(network: VrrpNetwork): void {
    this.#post.configure(this.#director.members());
    this.#vmacs.configure([...this.#director.members()]);
    // A macvlan that was just made is a link that its members wait for.
    this.#network.refreshAll();
    this.#conditions(network.routers.map(({ interface: name }) => name));
    this.#fixed.configure(network.fixed);
    this.#gateways.configure(network.gateways);
    if (!this.#tidied) this.#tidy(network);
  }

  /** Once: of what an earlier process has left, that stays which would be put there now. */
  #tidy({ fixed }: VrrpNetwork): void {
    this.#tidied = true;
    const active = [...this.#director.members()].filter(({ holds }) => holds).map(({ router }) => router);
    const { kernel, complain } = this.#context;
    removeLeftovers({ routes: kernel.routes, rules: kernel.rules, complain }, [fixed, ...active]);
  }

  /** Which link carries the addresses of each instance that holds them. */
  #carriers(): ReadonlyMap<InstanceKey, string> {
    const holding = [...this.#director.members()].filter(({ holds }) => holds);
    return new Map(holding.map((member) => [member.key, carrierOf(member)]));
  }

  /** Where `vmac` has changed the addresses go over to another link: they are there before they leave the former one. */
  #moveOver(before: ReadonlyMap<InstanceKey, string>): void {
    for (const member of this.#director.members()) {
      const former = before.get(member.key);
      if (former === undefined || !member.holds || former === carrierOf(member)) continue;
      const addresses = member.parameters.addresses.filter(({ device }) => device === undefined);
      this.#vmacs.setUp(member, true);
      this.#handle({ type: 'addresses-lost', key: member.key, addresses }, this.#context.now());
      this.#network.interfaceNamed(former)?.remove(addresses);
    }
  }

  /** Whether all that it would hold is still there. */
  #isIntact(router: VirtualRouter): boolean {
    return router.addresses.every(({ address, device }) => {
      const carrier = carrierOf({ router, family: familyOf(address) });
      const held = this.#network.interfaceNamed(device ?? carrier)?.held;
      return held?.some(({ prefix }) => prefix.address === address);
    });
  }

  #handle(event: DirectorEvent, now: Instant): void {
    if (event.type !== 'stalls') this.#heedStall(now);
    if (this.#stopped) return;
    if (this.#recording)
      this.#context.send({ type: 'recorded', lines: [JSON.stringify({ at: now, event }, withoutSecrets)] });
    const orders = this.#director.handle(event, now);
    // Many may be due at once, as when another director is lost: none of them waits for all that the one before does.
    for (const order of event.type === 'timer' ? inStages(orders) : orders) this.#carryOut(order);
    this.#holdings.flush();
    this.#report(event, now);
    this.#timer.arm(this.#director.deadline);
    this.#ifEnded();
  }

  /** What people read, and who else answers, waits while virtual routers are due one after the other; not for long. */
  #report({ type }: DirectorEvent, now: Instant): void {
    if (!this.#reporter.pending && this.#toProbe.length === 0) return;
    const due = this.#director.deadline;
    const busy = type === 'timer' && due !== undefined && elapsed(now, due) < DUE_AT_ONCE;
    this.#reportBy ??= after(now, LONGEST_UNREPORTED);
    if (busy && now < this.#reportBy) return;
    this.#reportBy = undefined;
    for (const { key, addresses } of this.#toProbe.splice(0)) this.#probe(key, addresses);
    this.#reporter.flush(now);
  }

  #carryOut(order: Order): void {
    switch (order.order) {
      case 'act': {
        const member = this.#director.member(order.key);
        if (member) this.#act(member, order.action);
        break;
      }
      case 'probe':
        // One that waits for the answer has little time; one that has taken over already has all of it.
        if (this.#director.member(order.key)?.asking) this.#probe(order.key, order.addresses);
        else this.#toProbe.push(order);
        break;
      case 'lease':
        this.#context.send({ type: 'lease-wanted', unit: order.unit, wanted: order.wanted });
        break;
      case 'fence':
        this.#context.send({ type: 'fence', id: order.id, unit: order.unit, peer: order.peer });
        break;
      case 'handed-over':
        this.#context.send({ type: 'handed-over', id: order.id, outcomes: order.outcomes });
        break;
      case 'tell':
        this.#context.complain(
          `${order.router} ${order.message}`,
          order.level,
          `virtual router ${order.router}: ${order.message}`,
          {
            virtualRouter: order.router,
          },
        );
        break;
      default:
        order satisfies never;
    }
  }

  #act(member: Member, action: Action): void {
    switch (action.action) {
      case 'send-advert':
        // From the virtual Ethernet address already the first one.
        if (member.holds) this.#vmacs.setUp(member, true);
        this.#post.send(member, 'advert', action.priority);
        break;
      case 'send-presence':
        this.#post.send(member, action.asks ? 'request' : 'presence', member.parameters.priority);
        break;
      case 'install-addresses':
        this.#vmacs.setUp(member, true);
        this.#holdings.install(member, action.addresses, action.lifetime);
        break;
      case 'renew-addresses':
        this.#holdings.renew(member, action.addresses, action.lifetime);
        break;
      case 'remove-addresses':
        this.#holdings.remove(member, action.addresses);
        if (!member.holds) this.#vmacs.setUp(member, false);
        break;
      case 'install-routes':
        this.#holdings.installRoutes(member);
        break;
      case 'remove-routes':
        this.#holdings.removeRoutes(member);
        break;
      case 'announce':
        this.#holdings.announce(member, action.addresses);
        break;
      case 'ask-leave':
        this.#reporter.touch(member.router.name);
        break;
      case 'rival':
        this.#reporter.rival(member.router.name, action.address, action.outcome);
        this.#context.send({
          type: 'rival',
          name: member.router.name,
          address: action.address,
          outcome: action.outcome,
        });
        break;
      case 'report':
        this.#reporter.touch(member.router.name);
        break;
      default:
        action satisfies never;
    }
  }

  #probe(key: InstanceKey, addresses: readonly VirtualAddress[]): void {
    const member = this.#director.member(key);
    if (member === undefined) return;
    const source = member.condition.source;
    for (const { address, device } of addresses) {
      this.#network.interfaceNamed(device ?? member.router.interface)?.ask(address, source);
    }
  }

  #onClaim(name: string, address: IpAddress, mac: string): void {
    this.#gateways.onClaim(name, address);
    for (const { key, router, parameters } of this.#post.holdersOf(address)) {
      const claimed = parameters.addresses.some(
        (own) => own.address === address && (own.device ?? router.interface) === name,
      );
      if (claimed) this.#handle({ type: 'claim', key, address, mac }, this.#context.now());
    }
  }

  #heldByAnother(member: Member, { address }: VirtualAddress, device: string): boolean {
    for (const other of this.#post.holdersOf(address)) {
      if (other === member || !other.holds) continue;
      const same = other.parameters.addresses.some(
        (own) => own.address === address && (own.device ?? carrierOf(other)) === device,
      );
      if (same) return true;
    }
    return false;
  }

  /** Notices come in bursts, of which only the end matters: it is looked at once, when this turn has read them. */
  #touch(name: string): void {
    if (name !== '' && !this.#network.has(name)) return;
    if (this.#touched.size === 0) setImmediate(() => this.#refreshTouched());
    this.#touched.add(name);
  }

  #refreshTouched(): void {
    const names = [...this.#touched];
    this.#touched.clear();
    if (this.#stopped) return;
    for (const name of names) this.#network.refresh(name);
    if (this.#wanted) this.#vmacs.configure([...this.#director.members()]);
    this.#conditions(names);
    this.#restore(names);
    this.#fixed.restore();
  }

  /** Tells the director how the links stand that these names may have changed. */
  #conditions(names: readonly string[]): void {
    for (const member of this.#director.members()) {
      if (!this.#network.concerns(member.router, names)) continue;
      const condition = this.#network.condition(member.router, member.family);
      if (JSON.stringify(condition) === JSON.stringify(member.condition)) continue;
      this.#handle({ type: 'condition', key: member.key, condition }, this.#context.now());
    }
  }

  /** Compares with what the links hold now: what is missing is put back by the rules. */
  #restore(names: readonly string[]): void {
    for (const member of this.#director.members()) {
      if (member.state.name === 'backup') this.#removeForeign(member, names);
      if (!member.holds || member.condition.obstacle !== undefined) continue;
      if (names.includes('')) this.#holdings.installRoutes(member);
      if (!this.#network.concerns(member.router, names)) continue;
      const addresses = this.#holdings.missing(member);
      if (addresses.length === 0) continue;
      this.#handle({ type: 'addresses-lost', key: member.key, addresses }, this.#context.now());
      const { name } = member.router;
      const list = addresses.map(formatPrefix).join(', ');
      const message = `virtual router ${name}: ${list} was gone from ${carrierOf(member)}: put back`;
      this.#context.complain(`restored ${member.key}`, 'warn', message, { virtualRouter: name });
    }
  }

  /** An address that somebody put up on a backup would have two owners answer for it. */
  #removeForeign(member: Member, names: readonly string[]): void {
    if (!this.#network.concerns(member.router, names)) return;
    const addresses = this.#holdings.present(member);
    if (addresses.length === 0) return;
    this.#handle({ type: 'addresses-found', key: member.key, addresses }, this.#context.now());
    const { name } = member.router;
    const list = addresses.map(formatPrefix).join(', ');
    const message = `virtual router ${name}: ${list} was put up by somebody else while we are backup: removed`;
    this.#context.complain(`removed ${member.key}`, 'warn', message, { virtualRouter: name });
  }

  #onDeadline(): void {
    const at = this.#context.now();
    this.#tellStall(at);
    // What was slept through comes first: an active router that slept too long gives its addresses up, and only then
    // hears who has taken them; the successor's advert waits in a socket, and it came before this moment.
    this.#heedStall(at);
    const deciding = this.#director.deciding(at);
    for (const name of new Set(deciding.flatMap((key) => this.#post.interfacesOf(key))))
      this.#network.drain(name);
    this.#handle({ type: 'timer' }, this.#context.now());
  }

  /**
   * Whatever this process reads first when it wakes up: that it slept comes before. What the kernel tells of leases
   * that ended meanwhile would be put right otherwise, which is to take the addresses back from a successor.
   */
  #heedStall(now: Instant): void {
    const due = this.#director.deadline;
    if (due === this.#heededDue || this.#lateness(now) < SHORTEST_STALL) return;
    this.#heededDue = due;
    this.#handle({ type: 'stalls' }, now);
  }

  #lateness(now: Instant): Milliseconds {
    const due = this.#director.deadline;
    return due === undefined ? milliseconds(0) : elapsed(due, now);
  }

  /** Nothing was sent meanwhile, and the kernel may have ended leases: the only trace of that may be this line. */
  #tellStall(now: Instant): void {
    const lateness = this.#lateness(now);
    if (lateness < STALL) return;
    const seconds = (lateness / 1000).toFixed(3);
    const message = `the vrrp process stood still for ${seconds} s: a paused machine, or too little CPU`;
    this.#context.complain('stall', 'warn', message);
  }

  #ifEnded(): void {
    if (this.#stopped || !this.#director.ended) return;
    this.#stopped = true;
    this.#fixed.withdraw();
    this.#vmacs.configure([]);
    this.#context.onStopped();
  }
}

/** A recording is shown to others, and the rules need no keys. */
const withoutSecrets = (key: string, value: unknown): unknown =>
  key === 'authentication' ? undefined : value;

/**
 * The date for numbering our own messages. A clock that is set back while we run must not make the others take them
 * for replays, so it goes on by the monotonic clock; one that is set forward is followed.
 */
function steady(date: () => number, now: Clock): () => number {
  const offset = date() - now();
  return () => Math.max(offset + now(), date());
}

/** The link that carries what has no device of its own. */
const carrierOf = ({ router, family }: Pick<Member, 'router'> & { readonly family: Family }): string =>
  vmacDevice(router, family) ?? router.interface;
