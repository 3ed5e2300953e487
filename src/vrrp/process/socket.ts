/** The multicast transport of one interface over IPv4, with the one source address that it sends from. */
import type { IpAddress } from '../../model/address.ts';
import type { Reactor } from '../../sys/reactor.ts';
import { RawTransport } from './transport/raw.ts';
import type { RemoteInfo as TransportRemoteInfo } from './transport/transport.ts';

/** What the IP header told of a message. */
export interface RemoteInfo extends TransportRemoteInfo {
  readonly ttl: number;
}

export class VrrpSocket {
  readonly #transport: RawTransport;
  #source: IpAddress | undefined;

  /** Throws SystemError: ENODEV when there is no such interface, EPERM without CAP_NET_RAW. */
  constructor(reactor: Reactor, link: { readonly index: number; readonly name: string }) {
    this.#transport = new RawTransport(reactor, link, 'ipv4');
    try {
      this.#transport.joinGroup();
    } catch (error) {
      this.#transport.close();
      throw error;
    }
  }

  onMessage(listener: (message: Uint8Array, remote: RemoteInfo) => void): void {
    this.#transport.on('message', (message, remote) =>
      listener(message, { ...remote, ttl: remote.ttl ?? 0 }),
    );
  }

  onError(listener: (error: Error) => void): void {
    this.#transport.on('error', listener);
  }

  /** Sends from `source`, one of the interface's own addresses, from now on. */
  setSource(source: IpAddress): void {
    this.#source = source;
  }

  /** To the VRRP group, with a TTL of 255. Throws SystemError: ENETDOWN, ENOBUFS, EPERM and the like may pass. */
  send(message: Uint8Array): void {
    if (this.#source !== undefined) this.#transport.send(message, 'group', this.#source);
  }

  /** See `drain` there. */
  drain(): void {
    this.#transport.drain();
  }

  close(): void {
    this.#transport.close();
  }
}
