/**
 * One network interface as virtual routers use it: its condition, its addresses, and what is open on it. The interface
 * may vanish and come back under another index at any time; everything here follows it by its name.
 */
import type {
  Addresses,
  AddressRefusal,
  AddressSpec,
  InterfaceAddress,
  Lifetime,
} from '../../kernel/addresses.ts';
import type { GroupNeighbours } from '../../kernel/group-neighbours.ts';
import type { Link } from '../../kernel/links.ts';
import { readSetting } from '../../kernel/sysctl.ts';
import type { Family, IpAddress } from '../../model/address.ts';
import type { ChangedSetting } from '../../model/messages.ts';
import { reasonOf } from '../../model/reason.ts';
import type { Milliseconds, Seconds } from '../../model/units.ts';
import type { Reactor } from '../../sys/reactor.ts';
import { Announcements } from './announcements.ts';
import { linkObstacle } from './interface-view.ts';
import { type InterfaceUse, OpenInterface } from './open-interface.ts';
import type { ThrottledLog } from './throttle.ts';
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

const UNUSED: InterfaceUse = {
  vrids: { ipv4: [], ipv6: [] },
  multicast: { ipv4: false, ipv6: false },
  peers: [],
  watched: [],
  asks: false,
};
/** What `Addresses.prepare` sets `promote_secondaries` to. */
const PROMOTED = '1';

export class NetInterface {
  readonly name: string;
  readonly #context: InterfaceContext;
  #use: InterfaceUse = UNUSED;
  #opened: OpenInterface | undefined;
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
      this.#obstacle = `interface ${this.name} cannot be used: ${reasonOf(error)}`;
      this.#context.complain(`open ${this.name}`, 'error', this.#obstacle, { interface: this.name });
    }
  }

  /** Handles what is queued in the sockets. */
  drain(): void {
    this.#opened?.drain();
  }

  /** False when it could not be sent; that is logged. */
  send(message: Uint8Array, family: Family, destination: IpAddress | 'group', source: IpAddress): boolean {
    return this.#attempt('send an advert', (opened) => opened.send(message, family, destination, source));
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
    this.#attempt(`ask for ${address}`, (opened) => opened.ask(address, source));
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
      const { reactor, onMessage, onClaim } = this.#context;
      this.#opened = new OpenInterface(link, macvlan, {
        reactor,
        onMessage: (family, message, remote) => onMessage(this.name, family, message, remote),
        onClaim: (address, mac) => onClaim(this.name, address, mac),
        complain: (what, error) => this.#complain(what, error),
      });
    } else this.#opened.link = link;
    this.#opened.openSockets(this.#use);
    this.#waysOut.keep(link, { groups: this.#opened.groupsOf(this.#use), peers: this.#use.peers });
    this.#opened.openNeighbours(this.#use);
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

  #shut(): void {
    this.#waysOut.release();
    this.#announcements.clear();
    this.#opened?.close();
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
  #attempt(what: string, action: (opened: OpenInterface) => void): boolean {
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
    const message = `interface ${this.name}: cannot ${what}: ${reasonOf(error)}`;
    this.#context.complain(`${what} ${this.name}`, 'warn', message, { interface: this.name });
  }
}
