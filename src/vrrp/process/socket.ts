/**
 * The VRRP socket of one interface, in the shape of Node's own dgram sockets (`send`, `'message'`, `address`,
 * `close`), which open UDP only. All virtual routers of the interface share it: a group is joined per interface, and
 * so every packet is read once.
 */
import { EventEmitter } from 'node:events';
import type { IpAddress } from '../../model/address.ts';
import { decodeIpv4 } from '../../packet/ipv4.ts';
import { type MulticastRawSocket, openMulticastRawSocket } from '../../sys/raw-socket.ts';
import { READABLE, type Reactor } from '../../sys/reactor.ts';
import { VRRP_GROUP_IPV4, VRRP_PROTOCOL, VRRP_TTL } from '../advertisement.ts';

/** What the IP header told of a message. */
export interface RemoteInfo {
  readonly address: IpAddress;
  readonly destination: IpAddress;
  readonly ttl: number;
  readonly interfaceIndex: number;
  /** Of the message in bytes. */
  readonly size: number;
}

interface SocketEvents {
  /** The message without its IP header: a view that is overwritten when the listener has returned. */
  message: [message: Uint8Array, remote: RemoteInfo];
  /** The socket cannot be read. It stays open. */
  error: [error: Error];
  close: [];
}

// A turn of the loop reads so many at most, so that a flood of packets cannot keep a due advert waiting.
const PER_TURN = 64;
// More than the receive queue holds, twice what was asked for: some 800 bytes for a packet.
const WHOLE_QUEUE = 4096;

export class VrrpSocket extends EventEmitter<SocketEvents> {
  readonly #reactor: Reactor;
  readonly #socket: MulticastRawSocket;
  readonly #interfaceIndex: number;
  #source: IpAddress | undefined;
  #closed = false;

  /** Throws SystemError: ENODEV when there is no such interface, EPERM without CAP_NET_RAW. */
  constructor(reactor: Reactor, link: { readonly index: number; readonly name: string }) {
    super();
    this.#reactor = reactor;
    this.#interfaceIndex = link.index;
    this.#socket = openMulticastRawSocket({
      protocol: VRRP_PROTOCOL,
      group: VRRP_GROUP_IPV4,
      interface: link,
      ttl: VRRP_TTL,
    });
    try {
      reactor.add(this.#socket.fd, READABLE, () => this.#read(PER_TURN));
    } catch (error) {
      this.#socket.close();
      throw error;
    }
  }

  /** Like dgram's: the address that messages are sent from; undefined until it was set. */
  address(): { readonly address: IpAddress | undefined; readonly family: 'IPv4' } {
    return { address: this.#source, family: 'IPv4' };
  }

  /** Sends from `source`, one of the interface's own addresses, from now on. Throws SystemError. */
  setSource(source: IpAddress): void {
    if (source === this.#source) return;
    this.#socket.setSource(source);
    this.#source = source;
  }

  /** To the VRRP group, with a TTL of 255. Throws SystemError: ENETDOWN, ENOBUFS, EPERM and the like may pass. */
  send(message: Uint8Array): void {
    this.#socket.send(message);
  }

  /**
   * Emits now what is queued already. To be called before a timer is acted upon: after a stall the successor's advert
   * waits here, and it came first.
   */
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
      this.#socket.receive((packet) => this.#deliver(packet), limit);
    } catch (error) {
      this.emit('error', error instanceof Error ? error : new Error('VRRP socket', { cause: error }));
    }
  }

  #deliver(packet: Uint8Array): void {
    // Closed by the listener of an earlier packet; and what the kernel handed over as IPv4 but is none is nobody's.
    if (this.#closed) return;
    const ip = decodeIpv4(packet);
    if (ip === undefined) return;
    this.emit('message', ip.payload, {
      address: ip.source,
      destination: ip.destination,
      ttl: ip.ttl,
      interfaceIndex: this.#interfaceIndex,
      size: ip.payload.length,
    });
  }
}
