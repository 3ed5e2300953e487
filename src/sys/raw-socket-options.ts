/** The options of raw sockets of both families (ip(7), ipv6(7)). */
import { addressToBytes, type Family, type IpAddress } from '../model/address.ts';
import { SO_BINDTODEVICE, SO_PRIORITY, SOL_SOCKET, setOption } from './libc.ts';
import { setBuffer } from './socket-buffer.ts';

// <linux/in.h>
export const IPPROTO_IP = 0;
const IP_TOS = 1;
const IP_TTL = 2;
export const IP_PKTINFO = 8;
const IP_MULTICAST_IF = 32;
const IP_MULTICAST_TTL = 33;
const IP_MULTICAST_LOOP = 34;
const IP_ADD_MEMBERSHIP = 35;
const IP_DROP_MEMBERSHIP = 36;
const IP_MULTICAST_ALL = 49;
// <linux/in6.h>
export const IPPROTO_IPV6 = 41;
const IPV6_UNICAST_HOPS = 16;
const IPV6_MULTICAST_IF = 17;
const IPV6_MULTICAST_HOPS = 18;
const IPV6_MULTICAST_LOOP = 19;
const IPV6_ADD_MEMBERSHIP = 20;
const IPV6_DROP_MEMBERSHIP = 21;
const IPV6_MULTICAST_ALL = 29;
const IPV6_RECVPKTINFO = 49;
export const IPV6_PKTINFO = 50;
const IPV6_RECVHOPLIMIT = 51;
export const IPV6_HOPLIMIT = 52;
const IPV6_TCLASS = 67;
const IPV6_FREEBIND = 78;
/** Class selector 6, internetwork control (RFC 4594 section 3.2): what routers mark their own traffic with. */
const INTERNETWORK_CONTROL = 0xc0;
/** <linux/pkt_sched.h>: leaves a full queue first. Needs CAP_NET_ADMIN. */
const TC_PRIO_CONTROL = 7;
/** Bytes: some 1,300 packets, so that a burst of rubbish does not crowd out what is meant for us. */
const RECEIVE_BUFFER = 1024 * 1024;
const UNSPECIFIED = '0.0.0.0' as IpAddress;

export interface SocketLink {
  readonly index: number;
  readonly name: string;
}

export interface SendOptions {
  /** TTL or hop limit of all that is sent: 1 to 255. */
  readonly ttl: number;
  /** Whether another link's addresses may be sent from: over IPv6 the kernel refuses those of link scope otherwise. */
  readonly anySource?: boolean;
}

/** Throws SystemError: ENODEV when there is no such interface. */
export function prepareRawSocket(
  fd: number,
  family: Family,
  link: SocketLink,
  { ttl, anySource = false }: SendOptions,
): void {
  setOption(fd, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${link.name}\0`), `SO_BINDTODEVICE ${link.name}`);
  if (family === 'ipv4') prepareIpv4(fd, link.index, ttl);
  else prepareIpv6(fd, link.index, ttl);
  if (anySource && family === 'ipv6') setOption(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1, 'IPV6_FREEBIND');
  // The type of service sets a priority too: the socket's own comes after it.
  setOption(fd, SOL_SOCKET, SO_PRIORITY, TC_PRIO_CONTROL, 'SO_PRIORITY');
  setBuffer(fd, 'receive', RECEIVE_BUFFER);
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

/** Throws SystemError: EADDRINUSE for a group that was joined already, EADDRNOTAVAIL for one that was not. */
export function changeMembership(
  fd: number,
  change: 'join' | 'leave',
  group: IpAddress,
  { index, name }: SocketLink,
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
