/** What is open on an interface for as long as it is the same link: sockets for adverts, its announcer, its neighbours. */
import { type Announcer, openAnnouncer } from '../../kernel/announce.ts';
import type { Link } from '../../kernel/links.ts';
import { type Neighbours, openNeighbours } from '../../kernel/neighbours.ts';
import type { Family, IpAddress } from '../../model/address.ts';
import type { Reactor } from '../../sys/reactor.ts';
import { VRRP_GROUP } from '../advertisement.ts';
import { RawTransport } from './transport/raw.ts';
import type { RemoteInfo } from './transport/transport.ts';

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

const FAMILIES = ['ipv4', 'ipv6'] as const;

interface OpenInterfaceContext {
  readonly reactor: Reactor;
  onMessage(family: Family, message: Uint8Array, remote: RemoteInfo): void;
  /** Somebody on the link, not itself, said that it has this address. */
  onClaim(address: IpAddress, mac: string): void;
  complain(what: string, error: unknown): void;
}

export class OpenInterface {
  /** As it stands now; always of one index and one Ethernet address. */
  link: Link;
  readonly announcer: Announcer;
  readonly #macvlan: boolean;
  readonly #context: OpenInterfaceContext;
  readonly #sockets = new Map<Family, RawTransport>();
  #neighbours: Neighbours | undefined;

  /** Throws SystemError, as everything here does that opens or sends. */
  constructor(link: Link, macvlan: boolean, context: OpenInterfaceContext) {
    this.link = link;
    this.#macvlan = macvlan;
    this.#context = context;
    this.announcer = openAnnouncer(link);
  }

  /** Opens those that are wanted and closes the others. */
  openSockets(use: InterfaceUse): void {
    for (const family of FAMILIES) this.#openSocket(use, family);
  }

  /** Listens to the neighbours where somebody wants to hear them, and no longer where nobody does. */
  openNeighbours({ watched, asks }: InterfaceUse): void {
    if (watched.length === 0 && !asks) {
      this.#neighbours?.close();
      this.#neighbours = undefined;
      return;
    }
    this.#neighbours ??= this.#listen();
    this.#neighbours.watch(watched);
  }

  /** The multicast groups that adverts go to. */
  groupsOf({ multicast }: InterfaceUse): readonly IpAddress[] {
    return FAMILIES.filter((family) => multicast[family] && this.#sockets.has(family)).map(
      (family) => VRRP_GROUP[family],
    );
  }

  send(message: Uint8Array, family: Family, destination: IpAddress | 'group', source: IpAddress): void {
    const socket = this.#sockets.get(family);
    if (socket === undefined) throw new Error(`no socket for ${family}`);
    socket.send(message, destination, source);
  }

  /** Asks who has an address, where neighbours are listened to. */
  ask(address: IpAddress, source: IpAddress | undefined): void {
    this.#neighbours?.ask(address, source);
  }

  /** Handles what is queued in the sockets. */
  drain(): void {
    for (const socket of this.#sockets.values()) socket.drain();
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.close();
    this.announcer.close();
    this.#neighbours?.close();
  }

  #openSocket({ vrids, multicast }: InterfaceUse, family: Family): void {
    let socket = this.#sockets.get(family);
    if (vrids[family].length === 0) {
      socket?.close();
      this.#sockets.delete(family);
      return;
    }
    if (socket === undefined) {
      const { reactor, onMessage, complain } = this.#context;
      socket = new RawTransport(reactor, this.link, family, { anySource: this.#macvlan });
      this.#sockets.set(family, socket);
      socket.on('message', (message, remote) => onMessage(family, message, remote));
      socket.on('error', (error) => complain('receive', error));
    }
    socket.setVrids(vrids[family]);
    if (multicast[family]) socket.joinGroup();
    else socket.leaveGroup();
  }

  #listen(): Neighbours {
    const neighbours = openNeighbours(this.#context.reactor, this.link);
    neighbours.onAnswer(({ address, mac }) => {
      // Our own frame, sent back by the network.
      if (mac !== this.link.mac) this.#context.onClaim(address, mac);
    });
    neighbours.onError((error) => this.#context.complain('hear its neighbours', error));
    return neighbours;
  }
}
