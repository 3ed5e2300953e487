/**
 * One network interface as virtual routers use it: its sockets, its announcer, its condition, its addresses. The
 * interface may vanish and come back under another index at any time; everything here follows it by its name.
 */
import type {
  Addresses,
  AddressRefusal,
  AddressSpec,
  InterfaceAddress,
  Lifetime,
} from '../../kernel/addresses.ts';
import { type Announcer, openAnnouncer } from '../../kernel/announce.ts';
import type { GroupNeighbours } from '../../kernel/group-neighbours.ts';
import type { Link } from '../../kernel/links.ts';
import { type Neighbours, openNeighbours } from '../../kernel/neighbours.ts';
import { readSetting } from '../../kernel/sysctl.ts';
import type { Family, IpAddress } from '../../model/address.ts';
import type { ChangedSetting } from '../../model/messages.ts';
import type { Milliseconds, Seconds } from '../../model/units.ts';
import type { Reactor } from '../../sys/reactor.ts';
import { VRRP_GROUP_IPV4, VRRP_GROUP_IPV6 } from '../advertisement.ts';
import { Announcements } from './announcements.ts';
import { linkObstacle } from './interface-view.ts';
import type { ThrottledLog } from './throttle.ts';
import { RawTransport } from './transport/raw.ts';
import type { RemoteInfo } from './transport/transport.ts';
import { WaysOut } from './ways-out.ts';

export interface InterfaceContext {
  readonly reactor: Reactor;
  readonly addresses: Addresses;
  readonly groups: Pick<GroupNeighbours, 'put' | 'keep' | 'remove'>;
  readonly complain: ThrottledLog;
  onMessage(name: string, family: Family, message: Uint8Array, remote: RemoteInfo): void;
  /** Somebody on the link said that it has this address. */
  onClaim(name: string, address: IpAddress, mac: string): void;
  /** A setting of the kernel is about to be changed. */
  onSettingChanged(change: ChangedSetting): void;
}

/** What virtual routers want of an interface. */
export interface InterfaceUse {
  /** VRIDs to be heard over IP protocol 112, of each family: none, no socket. */
  readonly vrids: Readonly<Record<Family, readonly number[]>>;
  /** Whether any of them is heard by multicast. */
  readonly multicast: Readonly<Record<Family, boolean>>;
  /** Those that are written to by unicast, of either family. */
  readonly peers: readonly IpAddress[];
  /** Addresses that nobody else should claim, or whose owner is asked for. */
  readonly watched: readonly IpAddress[];
  /** Whether addresses are asked for that are known only later. */
  readonly asks: boolean;
}

const UNUSED: InterfaceUse = {
  vrids: { ipv4: [], ipv6: [] },
  multicast: { ipv4: false, ipv6: false },
  peers: [],
  watched: [],
  asks: false,
};
const GROUP: Readonly<Record<Family, IpAddress>> = { ipv4: VRRP_GROUP_IPV4, ipv6: VRRP_GROUP_IPV6 };
const FAMILIES = ['ipv4', 'ipv6'] as const;

interface Opened {
  readonly link: Link;
  readonly announcer: Announcer;
  readonly sockets: Map<Family, RawTransport>;
  neighbours: Neighbours | undefined;
  readonly macvlan: boolean;
}

/** What `Addresses.prepare` sets `promote_secondaries` to. */
const PROMOTED = '1';

export class NetInterface {
  readonly name: string;
  readonly #context: InterfaceContext;
  #use: InterfaceUse = UNUSED;
  #opened: Opened | undefined;
  #held: readonly InterfaceAddress[] = [];
  #obstacle: string | undefined;
  #failed = false;
  readonly #waysOut: WaysOut;
  readonly #announcements = new Announcements((address) => this.#announceNow([address]));

  constructor(name: string, context: InterfaceContext) {
    this.name = name;
    this.#context = context;
    this.#waysOut = new WaysOut({
      neighbours: context.groups,
      complain: (what, error) => this.#complain(what, error),
    });
    this.#obstacle = linkObstacle(name, undefined);
  }

  /** Why nothing can be sent, in words. */
  get obstacle(): string | undefined {
    return this.#obstacle;
  }

  /** The addresses that the kernel held at the last refresh. */
  get held(): readonly InterfaceAddress[] {
    return this.#held;
  }

  /** Whether the last refresh met an error, which may pass without any notice of the kernel's. */
  get failed(): boolean {
    return this.#failed;
  }

  get index(): number | undefined {
    return this.#opened?.link.index;
  }

  get mtu(): number {
    return this.#opened?.link.mtu ?? 1500;
  }

  /** What it is wanted for, from the next refresh on. */
  use(use: InterfaceUse): void {
    this.#use = use;
  }

  /**
   * Takes in how the link stands now, lists its addresses, and opens or closes what depends on it. A `macvlan`
   * of ours is opened while it is down too, since it goes up only when it is used, and speaks for its parent.
   */
  refresh(link: Link | undefined, macvlan: boolean): void {
    const before = this.#opened?.link;
    // Another index or Ethernet address: the sockets are bound to what is gone.
    if (before && (before.index !== link?.index || before.mac !== link.mac)) this.#shut();
    this.#failed = false;
    try {
      this.#held = this.#list(link);
      this.#obstacle = linkObstacle(this.name, link);
      if (link && (macvlan || this.#obstacle === undefined)) this.#open(link, macvlan);
    } catch (error) {
      this.#failed = true;
      this.#obstacle = `interface ${this.name} cannot be used: ${messageOf(error)}`;
      this.#context.complain(`open ${this.name}`, 'error', this.#obstacle, { interface: this.name });
    }
  }

  /** Handles what is queued in the sockets. */
  drain(): void {
    for (const socket of this.#opened?.sockets.values() ?? []) socket.drain();
  }

  /** False when it could not be sent; that is logged. */
  send(message: Uint8Array, family: Family, destination: IpAddress | 'group', source: IpAddress): boolean {
    return this.#attempt('send an advert', ({ sockets }) => {
      const socket = sockets.get(family);
      if (socket === undefined) throw new Error(`no socket for ${family}`);
      socket.send(message, destination, source);
    });
  }

  /** Puts addresses; those that the kernel refuses are logged, and the rest is put all the same. */
  put(prefixes: readonly AddressSpec[], lifetime: Lifetime): void {
    this.#change('put', prefixes, (index) => this.#context.addresses.put(index, prefixes, lifetime));
  }

  /** Makes ahead of time what putting and announcing these needs. */
  makeReady(prefixes: readonly AddressSpec[], lifetime: Lifetime): void {
    this.#attempt('prepare', ({ link, announcer }) => {
      this.#context.addresses.makeReady(link.index, prefixes, lifetime);
      announcer.makeReady(prefixes.map(({ address }) => address));
    });
  }

  /** Renews without waiting for the kernel; what it refuses is logged when it says so. */
  renew(prefixes: readonly AddressSpec[], lifetime: Seconds): void {
    if (prefixes.length === 0) return;
    this.#attempt('renew addresses', ({ link }) =>
      this.#context.addresses.renew(link.index, prefixes, lifetime, ({ prefix, error }) =>
        this.#complain(`renew ${prefix.address}`, error),
      ),
    );
  }

  remove(prefixes: readonly AddressSpec[]): void {
    this.#change('remove', prefixes, (index) => this.#context.addresses.remove(index, prefixes));
  }

  /** Tells the neighbours: all at once, or one after the other with pauses for switches that drop bursts. */
  announce(addresses: readonly IpAddress[], spacing: Milliseconds): void {
    if (addresses.length === 0) return;
    if (spacing === 0) this.#announceNow(addresses);
    else this.#announcements.add(addresses, spacing);
  }

  /** Asks who has an address; whoever answers is told by `onClaim`. Only where neighbours are listened to. */
  ask(address: IpAddress, source: IpAddress | undefined): void {
    this.#attempt(`ask for ${address}`, ({ neighbours }) => neighbours?.ask(address, source));
  }

  close(): void {
    this.#shut();
  }

  #announceNow(addresses: readonly IpAddress[]): void {
    this.#attempt(`announce ${addresses[0]}`, ({ announcer }) => announcer.announce(addresses));
  }

  /** Where they cannot be listed, the link's addresses are taken to be what they were: no reason to stop. */
  #list(link: Link | undefined): readonly InterfaceAddress[] {
    if (link === undefined) return [];
    try {
      return this.#context.addresses.list(link.index);
    } catch (error) {
      if (this.#opened === undefined) throw error;
      this.#failed = true;
      this.#complain('list the addresses', error);
      return this.#held;
    }
  }

  #open(link: Link, macvlan: boolean): void {
    if (this.#opened === undefined) {
      this.#prepare(link);
      const announcer = openAnnouncer(link);
      this.#opened = { link, announcer, sockets: new Map(), neighbours: undefined, macvlan };
    } else this.#opened = { ...this.#opened, link };
    for (const family of FAMILIES) this.#openSocket(this.#opened, family);
    const { multicast, peers } = this.#use;
    const groups = FAMILIES.filter((family) => multicast[family] && this.#opened?.sockets.has(family));
    this.#waysOut.keep(link, { groups: groups.map((family) => GROUP[family]), peers });
    this.#openNeighbours(this.#opened);
  }

  /**
   * Its addresses are to outlive each other: what the link was set to before is somebody's own. It is told ahead, since
   * what is told and does not come about is put back by leaving it.
   */
  #prepare(link: Link): void {
    const path = ['net', 'ipv4', 'conf', link.name, 'promote_secondaries'] as const;
    const was = readSetting(path);
    if (was !== undefined && was !== PROMOTED) this.#context.onSettingChanged({ path, was, set: PROMOTED });
    this.#context.addresses.prepare(link.index);
  }

  #openSocket({ link, sockets, macvlan }: Opened, family: Family): void {
    const vrids = this.#use.vrids[family];
    let socket = sockets.get(family);
    if (vrids.length === 0) {
      socket?.close();
      sockets.delete(family);
      return;
    }
    if (socket === undefined) {
      socket = new RawTransport(this.#context.reactor, link, family, { anySource: macvlan });
      sockets.set(family, socket);
      socket.on('message', (message, remote) => this.#context.onMessage(this.name, family, message, remote));
      socket.on('error', (error) => this.#complain('receive', error));
    }
    socket.setVrids(vrids);
    if (this.#use.multicast[family]) socket.joinGroup();
    else socket.leaveGroup();
  }

  #openNeighbours(opened: Opened): void {
    const { watched, asks } = this.#use;
    if (watched.length === 0 && !asks) {
      opened.neighbours?.close();
      opened.neighbours = undefined;
      return;
    }
    if (opened.neighbours === undefined) {
      opened.neighbours = openNeighbours(this.#context.reactor, opened.link);
      opened.neighbours.onAnswer(({ address, mac }) => {
        // Our own frame, sent back by the network.
        if (mac !== this.#opened?.link.mac) this.#context.onClaim(this.name, address, mac);
      });
      opened.neighbours.onError((error) => this.#complain('hear its neighbours', error));
    }
    opened.neighbours.watch(watched);
  }

  #shut(): void {
    this.#waysOut.release();
    this.#announcements.clear();
    for (const socket of this.#opened?.sockets.values() ?? []) socket.close();
    this.#opened?.announcer.close();
    this.#opened?.neighbours?.close();
    this.#opened = undefined;
  }

  #change(
    verb: string,
    prefixes: readonly AddressSpec[],
    make: (index: number) => readonly AddressRefusal[],
  ): void {
    if (prefixes.length === 0) return;
    this.#attempt(`${verb} addresses`, ({ link }) => {
      for (const { prefix, error } of make(link.index)) this.#complain(`${verb} ${prefix.address}`, error);
    });
  }

  /** None of what can fail here is worth the process: the link may be on its way out, and its notice under way. */
  #attempt(what: string, action: (opened: Opened) => void): boolean {
    if (this.#opened === undefined) return false;
    try {
      action(this.#opened);
      return true;
    } catch (error) {
      this.#complain(what, error);
      return false;
    }
  }

  #complain(what: string, error: unknown): void {
    const message = `interface ${this.name}: cannot ${what}: ${messageOf(error)}`;
    this.#context.complain(`${what} ${this.name}`, 'warn', message, { interface: this.name });
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
