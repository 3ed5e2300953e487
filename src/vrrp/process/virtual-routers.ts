/**
 * The director at work: what happens in the network becomes its events, and its orders are carried out, in their order
 * and without ever waiting. Everything happens within one turn of the loop.
 *
 *     sockets ──▶ receive checks ──┐                ┌─▶ adverts (envoy), addresses and routes (holdings)
 *     link and address notices ────┼─▶ director ────┼─▶ announcements, questions for addresses
 *     one timer ───────────────────┘                └─▶ manager: states, leases, fences
 *                    (upkeep, stalls)                    (executor)
 */
import type { NetworkEvent, RoutingEvent } from '../../kernel/watch.ts';
import type { IpAddress } from '../../model/address.ts';
import type { VrrpNetwork } from '../../model/messages.ts';
import type { GroupStatus, RouterStatus } from '../../model/router-status.ts';
import type { TrackVerdict } from '../../model/tracking.ts';
import type { Instant } from '../../model/units.ts';
import { DeadlineTimer } from '../../sys/timer.ts';
import { Director } from '../director/director.ts';
import type { DirectorEvent } from '../director/event.ts';
import { instancesOf } from '../director/member.ts';
import type { VirtualRoutersContext } from './context.ts';
import { Executor } from './executor.ts';
import { removeLeftovers } from './leftovers.ts';
import { assemble, type Parts } from './parts.ts';
import { Stalls } from './stalls.ts';
import { Upkeep, type UpkeepContext } from './upkeep.ts';

/** What the manager wants, the whole of it. */
export interface Configuration {
  readonly network: VrrpNetwork;
  /** Names of virtual routers that a dead predecessor held active. */
  readonly resume: readonly string[];
  /** Names of those that stay backup until they are told otherwise. */
  readonly standby: readonly string[];
}

/** All virtual routers of this host. */
export class VirtualRouters {
  readonly #context: VirtualRoutersContext;
  readonly #director = new Director();
  readonly #parts: Parts;
  readonly #timer: DeadlineTimer;
  readonly #executor: Executor;
  readonly #upkeep: Upkeep;
  readonly #stalls: Stalls;
  #recording = false;
  #tidied = false;
  /** As it was taken in last, as text. */
  #taken: string | undefined;
  #phase: ReturnType<UpkeepContext['phase']> = 'new';

  /** Throws KernelError or SystemError. `onNetwork` must be told the notices from before this call on. */
  constructor(context: VirtualRoutersContext) {
    this.#context = context;
    const { now, complain } = context;
    this.#parts = assemble(context, this.#director, {
      // It came before it is looked at: what that takes must not delay a take-over.
      onEvent: (event) => this.#handle(event, now()),
      onClaim: (name, address, mac) => this.#onClaim(name, address, mac),
      onVerdict: (verdict) => this.verdicts([verdict]),
    });
    this.#timer = new DeadlineTimer(context.reactor, () => this.#onDeadline());
    this.#executor = new Executor(context, this.#director, this.#parts);
    this.#upkeep = new Upkeep({
      director: this.#director,
      parts: this.#parts,
      kernel: context.kernel,
      complain,
      phase: () => this.#phase,
      onFinding: (finding) => this.#handle(finding, now()),
    });
    this.#stalls = new Stalls({
      due: () => this.#director.deadline,
      complain,
      onStall: (at) => this.#handle({ type: 'stalls' }, at),
    });
  }

  /** The whole set: unchanged ones go on untouched, vanished ones hand over. */
  configure(configuration: Configuration): void {
    if (this.#phase === 'ended') return;
    const { network, resume, standby } = configuration;
    const text = JSON.stringify([network, standby]);
    // Many a reload is about virtual servers alone: no advert may wait for that.
    if (text === this.#taken && resume.length === 0) this.#tryAgain();
    else this.#take(configuration);
    this.#taken = text;
  }

  #take({ network, resume, standby }: Configuration): void {
    this.#phase = 'configured';
    const now = this.#context.now();
    const leaving = [...this.#director.members()].map(({ router }) => router);
    this.#parts.vmacs.prepare(network.routers);
    this.#parts.network.configure(network, leaving);
    // Known before anything starts that depends on them.
    this.verdicts(this.#parts.trackedLinks.configure(network));
    const instances = network.routers.flatMap((router) =>
      instancesOf(router).map((instance) => ({ ...instance, router })),
    );
    const conditions = Object.fromEntries(
      instances.map(({ key, family, router }) => [key, this.#parts.network.condition(router, family)]),
    );
    const resumed = instances
      .filter(({ router }) => resume.includes(router.name) && this.#upkeep.isIntact(router))
      .map(({ key }) => key);
    const { routers, groups, arbiter, fencing } = network;
    const carriers = this.#upkeep.carriers();
    const routings = this.#upkeep.routings();
    const rules = { routers, groups, arbiter, fencing };
    this.#handle({ type: 'configure', network: rules, conditions, resume: resumed, standby }, now);
    this.#upkeep.moveOver(carriers);
    this.#upkeep.reroute(routings, network.fixed);
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
    const { network, reporter } = this.#parts;
    for (const name of network.failed()) this.#upkeep.touch(name);
    return { routers: reporter.routers(this.#context.now()), groups: reporter.groups() };
  }

  onNetwork(event: NetworkEvent): void {
    const { links, network, post, trackedLinks } = this.#parts;
    // Our own doing, and no news: a lease begins.
    if (event.kind === 'address' && event.lifetime !== 'forever' && post.isHeld(event.prefix.address)) return;
    const names = links.update(event);
    this.verdicts(trackedLinks.changed());
    for (const name of names === 'all' ? network.names() : names) this.#upkeep.touch(name);
  }

  /** Somebody took one of our routes or rules away: put back, as an address is. */
  onRouting(event: RoutingEvent): void {
    if (event.kind === 'route-gone' || event.kind === 'rule-gone') this.#upkeep.touch('');
  }

  /** Leaves the kernel's addresses as they are. */
  close(): void {
    this.#timer.close();
    this.#parts.gateways.close();
    this.#parts.network.close();
  }

  /** Whatever was refused before, in a turn of its own: who reloads may just have mended why. */
  #tryAgain(): void {
    for (const name of ['', ...this.#parts.network.failed()]) this.#upkeep.touch(name);
  }

  #afterConfiguration(network: VrrpNetwork): void {
    this.#parts.post.configure(this.#director.members());
    this.#parts.vmacs.configure([...this.#director.members()]);
    // A macvlan that was just made is a link that its members wait for.
    this.#parts.network.refreshAll();
    this.#upkeep.conditions(network.routers.map(({ interface: name }) => name));
    this.#parts.fixed.configure(network.fixed, [...this.#upkeep.routings().values()]);
    this.#parts.gateways.configure(network.gateways);
    if (!this.#tidied) this.#tidy(network);
  }

  /** Once: of what an earlier process has left, that stays which would be put there now. */
  #tidy({ fixed }: VrrpNetwork): void {
    this.#tidied = true;
    const active = [...this.#director.members()].filter(({ holds }) => holds).map(({ router }) => router);
    const { kernel, complain } = this.#context;
    removeLeftovers({ routes: kernel.routes, rules: kernel.rules, complain }, [fixed, ...active]);
  }

  #handle(event: DirectorEvent, now: Instant): void {
    if (event.type !== 'stalls') this.#stalls.heed(now);
    if (this.#phase === 'ended') return;
    if (this.#recording)
      this.#context.send({ type: 'recorded', lines: [JSON.stringify({ at: now, event }, withoutSecrets)] });
    this.#executor.carryOut(this.#director.handle(event, now), event.type, now);
    // Who falls asleep between deciding on an advert and sending it claims the addresses when it wakes up, perhaps from a
    // successor, and nothing can be asked before.
    if (event.type !== 'stalls') this.#stalls.heed(this.#context.now());
    this.#timer.arm(this.#director.deadline);
    this.#endIfDone();
  }

  #onClaim(name: string, address: IpAddress, mac: string): void {
    this.#parts.gateways.onClaim(name, address);
    for (const { key, router, parameters } of this.#parts.post.holdersOf(address)) {
      const claimed = parameters.addresses.some(
        (own) => own.address === address && (own.device ?? router.interface) === name,
      );
      if (claimed) this.#handle({ type: 'claim', key, address, mac }, this.#context.now());
    }
  }

  #onDeadline(): void {
    const at = this.#context.now();
    this.#stalls.tell(at);
    // What was slept through comes first: an active router that slept too long gives its addresses up, and only then
    // hears who has taken them; the successor's advert waits in a socket, and it came before this moment.
    this.#stalls.heed(at);
    const { network, post } = this.#parts;
    const deciding = this.#director.deciding(at);
    for (const name of new Set(deciding.flatMap((key) => post.interfacesOf(key)))) network.drain(name);
    this.#handle({ type: 'timer' }, this.#context.now());
  }

  #endIfDone(): void {
    if (this.#phase === 'ended' || !this.#director.ended) return;
    this.#phase = 'ended';
    this.#parts.fixed.withdraw();
    this.#parts.vmacs.configure([]);
    this.#context.onStopped();
  }
}

/** A recording is shown to others, and the rules need no keys. */
const withoutSecrets = (key: string, value: unknown): unknown =>
  key === 'authentication' ? undefined : value;
