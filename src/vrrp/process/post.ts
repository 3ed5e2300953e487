/**
 * Messages in and out: finds the instance that a packet is for, hands it to the receive checks, and tells the director
 * what passed them; sends what the director orders on every path.
 */
import type { Family, IpAddress } from '../../model/address.ts';
import type { PathStatus } from '../../model/router-status.ts';
import { type Clock, milliseconds } from '../../model/units.ts';
import type { MessageKind } from '../advertisement.ts';
import type { DirectorEvent, InstanceKey } from '../director/event.ts';
import type { Member } from '../director/member.ts';
import {
  judge,
  type LocalRouter,
  noRejections,
  type ReceivedPacket,
  type Verdict,
} from '../receive-checks.ts';
import { holdsAddresses } from '../state.ts';
import { activeDownInterval } from '../timers.ts';
import { Envoy, type UsablePath } from './envoy.ts';
import type { Network } from './network.ts';
import { PathWatch } from './path-watch.ts';
import { type InstancePath, pathsOf } from './paths.ts';
import { complainOf } from './refusals.ts';
import type { ThrottledLog } from './throttle.ts';
import type { RemoteInfo } from './transport/transport.ts';
import { vmacDevice } from './vmac.ts';

export interface PostContext {
  readonly network: Network;
  readonly complain: ThrottledLog;
  /** Milliseconds since 1970: what others' messages are judged by. */
  readonly date: () => number;
  /** The date, but never set back: what our own messages are numbered by. */
  readonly steadyDate: () => number;
  readonly now: Clock;
  isVmacUp(member: Member): boolean;
  onEvent(event: Extract<DirectorEvent, { type: 'advert' | 'presence' }>): void;
}

interface Entry {
  readonly member: Member;
  /** The configuration that the rest was made for. */
  router: Member['router'];
  paths: readonly InstancePath[];
  readonly envoy: Envoy;
  readonly watch: PathWatch;
}

interface Recipient {
  readonly entry: Entry;
  readonly path: number;
  /** What was accepted last, and what it was judged by. */
  last: Judged | undefined;
}

interface Judged {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly ttl: number | undefined;
  readonly local: LocalRouter;
  readonly message: Uint8Array;
  readonly verdict: Extract<Verdict, { accepted: true }>;
}

const addressOf = (interfaceName: string, udp: boolean, family: Family): string =>
  `${interfaceName} ${udp ? 'udp' : 'ip'} ${family}`;

export class Post {
  readonly #context: PostContext;
  readonly #entries = new Map<InstanceKey, Entry>();
  /** By link, transport and family, then by VRID. */
  readonly #recipients = new Map<string, Map<number, Recipient>>();
  /** Packets that named none of our virtual routers, for each link. */
  readonly #strays = new Map<string, ReturnType<typeof noRejections>>();
  readonly #holders = new Map<IpAddress, Member[]>();

  constructor(context: PostContext) {
    this.#context = context;
  }

  /** Who gets what from now on. */
  configure(members: Iterable<Member>): void {
    this.#recipients.clear();
    this.#holders.clear();
    const keys = new Set<InstanceKey>();
    for (const member of members) {
      keys.add(member.key);
      const entry = this.#entry(member);
      entry.envoy.reconfigure(member);
      entry.watch.configure(entry.paths, this.#context.now());
      this.#deliverTo(entry);
      for (const { address } of member.router.addresses) {
        const holders = this.#holders.get(address);
        if (holders) holders.push(member);
        else this.#holders.set(address, [member]);
      }
    }
    for (const key of this.#entries.keys()) if (!keys.has(key)) this.#entries.delete(key);
  }

  /** Whether this address ought to be on a link because of a virtual router. */
  isHeld(address: IpAddress): boolean {
    return this.holdersOf(address).some(({ holds }) => holds);
  }

  /** Those that this address belongs to. */
  holdersOf(address: IpAddress): readonly Member[] {
    return this.#holders.get(address) ?? [];
  }

  envoyOf(key: InstanceKey): Envoy | undefined {
    return this.#entries.get(key)?.envoy;
  }

  /** A link may stand differently: since when is known only to those who looked. */
  lookAtPaths(member: Member): void {
    if (member.router.heartbeat.length > 1) this.pathsOf(member);
  }

  /** How the heartbeat paths of an instance stand. */
  pathsOf({ key, family, state, parameters }: Member): readonly PathStatus[] {
    const entry = this.#entries.get(key);
    if (entry === undefined) return [];
    const { network, now, date } = this.#context;
    const interval = state.name === 'backup' ? state.activeAdvertInterval : parameters.advertInterval;
    return entry.watch.status(entry.paths, {
      now: now(),
      date: date(),
      speaks: holdsAddresses(state),
      patience: activeDownInterval(parameters, interval),
      obstacleOf: (path) => network.pathObstacle(path, family),
    });
  }

  straysOf(interfaceName: string): Readonly<Record<string, number>> {
    return this.#strays.get(interfaceName) ?? {};
  }

  /** The links that an instance hears adverts on. */
  interfacesOf(key: InstanceKey): readonly string[] {
    const entry = this.#entries.get(key);
    if (entry === undefined) return [];
    const vmac = vmacDevice(entry.router, entry.member.family);
    const names = entry.paths.map((path) => path.interface);
    return vmac === undefined ? names : [...names, vmac];
  }

  send(member: Member, kind: MessageKind, priority: number): void {
    const { network } = this.#context;
    const entry = this.#entry(member);
    const device = this.#context.isVmacUp(member) ? vmacDevice(member.router, member.family) : undefined;
    const paths = this.#usable(entry.paths, member.family);
    entry.envoy.send(member, kind, priority, paths, (path, message, destination, source) =>
      network.send(
        path,
        message,
        destination,
        source,
        // To a peer it must leave by the link that has a route there.
        path === entry.paths[0] && destination === 'group' ? device : undefined,
      ),
    );
  }

  /** Makes ahead of time what the first advert of a take-over needs. */
  makeReady(member: Member): void {
    const { paths, envoy } = this.#entry(member);
    envoy.makeReady(member, this.#usable(paths, member.family));
  }

  receive(
    interfaceName: string,
    udp: boolean,
    family: Family,
    message: Uint8Array,
    remote: RemoteInfo,
  ): void {
    const { address: source, destination, ttl } = remote;
    const known = this.#recipients.get(addressOf(interfaceName, udp, family));
    const recipient = known?.get(message[1] ?? 0);
    const local = recipient && this.#local(recipient);
    const verdict = this.#judge({ source, destination, ttl, message }, recipient, local);
    if (recipient === undefined) {
      this.#countStray(interfaceName, verdict);
      return;
    }
    // What is meant for others only counts.
    const router = recipient.entry.router.name;
    complainOf({ interfaceName, router, source }, verdict, this.#context.complain);
    if (!verdict.accepted) {
      recipient.entry.envoy.rejected[verdict.reason]++;
      recipient.entry.envoy.keep(source, verdict.mark);
    } else this.#accept(recipient, verdict, source, local?.source ?? source);
  }

  /**
   * An advert is nearly always the same as the one before. The checks are pure, so what they said of the very same
   * packet holds; where keys are used none is the same, since each has its own number.
   */
  #judge(packet: ReceivedPacket, recipient: Recipient | undefined, local: LocalRouter | undefined): Verdict {
    const last = recipient?.last;
    if (last && last.local === local && isSame(packet, last)) return last.verdict;
    const verdict = judge(packet, () => local, milliseconds(this.#context.date()), this.#context.now());
    if (recipient && local && verdict.accepted && verdict.mark === undefined) {
      const { source, destination, ttl } = packet;
      // A copy: the message is a view of what the next receive overwrites.
      recipient.last = { source, destination, ttl, local, message: packet.message.slice(), verdict };
    }
    return verdict;
  }

  /** The paths that have an address to send from now. */
  #usable(paths: readonly InstancePath[], family: Family): readonly UsablePath[] {
    const usable: UsablePath[] = [];
    for (const path of paths) {
      const source = this.#context.network.sourceOf(path, family);
      if (source !== undefined) usable.push({ path, source });
    }
    return usable;
  }

  #accept(
    { entry, path }: Recipient,
    { kind, advertisement, mark }: Extract<Verdict, { accepted: true }>,
    source: IpAddress,
    local: IpAddress,
  ): void {
    const { key } = entry.member;
    entry.envoy.keep(source, mark);
    const way = entry.paths[path];
    if (way !== undefined) entry.watch.heard(way, this.#context.now());
    if (kind === 'advert') {
      entry.envoy.advertsReceived++;
      this.#context.onEvent({ type: 'advert', key, path, source, local, advertisement });
    } else {
      const { priority } = advertisement;
      this.#context.onEvent({ type: 'presence', key, path, source, priority, asks: kind === 'request' });
    }
  }

  #local({ entry, path }: Recipient) {
    const way = entry.paths[path];
    if (way === undefined) return undefined;
    const { member } = entry;
    // While the link has no address nothing is compared with it.
    const source = this.#context.network.sourceOf(way, member.family) ?? member.parameters.source;
    return entry.envoy.local(member, way, path, source);
  }

  #entry(member: Member): Entry {
    let entry = this.#entries.get(member.key);
    if (entry === undefined || entry.member !== member) {
      const { router, family } = member;
      const envoy = new Envoy(member, this.#context.steadyDate);
      entry = { member, router, paths: pathsOf(router, family), envoy, watch: new PathWatch() };
      this.#entries.set(member.key, entry);
    } else if (entry.router !== member.router) {
      entry.router = member.router;
      entry.paths = pathsOf(member.router, member.family);
    }
    return entry;
  }

  #deliverTo(entry: Entry): void {
    const { member, paths } = entry;
    const vmac = vmacDevice(member.router, member.family);
    paths.forEach((path, index) => {
      const names = index === 0 && vmac !== undefined ? [path.interface, vmac] : [path.interface];
      for (const name of names) {
        const address = addressOf(name, path.transport === 'udp', member.family);
        const known = this.#recipients.get(address) ?? new Map<number, Recipient>();
        this.#recipients.set(address, known);
        known.set(member.router.vrid, { entry, path: index, last: undefined });
      }
    });
  }

  #countStray(interfaceName: string, verdict: Verdict): void {
    if (verdict.accepted) return;
    const strays = this.#strays.get(interfaceName) ?? noRejections();
    this.#strays.set(interfaceName, strays);
    strays[verdict.reason]++;
  }
}

function isSame({ source, destination, ttl, message }: ReceivedPacket, last: Judged): boolean {
  if (source !== last.source || destination !== last.destination || ttl !== last.ttl) return false;
  return Buffer.compare(message, last.message) === 0;
}
