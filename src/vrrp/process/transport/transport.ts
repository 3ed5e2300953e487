/**
 * A way that adverts go, in the shape of Node's own dgram sockets (`send`, `'message'`, `address`, `close`). One serves
 * all virtual routers of an interface and family; each packet is read once.
 *
 *     raw.ts   IP protocol 112, multicast and unicast (dgram opens UDP only)
 *     udp.ts   unicast in UDP, by dgram
 */
import type { Family, IpAddress } from '../../../model/address.ts';

/** What came with a message. */
export interface RemoteInfo {
  readonly address: IpAddress;
  /** The group, or our own address. */
  readonly destination: IpAddress;
  /** TTL or hop limit that it arrived with; undefined over UDP, where dgram does not tell. */
  readonly ttl: number | undefined;
  readonly interfaceIndex: number;
  /** Of the message in bytes. */
  readonly size: number;
}

export interface TransportEvents {
  /** The message without IP or UDP header: a view that is overwritten when the listener has returned. */
  message: [message: Uint8Array, remote: RemoteInfo];
  /** It cannot be read or, over UDP, something could not be sent. It stays open. */
  error: [error: Error];
  close: [];
}

export interface Transport {
  readonly family: Family;
  on<Event extends keyof TransportEvents>(
    event: Event,
    listener: (...values: TransportEvents[Event]) => void,
  ): unknown;
  /**
   * Sends to a host or, `'group'`, to the VRRP group of the family, from one of this host's own addresses. Throws
   * SystemError: ENETDOWN, ENOBUFS, EPERM and the like may pass. Over UDP errors come as events instead.
   */
  send(message: Uint8Array, destination: IpAddress | 'group', source: IpAddress): void;
  /** Only messages for these VRIDs are handed over from now on; of others nobody is told. Throws SystemError. */
  setVrids(vrids: readonly number[]): void;
  /**
   * Emits now what is queued already. To be called before a timer is acted upon: after a stall the successor's advert
   * waits here, and it came first. Over UDP it does nothing: libuv reads when the loop comes to it.
   */
  drain(): void;
  close(): void;
}
