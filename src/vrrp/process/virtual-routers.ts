/**
 * All virtual routers of this director and the interfaces that they are on: who is told of which packet, notice and
 * deadline, and what a new configuration means for each. Everything happens within one turn of the loop.
 *
 *     sockets ──────▶ receive checks ─▶ instance
 *     link and address notices ─▶ interface ─▶ instances on it
 *     one timer ────▶ every instance whose deadline has come
 */

import type { Addresses } from '../../kernel/addresses.ts';
import type { Link } from '../../kernel/links.ts';
import type { NetworkEvent } from '../../kernel/watch.ts';
import { formatPrefix, type IpAddress, type Prefix } from '../../model/address.ts';
import type { VirtualRouter } from '../../model/config.ts';
import type { RouterStatus } from '../../model/router-status.ts';
import { type Clock, elapsed, type Instant, milliseconds } from '../../model/units.ts';
import type { Reactor } from '../../sys/reactor.ts';
import { DeadlineTimer } from '../../sys/timer.ts';
import { judge, noRejections, type Verdict } from '../receive-checks.ts';
import { Instance } from './instance.ts';
import { LinkTable } from './link-table.ts';
import { RouterInterface } from './router-interface.ts';
import type { RemoteInfo } from './socket.ts';
import type { ThrottledLog } from './throttle.ts';

export interface VirtualRoutersContext {
  readonly reactor: Reactor;
  readonly addresses: Addresses;
  readonly listLinks: () => readonly Link[];
  readonly now: Clock;
  /** Milliseconds since 1970, for people. */
  readonly date: () => number;
  readonly complain: ThrottledLog;
  onState(status: RouterStatus): void;
  /** Every virtual router has handed over after `stop`. */
  onStopped(): void;
}

interface Member {
  readonly instance: Instance;
  readonly interface: RouterInterface;
  /** No longer configured: handing over, and dropped when that is done. */
  leaving: boolean;
}

/** A deadline that is acted upon so late is worth a line: adverts were missed, and the shortest lease lasts a second. */
const STALL = milliseconds(500);

/** A virtual router is known by its VRID on its interface; its name and all else may change while it runs. */
const keyOf = (interfaceName: string, vrid: number): string => `${interfaceName} ${vrid}`;

export class VirtualRouters {
  readonly #context: VirtualRoutersContext;
  readonly #links: LinkTable;
  readonly #timer: DeadlineTimer;
  readonly #members = new Map<string, Member>();
  readonly #interfaces = new Map<string, RouterInterface>();
  /** Packets that named none of our virtual routers, for each interface. */
  readonly #strays = new Map<string, ReturnType<typeof noRejections>>();
  readonly #touched = new Set<string>();
  #stopping = false;

  /** Throws KernelError or SystemError. `onNetwork` must be told the notices from before this call on. */
  constructor(context: VirtualRoutersContext) {
    this.#context = context;
    this.#links = new LinkTable(context.listLinks);
    this.#timer = new DeadlineTimer(context.reactor, () => this.#onDeadline());
  }

  /** The whole set: unchanged ones go on untouched, vanished ones hand over. `resume`: see model/messages.ts. */
  configure(routers: readonly VirtualRouter[], resume: readonly string[]): void {
    if (this.#stopping) return;
    const wanted = new Map(routers.map((router) => [keyOf(router.interface, router.vrid), router]));
    for (const [key, member] of this.#members) {
      if (!wanted.has(key)) this.#dismiss(member, 'removed from the configuration');
    }
    for (const name of new Set(routers.map((router) => router.interface))) this.#openInterface(name, routers);
    for (const [key, router] of wanted) {
      const member = this.#members.get(key);
      if (member) this.#reconfigure(member, router);
      else this.#start(key, router, resume.includes(router.name));
    }
    this.#settle();
  }

  /** Hands over every virtual router, make before break; `onStopped` follows, perhaps within this call. */
  stop(reason: string): void {
    this.#stopping = true;
    for (const member of this.#members.values()) this.#dismiss(member, reason);
    this.#settle();
  }

  /** Ends every hand-over now. */
  abandon(reason: string): void {
    this.#stopping = true;
    for (const { instance } of this.#members.values())
      instance.handle({ event: 'stop', reason }, this.#context.now());
    this.#settle();
  }

  status(): readonly RouterStatus[] {
    for (const { name, failed } of this.#interfaces.values()) if (failed) this.#touch(name);
    return [...this.#members.values()].map(({ instance }) =>
      instance.status(this.#strays.get(instance.router.interface)),
    );
  }

  onNetwork(event: NetworkEvent): void {
    // Our own doing, and no news: the renewal of a lease.
    if (event.kind === 'address' && event.lifetime !== 'forever' && this.#holds(event.prefix.address)) return;
    const names = this.#links.update(event);
    for (const name of names === 'all' ? this.#interfaces.keys() : names) this.#touch(name);
  }

  /** Leaves the kernel's addresses as they are. */
  close(): void {
    this.#timer.close();
    for (const port of this.#interfaces.values()) port.close();
    this.#interfaces.clear();
    this.#members.clear();
  }

  #openInterface(name: string, routers: readonly VirtualRouter[]): void {
    let port = this.#interfaces.get(name);
    if (port === undefined) {
      const { reactor, addresses, complain } = this.#context;
      const onMessage = (message: Uint8Array, remote: RemoteInfo) => this.#onMessage(name, message, remote);
      port = new RouterInterface(name, { reactor, addresses, complain, onMessage });
      this.#interfaces.set(name, port);
      this.#strays.set(name, noRejections());
    }
    const leaving = this.#on(name).filter((member) => member.leaving);
    const here = routers.filter((router) => router.interface === name);
    port.refresh(this.#links.named(name), [...here, ...leaving.map(({ instance }) => instance.router)]);
  }

  #start(key: string, router: VirtualRouter, resume: boolean): void {
    const port = this.#interfaces.get(router.interface);
    if (port === undefined) throw new Error(`interface ${router.interface} was not opened`);
    const now = this.#context.now();
    const { date, onState } = this.#context;
    const instance: Instance = new Instance(
      router,
      {
        interface: port,
        date,
        onState,
        heldByAnother: (address) =>
          this.#on(port.name).some((other) => other.instance !== instance && other.instance.holds(address)),
      },
      now,
    );
    this.#members.set(key, { instance, interface: port, leaving: false });
    if (port.obstacle !== undefined) instance.handle({ event: 'interface-lost', reason: port.obstacle }, now);
    const held = new Set(port.held.map(({ prefix }) => prefix.address));
    const intact = router.addresses.every(({ address }) => held.has(address));
    instance.handle({ event: resume && intact ? 'resume' : 'startup' }, now);
  }

  #reconfigure(member: Member, router: VirtualRouter): void {
    const now = this.#context.now();
    member.instance.reconfigure(router, now);
    // Configured again while it was still handing over.
    if (member.leaving) member.instance.handle({ event: 'startup' }, now);
    member.leaving = false;
  }

  #dismiss(member: Member, reason: string): void {
    if (member.leaving) return;
    member.leaving = true;
    member.instance.handle({ event: 'shutdown', reason }, this.#context.now());
  }

  #onMessage(name: string, message: Uint8Array, remote: RemoteInfo): void {
    // It came before it is looked at: what that takes must not delay a take-over.
    const now = this.#context.now();
    const { address: source, destination, ttl } = remote;
    const find = (vrid: number) => this.#members.get(keyOf(name, vrid))?.instance;
    const verdict = judge({ source, destination, ttl, message }, (vrid) => find(vrid)?.local);
    // Where the VRID stands has never changed, so that a peer of version 2 is counted where people look for it.
    const instance = find(verdict.vrid ?? message[1] ?? 0);
    this.#tell(name, instance, verdict, source);
    if (instance) instance.receive(verdict, source, now);
    else if (!verdict.accepted) this.#countStray(name, verdict);
    if (verdict.accepted) this.#settle();
  }

  #countStray(name: string, { reason }: Extract<Verdict, { accepted: false }>): void {
    const strays = this.#strays.get(name);
    if (strays) strays[reason]++;
  }

  /** A line for people where a peer of ours is set up differently; what is meant for others only counts. */
  #tell(name: string, instance: Instance | undefined, verdict: Verdict, source: IpAddress): void {
    if (instance === undefined) return;
    const router = instance.router.name;
    const odd = verdict.accepted ? verdict.warnings : verdict.reason === 'own-source' ? [] : [verdict.reason];
    for (const what of odd) {
      const said = verdict.accepted ? ADDRESS_LIST_DIFFERS : `refused an advert: ${what}`;
      this.#context.complain(`${what} ${name} ${router}`, 'warn', `virtual router ${router}: ${said}`, {
        virtualRouter: router,
        source,
      });
    }
  }

  /** Notices come in bursts, of which only the end matters: it is looked at once, when this turn has read them. */
  #touch(name: string): void {
    if (!this.#interfaces.has(name)) return;
    if (this.#touched.size === 0) setImmediate(() => this.#refreshTouched());
    this.#touched.add(name);
  }

  #refreshTouched(): void {
    const names = [...this.#touched];
    this.#touched.clear();
    for (const name of names) this.#refresh(name);
    this.#settle();
  }

  #refresh(name: string): void {
    const port = this.#interfaces.get(name);
    if (port === undefined) return;
    const instances = this.#on(name).map(({ instance }) => instance);
    port.refresh(
      this.#links.named(name),
      instances.map(({ router }) => router),
    );
    for (const instance of instances) {
      const now = this.#context.now();
      if (port.obstacle === undefined) {
        instance.reconfigure(instance.router, now);
        instance.handle({ event: 'interface-regained', reason: `interface ${name} is up` }, now);
        this.#tellRestored(instance.router, instance.verifyAddresses(now));
      } else instance.handle({ event: 'interface-lost', reason: port.obstacle }, now);
    }
  }

  #tellRestored({ name, interface: on }: VirtualRouter, restored: readonly Prefix[]): void {
    if (restored.length === 0) return;
    const list = restored.map(formatPrefix).join(', ');
    const message = `virtual router ${name}: ${list} was gone from ${on}: put back`;
    this.#context.complain(`restored ${on} ${name}`, 'warn', message, { virtualRouter: name });
  }

  /** Nothing was sent meanwhile, and the kernel may have ended leases: the only trace of that may be this line. */
  #tellStall(now: Instant): void {
    const due = this.#nextDeadline();
    if (due === undefined || elapsed(due, now) < STALL) return;
    const seconds = (elapsed(due, now) / 1000).toFixed(3);
    const message = `the vrrp process stood still for ${seconds} s: a paused machine, or too little CPU`;
    this.#context.complain('stall', 'warn', message);
  }

  #onDeadline(): void {
    this.#tellStall(this.#context.now());
    this.#hearBeforeDecisions(this.#context.now());
    for (const { instance } of this.#members.values()) {
      const now = this.#context.now();
      if (instance.isDue(now)) instance.handle({ event: 'timer' }, now);
    }
    this.#settle();
  }

  /** After a stall the successor's advert waits in a socket. It came before this moment: it is heard first. */
  #hearBeforeDecisions(now: Instant): void {
    const deciding = [...this.#members.values()].filter(
      ({ instance }) => instance.isDue(now) && instance.mustHearFirst(now),
    );
    for (const port of new Set(deciding.map((member) => member.interface))) port.drain();
  }

  /** Drops what has ended and arms the timer: the end of everything that may have changed a state. */
  #settle(): void {
    for (const [key, { instance, leaving }] of this.#members) {
      if (leaving && instance.ended) this.#members.delete(key);
    }
    for (const [name, port] of this.#interfaces) {
      if (this.#on(name).length > 0) continue;
      port.close();
      this.#interfaces.delete(name);
      this.#strays.delete(name);
    }
    this.#timer.arm(this.#nextDeadline());
    if (this.#stopping && this.#members.size === 0) this.#context.onStopped();
  }

  #nextDeadline(): Instant | undefined {
    let next: Instant | undefined;
    for (const { instance } of this.#members.values()) {
      const { deadline } = instance;
      if (deadline !== undefined && (next === undefined || deadline < next)) next = deadline;
    }
    return next;
  }

  #on(name: string): readonly Member[] {
    return [...this.#members.values()].filter((member) => member.interface.name === name);
  }

  #holds(address: IpAddress): boolean {
    for (const { instance } of this.#members.values()) if (instance.holds(address)) return true;
    return false;
  }
}

const ADDRESS_LIST_DIFFERS = 'a peer advertises other addresses than are configured here';
