/**
 * Asking the hosts on a link who has an address, and hearing who claims one: ARP and neighbour discovery beside the
 * kernel's own. What is of no interest is dropped in the kernel: a director forwards gigabits.
 */
import { type Family, familyOf, type IpAddress, type MacAddress } from '../model/address.ts';
import { arpRequest, BROADCAST_MAC, decodeArp, ETHERTYPE_ARP, encodeArp } from '../packet/arp.ts';
import { groupMac } from '../packet/group-mac.ts';
import { ALL_NODES, DISCOVERY_HOP_LIMIT, ETHERTYPE_IPV6, IPPROTO_ICMPV6 } from '../packet/icmpv6.ts';
import { decodeNeighbourAdvertisement } from '../packet/neighbour-advertisement.ts';
import { neighbourSolicitation, solicitedNodeGroup } from '../packet/neighbour-solicitation.ts';
import { isSystemError } from '../sys/errors.ts';
import { type Frame, openPacketListener, openPacketSender } from '../sys/packet-socket.ts';
import { openRawSocket } from '../sys/raw-socket.ts';
import { READABLE, type Reactor } from '../sys/reactor.ts';
import type { FilterInstruction } from '../sys/socket-filter.ts';
import { advertisementFilter, arpFilter } from './neighbour-filter.ts';

/** A host says that it has an address. */
export interface NeighbourClaim {
  readonly address: IpAddress;
  readonly mac: MacAddress;
  /**
   * `reply`: it was asked for this: an ARP reply, a solicited advertisement. `announcement`: it says so by itself, or
   * uses the address (any ARP packet from it, RFC 5227 section 2.4). Over IPv6 the answer to a question without a
   * source also is an announcement.
   */
  readonly kind: 'reply' | 'announcement';
}

export interface Neighbours {
  /** The addresses whose claims are heard from now on, besides those that were asked for. Throws SystemError. */
  watch(addresses: readonly IpAddress[]): void;
  /**
   * Asks once who has `address`, whose claims are heard from now on; what is watched already costs less. `source` is
   * one of this host's own, of the same family; undefined asks without one, so that nobody learns anything from the
   * question. Throws SystemError: ENETDOWN while the link is down.
   */
  ask(address: IpAddress, source: IpAddress | undefined): void;
  /**
   * Tells every claim of an address that is watched or was asked for. What this host sends on the link is not heard,
   * unless the network sends it back: a claim with the link's own Ethernet address is nobody else's.
   */
  onAnswer(listener: (claim: NeighbourClaim) => void): void;
  /** Told when answers cannot be read. They are heard on. */
  onError(listener: (error: unknown) => void): void;
  close(): void;
}

interface NeighbourLink {
  readonly index: number;
  readonly name: string;
  readonly mac: MacAddress | undefined;
}

/** Hears claims of one family. */
interface Ear {
  readonly setFilter: (addresses: readonly IpAddress[]) => void;
  readonly close: () => void;
}

// Claims of those that were asked for longest ago are heard no more: the set must not grow for ever.
const MOST_ASKED = 512;
// A turn of the loop reads so many at most: whoever floods the link with claims keeps no advert waiting.
const PER_TURN = 32;

/** Sockets are opened when a family is first used. A link without an Ethernet address has no neighbours. */
export function openNeighbours(reactor: Reactor, link: NeighbourLink): Neighbours {
  const { mac } = link;
  if (mac === undefined) return NO_NEIGHBOURS;
  return new LinkNeighbours(reactor, { ...link, mac });
}

const NO_NEIGHBOURS: Neighbours = {
  watch: () => undefined,
  ask: () => undefined,
  onAnswer: () => undefined,
  onError: () => undefined,
  close: () => undefined,
};

class LinkNeighbours implements Neighbours {
  readonly #reactor: Reactor;
  readonly #link: NeighbourLink & { readonly mac: MacAddress };
  readonly #sender: ReturnType<typeof openPacketSender>;
  readonly #ears = new Map<Family, Ear>();
  readonly #claimListeners: ((claim: NeighbourClaim) => void)[] = [];
  readonly #errorListeners: ((error: unknown) => void)[] = [];
  #watched: ReadonlySet<IpAddress> = new Set();
  /** Oldest first. */
  readonly #asked = new Set<IpAddress>();
  #closed = false;

  constructor(reactor: Reactor, link: NeighbourLink & { readonly mac: MacAddress }) {
    this.#reactor = reactor;
    this.#link = link;
    this.#sender = openPacketSender(link.index);
  }

  watch(addresses: readonly IpAddress[]): void {
    if (this.#closed) return;
    this.#watched = new Set(addresses);
    for (const family of ['ipv4', 'ipv6'] as const) this.#listen(family);
  }

  ask(address: IpAddress, source: IpAddress | undefined): void {
    if (this.#closed) return;
    if (!this.#isOfInterest(address)) {
      const [oldest] = this.#asked;
      if (oldest !== undefined && this.#asked.size >= MOST_ASKED) this.#asked.delete(oldest);
      this.#asked.add(address);
      this.#listen(familyOf(address));
    }
    this.#sender.send([question(address, source, this.#link.mac)]);
  }

  onAnswer(listener: (claim: NeighbourClaim) => void): void {
    this.#claimListeners.push(listener);
  }

  onError(listener: (error: unknown) => void): void {
    this.#errorListeners.push(listener);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const ear of this.#ears.values()) ear.close();
    this.#sender.close();
  }

  #isOfInterest(address: IpAddress): boolean {
    return this.#watched.has(address) || this.#asked.has(address);
  }

  #listen(family: Family): void {
    const wanted = new Set([...this.#watched, ...this.#asked]);
    const addresses = [...wanted].filter((address) => familyOf(address) === family);
    const ear = this.#ears.get(family);
    if (ear) ear.setFilter(addresses);
    else if (addresses.length > 0) {
      this.#ears.set(family, family === 'ipv4' ? this.#hearArp(addresses) : this.#hearDiscovery(addresses));
    }
  }

  #hearArp(addresses: readonly IpAddress[]): Ear {
    const socket = openPacketListener(ETHERTYPE_ARP, this.#link.index, arpFilter(addresses));
    return this.#attach(socket, arpFilter, () =>
      socket.receive((packet) => this.#tell(claimInArp(packet)), PER_TURN),
    );
  }

  #hearDiscovery(addresses: readonly IpAddress[]): Ear {
    // Not a packet socket, which would look at every IPv6 packet that is forwarded: only what is for this host.
    const socket = openRawSocket({
      protocol: IPPROTO_ICMPV6,
      family: 'ipv6',
      interface: this.#link,
      ttl: DISCOVERY_HOP_LIMIT,
    });
    const ear = this.#attach(socket, advertisementFilter, () =>
      socket.receive((message, origin) => {
        // What came through a router is no neighbour's (RFC 4861 section 7.1.2).
        if (origin?.hopLimit === DISCOVERY_HOP_LIMIT) this.#tell(claimInAdvertisement(message));
      }, PER_TURN),
    );
    try {
      ear.setFilter(addresses);
      socket.join(ALL_NODES);
    } catch (error) {
      ear.close();
      throw error;
    }
    return ear;
  }

  #attach(
    socket: {
      readonly fd: number;
      setFilter(program: readonly FilterInstruction[]): void;
      close(): void;
    },
    filter: (addresses: readonly IpAddress[]) => readonly FilterInstruction[],
    read: () => void,
  ): Ear {
    try {
      this.#reactor.add(socket.fd, READABLE, () => this.#attempt(read));
    } catch (error) {
      socket.close();
      throw error;
    }
    return {
      setFilter: (addresses) => socket.setFilter(filter(addresses)),
      close: () => {
        this.#reactor.remove(socket.fd);
        socket.close();
      },
    };
  }

  #attempt(read: () => void): void {
    try {
      read();
    } catch (error) {
      // Told once when the link goes down, of which there are notices; it hears on when the link is up again.
      if (isSystemError(error, 'ENETDOWN')) return;
      for (const listener of this.#errorListeners) listener(error);
    }
  }

  #tell(claim: NeighbourClaim | undefined): void {
    // The filter knows only the last four bytes of an IPv6 address; and a listener may have closed it all.
    if (claim === undefined || this.#closed || !this.#isOfInterest(claim.address)) return;
    for (const listener of this.#claimListeners) listener(claim);
  }
}

function question(address: IpAddress, source: IpAddress | undefined, mac: MacAddress): Frame {
  if (familyOf(address) === 'ipv4') {
    const payload = encodeArp(arpRequest(address, mac, source));
    return { etherType: ETHERTYPE_ARP, destination: BROADCAST_MAC, payload };
  }
  return {
    etherType: ETHERTYPE_IPV6,
    destination: groupMac(solicitedNodeGroup(address)),
    payload: neighbourSolicitation(address, source === undefined ? undefined : { address: source, mac }),
  };
}

function claimInArp(packet: Uint8Array): NeighbourClaim | undefined {
  const arp = decodeArp(packet);
  if (arp === undefined) return undefined;
  const { senderAddress: address, senderMac: mac, targetAddress, operation } = arp;
  const asked = operation === 'reply' && targetAddress !== address;
  return { address, mac, kind: asked ? 'reply' : 'announcement' };
}

function claimInAdvertisement(message: Uint8Array): NeighbourClaim | undefined {
  const advertisement = decodeNeighbourAdvertisement(message);
  if (advertisement?.mac === undefined) return undefined;
  const { target: address, mac, solicited } = advertisement;
  return { address, mac, kind: solicited ? 'reply' : 'announcement' };
}
