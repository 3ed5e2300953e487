/** Packets of one IP protocol on one interface, of one family: multicast and unicast through the same socket. */
import { addressFromBytes, addressToBytes, type Family, type IpAddress } from '../model/address.ts';
import { ERRNO, SystemError } from './errors.ts';
import { AF_INET, AF_INET6, closeDescriptor, closing, openSocket, SOCK_RAW } from './libc.ts';
import {
  changeMembership,
  IP_PKTINFO,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_HOPLIMIT,
  IPV6_PKTINFO,
  prepareRawSocket,
  type SendOptions,
  type SocketLink,
} from './raw-socket-options.ts';
import { type Envelope, ReceiveRing, type ReceivingSocket } from './receive-ring.ts';
import { SendRing } from './send-ring.ts';
import { addressInSockaddr6, controlMessage, findControl, internetAddress } from './socket-address.ts';
import { attachFilter, type FilterInstruction } from './socket-filter.ts';

/** How many addresses' bytes are kept ready. */
const MOST_REMEMBERED = 64;

/** What an IPv6 socket tells of a packet, whose header it keeps. */
export interface PacketOrigin {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly hopLimit: number;
}

/**
 * Over IPv4 `packet` begins with the IP header and `origin` is undefined; over IPv6 it is what follows all headers.
 * It is a view, overwritten by the next receive.
 */
export type PacketHandler = (packet: Uint8Array, origin: PacketOrigin | undefined) => void;

export interface RawSocket {
  /** For a reactor to watch. */
  readonly fd: number;
  /** Hears this group from now on, which must not have been joined yet. Throws SystemError. */
  join(group: IpAddress): void;
  /** Throws SystemError: EADDRNOTAVAIL for a group that was not joined. */
  leave(group: IpAddress): void;
  /**
   * Sends what follows the IP header, to a host or a group, from one of this host's own addresses. The checksum of an
   * upper layer is the sender's matter (IPV6_CHECKSUM is off). Throws SystemError: ENETDOWN, ENOBUFS, EPERM and the
   * like may pass; EINVAL or EADDRNOTAVAIL for a source that this host does not have.
   */
  send(payload: Uint8Array, destination: IpAddress, source: IpAddress): void;
  /**
   * Only what this classic BPF program keeps is queued from now on; it sees what `PacketHandler` does. Throws
   * SystemError: EINVAL for a program that the kernel does not take.
   */
  setFilter(program: readonly FilterInstruction[]): void;
  /** Hands queued packets to `handler`: up to about `limit`. See `ReceiveRing.receive`. */
  receive(handler: PacketHandler, limit: number): void;
  close(): void;
}

export interface RawSocketOptions extends SendOptions {
  /** IP protocol number. */
  readonly protocol: number;
  readonly family: Family;
  readonly interface: SocketLink;
}

// A ring's worth is handled before the next receive, so all sockets share them. An IPv4 header with options and 255
// addresses fit into 2 KiB, 255 IPv6 addresses with a trailer into 4.25; what is cut contradicts its own length and is
// refused as any other broken packet. Control data: in6_pktinfo and the hop limit, 40 and 24 bytes.
const incoming: Readonly<Record<Family, ReceiveRing>> = {
  ipv4: new ReceiveRing(16, 2048),
  ipv6: new ReceiveRing(16, 4352, { name: 28, control: 64 }),
};
const outgoing = new SendRing(1, { data: 4352, name: 28, control: 40 });

/** Opens such a socket; throws SystemError: ENODEV when there is no such interface, EPERM without CAP_NET_RAW. */
export function openRawSocket(options: RawSocketOptions): RawSocket {
  const { family, interface: link } = options;
  const what = `raw ${family} protocol ${options.protocol} on ${link.name}`;
  const fd = openSocket(family === 'ipv4' ? AF_INET : AF_INET6, SOCK_RAW, options.protocol, what);
  try {
    prepareRawSocket(fd, family, link, options);
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
  const nameOf = remembered((destination) => internetAddress(destination, link.index));
  const controlOf = remembered((source) => sourceControl(source, link.index));
  const { closed, close } = closing(fd);
  return {
    fd,
    join: (group) => changeMembership(fd, 'join', group, link),
    leave: (group) => changeMembership(fd, 'leave', group, link),
    send(payload, destination, source) {
      if (closed()) throw new SystemError('sendmmsg', ERRNO.EBADF, what);
      const message = { data: payload, name: nameOf(destination), control: controlOf(source) };
      outgoing.send(fd, [message], `${what} to ${destination} from ${source}`);
    },
    setFilter: (program) => attachFilter(fd, program, what),
    receive: (handler, limit) => receive({ fd, closed }, family, handler, limit),
    close,
  };
}

/** struct in_pktinfo (index, source, unused) or in6_pktinfo (source, index): binding would close out the group. */
function sourceControl(source: IpAddress, index: number): Uint8Array {
  const address = addressToBytes(source);
  const isIpv4 = address.length === 4;
  const data = new Uint8Array(isIpv4 ? 12 : 20);
  data.set(address, isIpv4 ? 4 : 0);
  new DataView(data.buffer).setInt32(isIpv4 ? 0 : 16, index, true);
  return isIpv4
    ? controlMessage(IPPROTO_IP, IP_PKTINFO, data)
    : controlMessage(IPPROTO_IPV6, IPV6_PKTINFO, data);
}

/** Peers and sources are few, and the same for every advert. */
function remembered(make: (address: IpAddress) => Uint8Array): (address: IpAddress) => Uint8Array {
  const known = new Map<IpAddress, Uint8Array>();
  return (address) => {
    const found = known.get(address);
    if (found) return found;
    if (known.size >= MOST_REMEMBERED) known.clear();
    const bytes = make(address);
    known.set(address, bytes);
    return bytes;
  };
}

function receive(socket: ReceivingSocket, family: Family, handler: PacketHandler, limit: number): void {
  const ring = incoming[family];
  if (family === 'ipv4') {
    ring.receive(socket, (packet) => handler(packet, undefined), limit);
    return;
  }
  ring.receive(
    socket,
    (payload, envelope) => {
      const origin = originOf(envelope);
      if (origin) handler(payload, origin);
    },
    limit,
  );
}

/** undefined where the kernel has not told all of it, which it does since both were asked for. */
function originOf({ name, control }: Envelope): PacketOrigin | undefined {
  const info = findControl(control, IPPROTO_IPV6, IPV6_PKTINFO);
  const hops = findControl(control, IPPROTO_IPV6, IPV6_HOPLIMIT);
  if (name.length < 24 || info === undefined || info.length < 16 || hops === undefined) return undefined;
  return {
    source: addressInSockaddr6(name),
    destination: addressFromBytes(info.subarray(0, 16)),
    hopLimit: hops[0] ?? 0,
  };
}
