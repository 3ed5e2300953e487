import { EventEmitter } from 'node:events';
import { type Family, type IpAddress, isNotUnicast } from '../../../model/address.ts';
import { decodeIpv4 } from '../../../packet/ipv4.ts';
import { openRawSocket, type PacketOrigin, type RawSocket } from '../../../sys/raw-socket.ts';
import { READABLE, type Reactor } from '../../../sys/reactor.ts';
import { VRRP_GROUP, VRRP_PROTOCOL, VRRP_TTL } from '../../advertisement.ts';
import { vridFilter } from '../../filter.ts';
import type { RemoteInfo, Transport, TransportEvents } from './transport.ts';

// A turn of the loop reads so many at most, so that a flood of packets cannot keep a due advert waiting.
const PER_TURN = 64;
// More than the receive queue holds, twice what was asked for: some 800 bytes for a packet.
const WHOLE_QUEUE = 4096;

/** VRRP over its own IP protocol on one interface, with a TTL (hop limit) of 255 always. */
export class RawTransport extends EventEmitter<TransportEvents> implements Transport {
  readonly family: Family;
  readonly #reactor: Reactor;
  readonly #socket: RawSocket;
  readonly #interfaceIndex: number;
  #inGroup = false;
  #closed = false;

  /**
   * Hears unicast packets only, and of every VRID, until told otherwise. `anySource`: sends from other links' addresses
   * too, as a macvlan does from its parent's. Throws SystemError: ENODEV when there is no such interface, EPERM without
   * CAP_NET_RAW, EAFNOSUPPORT where the kernel has no IPv6.
   */
  constructor(
    reactor: Reactor,
    link: { readonly index: number; readonly name: string },
    family: Family,
    { anySource = false } = {},
  ) {
    super();
    this.family = family;
    this.#reactor = reactor;
    this.#interfaceIndex = link.index;
    this.#socket = openRawSocket({
      protocol: VRRP_PROTOCOL,
      family,
      interface: link,
      ttl: VRRP_TTL,
      anySource,
    });
    try {
      reactor.add(this.#socket.fd, READABLE, () => this.#read(PER_TURN));
    } catch (error) {
      this.#socket.close();
      throw error;
    }
  }

  /** Hears the VRRP group as well. Does nothing when it does already. Throws SystemError. */
  joinGroup(): void {
    if (this.#inGroup || this.#closed) return;
    this.#socket.join(VRRP_GROUP[this.family]);
    this.#inGroup = true;
  }

  /** Hears unicast packets only. Throws SystemError. */
  leaveGroup(): void {
    if (!this.#inGroup || this.#closed) return;
    this.#inGroup = false;
    this.#socket.leave(VRRP_GROUP[this.family]);
  }

  send(message: Uint8Array, destination: IpAddress | 'group', source: IpAddress): void {
    this.#socket.send(message, destination === 'group' ? VRRP_GROUP[this.family] : destination, source);
  }

  /** The kernel drops what is for others: it wakes nobody. What is queued already comes all the same. */
  setVrids(vrids: readonly number[]): void {
    if (!this.#closed) this.#socket.setFilter(vridFilter(this.family, vrids));
  }

  drain(): void {
    this.#read(WHOLE_QUEUE);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reactor.remove(this.#socket.fd);
    this.#socket.close();
    this.emit('close');
    this.removeAllListeners();
  }

  #read(limit: number): void {
    if (this.#closed) return;
    try {
      this.#socket.receive((packet, origin) => this.#deliver(packet, origin), limit);
    } catch (error) {
      this.emit('error', error instanceof Error ? error : new Error('VRRP socket', { cause: error }));
    }
  }

  #deliver(packet: Uint8Array, origin: PacketOrigin | undefined): void {
    // Closed by the listener of an earlier packet.
    if (this.#closed) return;
    const received = origin ? overIpv6(packet, origin) : overIpv4(packet);
    if (received === undefined) return;
    const { message, address, destination, ttl } = received;
    // Unicast is what has our address; a group that another socket's membership let in is not ours.
    if (!this.#inGroup && isNotUnicast(destination)) return;
    const { length: size } = message;
    this.emit('message', message, { address, destination, ttl, interfaceIndex: this.#interfaceIndex, size });
  }
}

type Received =
  | (Pick<RemoteInfo, 'address' | 'destination' | 'ttl'> & { readonly message: Uint8Array })
  | undefined;

/** What the kernel handed over as IPv4 but is none is nobody's. */
function overIpv4(packet: Uint8Array): Received {
  const ip = decodeIpv4(packet);
  if (ip === undefined) return undefined;
  const { source, destination, ttl, payload } = ip;
  return { message: payload, address: source, destination, ttl };
}

const overIpv6 = (message: Uint8Array, { source, destination, hopLimit }: PacketOrigin): Received => ({
  message,
  address: source,
  destination,
  ttl: hopLimit,
});
