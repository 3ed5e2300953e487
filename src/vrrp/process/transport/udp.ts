import { createSocket, type RemoteInfo as DatagramOrigin, type Socket } from 'node:dgram';
import { EventEmitter } from 'node:events';
import { type Family, familyOf, type IpAddress, isLinkLocal, parseAddress } from '../../../model/address.ts';
import type { Transport, TransportEvents } from './transport.ts';

export interface UdpOptions {
  readonly interface: { readonly index: number; readonly name: string };
  /** Where we send from and hear: one of the interface's own addresses. */
  readonly source: IpAddress;
  /** The same at all directors: we send to it and from it. */
  readonly port: number;
}

/** Where the VRID stands in a VRRP message, of every version. */
const VRID_OFFSET = 1;

/**
 * VRRP messages in UDP, for networks that pass no other protocol. It has no group and no TTL check: only a key tells
 * who sent a message.
 */
export class UdpTransport extends EventEmitter<TransportEvents> implements Transport {
  readonly family: Family;
  readonly #options: UdpOptions;
  readonly #socket: Socket;
  #vrids: ReadonlySet<number> | undefined;
  #closed = false;

  /**
   * Binds at once, and hears every VRID until told otherwise. Throws an Error with Node's `code`: EADDRNOTAVAIL where
   * this host does not have the source, EADDRINUSE where the port is taken.
   */
  constructor(options: UdpOptions) {
    super();
    const { source, port } = options;
    this.family = familyOf(source);
    this.#options = options;
    this.#socket = createSocket({
      type: this.family === 'ipv4' ? 'udp4' : 'udp6',
      // Only ever given addresses: no name is looked up, and nothing waits for another turn of the loop.
      lookup: (address, _options, done) => done(null, address, this.family === 'ipv4' ? 4 : 6),
    });
    this.#socket.on('message', (message, origin) => this.#deliver(message, origin));
    this.#socket.on('error', (error) => this.#fail(error));
    try {
      // As the lookup is synchronous so is this, and nobody listens yet: EventEmitter throws an 'error' without listeners.
      this.#socket.bind({ address: this.#zoned(source), port, exclusive: true });
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** `destination` is a host: a group is refused with a RangeError. `source` is the one that it was opened with. */
  send(message: Uint8Array, destination: IpAddress | 'group', source: IpAddress): void {
    if (destination === 'group') throw new RangeError('VRRP over UDP has no group');
    if (source !== this.#options.source) {
      throw new RangeError(`VRRP over UDP sends from ${this.#options.source}, not from ${source}`);
    }
    if (this.#closed) return;
    this.#socket.send(message, this.#options.port, this.#zoned(destination), (error) => {
      if (error) this.#fail(error);
    });
  }

  setVrids(vrids: readonly number[]): void {
    this.#vrids = new Set(vrids);
  }

  drain(): void {
    // See Transport: there is nothing that it could do.
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
    this.emit('close');
    this.removeAllListeners();
  }

  #deliver(message: Uint8Array, origin: DatagramOrigin): void {
    const address = parseAddress(origin.address.replace(/%.*$/, ''));
    if (this.#closed || address === undefined) return;
    if (this.#vrids && !this.#vrids.has(message[VRID_OFFSET] ?? 0)) return;
    this.emit('message', message, {
      address,
      destination: this.#options.source,
      ttl: undefined,
      interfaceIndex: this.#options.interface.index,
      size: message.length,
    });
  }

  #fail(error: Error): void {
    if (!this.#closed) this.emit('error', error);
  }

  /** A link-local address means nothing without its link. */
  #zoned(address: IpAddress): string {
    return isLinkLocal(address) ? `${address}%${this.#options.interface.name}` : address;
  }
}
