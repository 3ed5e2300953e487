/** Packets of one IP protocol on one interface, of one family: multicast and unicast through the same socket. */
import { addressFromBytes, addressToBytes, type Family, type IpAddress } from '../model/address.ts';
import { ERRNO, SystemError } from './errors.ts';
import {
  AF_INET,
  AF_INET6,
  closeDescriptor,
  openSocket,
  SO_BINDTODEVICE,
  SO_PRIORITY,
  SO_RCVBUFFORCE,
  SOCK_RAW,
  SOL_SOCKET,
  setOption,
} from './libc.ts';
import { type Envelope, ReceiveRing } from './receive-ring.ts';
import { SendRing } from './send-ring.ts';
import { addressInSockaddr6, controlMessage, findControl, internetAddress } from './socket-address.ts';
import { attachFilter, attachProgram, type FilterInstruction } from './socket-filter.ts';

// <linux/in.h>
const IPPROTO_IP = 0;
const IP_TOS = 1;
const IP_TTL = 2;
const IP_PKTINFO = 8;
const IP_MULTICAST_IF = 32;
const IP_MULTICAST_TTL = 33;
const IP_MULTICAST_LOOP = 34;
const IP_ADD_MEMBERSHIP = 35;
const IP_DROP_MEMBERSHIP = 36;
const IP_MULTICAST_ALL = 49;
// <linux/in6.h>
const IPPROTO_IPV6 = 41;
const IPV6_UNICAST_HOPS = 16;
const IPV6_MULTICAST_IF = 17;
const IPV6_MULTICAST_HOPS = 18;
const IPV6_MULTICAST_LOOP = 19;
const IPV6_ADD_MEMBERSHIP = 20;
const IPV6_DROP_MEMBERSHIP = 21;
const IPV6_MULTICAST_ALL = 29;
const IPV6_RECVPKTINFO = 49;
const IPV6_PKTINFO = 50;
const IPV6_RECVHOPLIMIT = 51;
const IPV6_HOPLIMIT = 52;
const IPV6_TCLASS = 67;
/** Class selector 6, internetwork control (RFC 4594 section 3.2): what routers mark their own traffic with. */
const INTERNETWORK_CONTROL = 0xc0;
/** <linux/pkt_sched.h>: leaves a full queue first. Needs CAP_NET_ADMIN. */
const TC_PRIO_CONTROL = 7;
/** Bytes: some 1,300 packets, so that a burst of rubbish does not crowd out what is meant for us. */
const RECEIVE_BUFFER = 1024 * 1024;
const UNSPECIFIED = '0.0.0.0' as IpAddress;

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
   * Only what this classic BPF program keeps is queued from now on: instructions, or an array of struct sock_filter.
   * It sees what `PacketHandler` does. Throws SystemError: EINVAL for a program that the kernel does not take.
   */
  setFilter(program: readonly FilterInstruction[] | Uint8Array): void;
  /** Hands queued packets to `handler`: up to about `limit`. See `ReceiveRing.receive`. */
  receive(handler: PacketHandler, limit: number): number;
  close(): void;
}

export interface RawSocketOptions {
  /** IP protocol number. */
  readonly protocol: number;
  readonly family: Family;
  readonly interface: { readonly index: number; readonly name: string };
  /** TTL or hop limit of all that is sent: 1 to 255. */
  readonly ttl: number;
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
    prepare(fd, options);
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
  let closed = false;
  return {
    fd,
    join: (group) => changeMembership(fd, 'join', group, link),
    leave: (group) => changeMembership(fd, 'leave', group, link),
    send(payload, destination, source) {
      if (closed) throw new SystemError('sendmmsg', ERRNO.EBADF, what);
      const name = internetAddress(destination, link.index);
      const control = sourceControl(source, link.index);
      outgoing.send(fd, [{ data: payload, name, control }], `${what} to ${destination} from ${source}`);
    },
    setFilter(program) {
      if (program instanceof Uint8Array) attachProgram(fd, program, what);
      else attachFilter(fd, program, what);
    },
    receive: (handler, limit) => (closed ? 0 : receive(fd, family, handler, limit)),
    close() {
      if (closed) return;
      closed = true;
      closeDescriptor(fd);
    },
  };
}

function prepare(fd: number, { family, interface: link, ttl }: RawSocketOptions): void {
  setOption(fd, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${link.name}\0`), `SO_BINDTODEVICE ${link.name}`);
  if (family === 'ipv4') prepareIpv4(fd, link.index, ttl);
  else prepareIpv6(fd, link.index, ttl);
  // The type of service sets a priority too: the socket's own comes after it.
  setOption(fd, SOL_SOCKET, SO_PRIORITY, TC_PRIO_CONTROL, 'SO_PRIORITY');
  setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER, 'SO_RCVBUFFORCE');
}

function prepareIpv4(fd: number, index: number, ttl: number): void {
  const set = (name: number, value: number | Uint8Array, what: string) =>
    setOption(fd, IPPROTO_IP, name, value, what);
  // Without this a raw socket hears every group that anybody on this host has joined.
  set(IP_MULTICAST_ALL, 0, 'IP_MULTICAST_ALL');
  set(IP_MULTICAST_LOOP, 0, 'IP_MULTICAST_LOOP');
  set(IP_MULTICAST_TTL, ttl, 'IP_MULTICAST_TTL');
  set(IP_TTL, ttl, 'IP_TTL');
  set(IP_TOS, INTERNETWORK_CONTROL, 'IP_TOS');
  set(IP_MULTICAST_IF, membershipIpv4(UNSPECIFIED, index), 'IP_MULTICAST_IF');
}

function prepareIpv6(fd: number, index: number, ttl: number): void {
  const set = (name: number, value: number, what: string) => setOption(fd, IPPROTO_IPV6, name, value, what);
  set(IPV6_MULTICAST_ALL, 0, 'IPV6_MULTICAST_ALL');
  set(IPV6_MULTICAST_LOOP, 0, 'IPV6_MULTICAST_LOOP');
  set(IPV6_MULTICAST_HOPS, ttl, 'IPV6_MULTICAST_HOPS');
  set(IPV6_UNICAST_HOPS, ttl, 'IPV6_UNICAST_HOPS');
  set(IPV6_TCLASS, INTERNETWORK_CONTROL, 'IPV6_TCLASS');
  set(IPV6_MULTICAST_IF, index, 'IPV6_MULTICAST_IF');
  set(IPV6_RECVPKTINFO, 1, 'IPV6_RECVPKTINFO');
  set(IPV6_RECVHOPLIMIT, 1, 'IPV6_RECVHOPLIMIT');
}

function changeMembership(
  fd: number,
  change: 'join' | 'leave',
  group: IpAddress,
  { index, name }: RawSocketOptions['interface'],
): void {
  const what = `to ${change} ${group} on ${name}`;
  if (group.includes(':')) {
    const option = change === 'join' ? IPV6_ADD_MEMBERSHIP : IPV6_DROP_MEMBERSHIP;
    setOption(fd, IPPROTO_IPV6, option, membershipIpv6(group, index), what);
  } else {
    const option = change === 'join' ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP;
    setOption(fd, IPPROTO_IP, option, membershipIpv4(group, index), what);
  }
}

/** struct ip_mreqn: by interface index, so that an interface without an address will do. */
function membershipIpv4(group: IpAddress, index: number): Uint8Array {
  const bytes = new Uint8Array(12);
  bytes.set(addressToBytes(group), 0);
  new DataView(bytes.buffer).setInt32(8, index, true);
  return bytes;
}

/** struct ipv6_mreq. */
function membershipIpv6(group: IpAddress, index: number): Uint8Array {
  const bytes = new Uint8Array(20);
  bytes.set(addressToBytes(group), 0);
  new DataView(bytes.buffer).setInt32(16, index, true);
  return bytes;
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

function receive(fd: number, family: Family, handler: PacketHandler, limit: number): number {
  const ring = incoming[family];
  if (family === 'ipv4') return ring.receive(fd, (packet) => handler(packet, undefined), limit);
  return ring.receive(
    fd,
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
