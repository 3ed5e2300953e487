import { addressToBytes, type IpAddress } from '../model/address.ts';
import { ERRNO, SystemError } from './errors.ts';
import {
  AF_INET,
  closeDescriptor,
  openSocket,
  SO_BINDTODEVICE,
  SO_PRIORITY,
  SO_RCVBUFFORCE,
  SOCK_RAW,
  SOL_SOCKET,
  sendTo,
  setOption,
} from './libc.ts';
import { ReceiveRing } from './receive-ring.ts';

// <linux/in.h>
const IPPROTO_IP = 0;
const IP_TOS = 1;
const IP_MULTICAST_IF = 32;
const IP_MULTICAST_TTL = 33;
const IP_MULTICAST_LOOP = 34;
const IP_ADD_MEMBERSHIP = 35;
const IP_MULTICAST_ALL = 49;
/** Class selector 6, internetwork control (RFC 4594 section 3.2): what routers mark their own traffic with. */
const TOS_INTERNETWORK_CONTROL = 0xc0;
/** <linux/pkt_sched.h>: leaves a full queue first. Needs CAP_NET_ADMIN. */
const TC_PRIO_CONTROL = 7;
/** Bytes: some 1,300 packets, so that a burst of rubbish does not crowd out what is meant for us. */
const RECEIVE_BUFFER = 1024 * 1024;
const UNSPECIFIED = '0.0.0.0' as IpAddress;

/** Packets of one IP protocol to and from one multicast group on one interface. */
export interface MulticastRawSocket {
  /** For a reactor to watch. */
  readonly fd: number;
  /** The source address of what is sent from now on; it must be this host's. */
  setSource(address: IpAddress): void;
  /** Sends to the group, header excluded. Throws SystemError: ENETDOWN, ENOBUFS, EPERM and the like may pass. */
  send(payload: Uint8Array): void;
  /** Hands queued packets, each with its IP header, to `handler`: up to about `limit`. See `ReceiveRing.receive`. */
  receive(handler: (packet: Uint8Array) => void, limit: number): number;
  close(): void;
}

export interface MulticastRawOptions {
  /** IP protocol number. */
  readonly protocol: number;
  readonly group: IpAddress;
  readonly interface: { readonly index: number; readonly name: string };
  /** 1 to 255. */
  readonly ttl: number;
}

// A ring's worth is handled before the next receive, so all sockets share one. 2 KiB hold an IP header with options
// and 255 addresses; what is cut contradicts its own length and is refused as any other broken packet.
const ring = new ReceiveRing(16, 2048);

/** Opens such a socket (IPv4); throws SystemError: ENODEV when there is no such interface, EPERM without CAP_NET_RAW. */
export function openMulticastRawSocket(options: MulticastRawOptions): MulticastRawSocket {
  const what = `raw IP protocol ${options.protocol} on ${options.interface.name}`;
  const fd = openSocket(AF_INET, SOCK_RAW, options.protocol, what);
  try {
    prepare(fd, options);
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
  const group = socketAddress(options.group);
  let closed = false;
  return {
    fd,
    setSource(address) {
      const value = membership(UNSPECIFIED, address, options.interface.index);
      setOption(fd, IPPROTO_IP, IP_MULTICAST_IF, value, `IP_MULTICAST_IF ${address}`);
    },
    send(payload) {
      if (closed) throw new SystemError('sendto', ERRNO.EBADF, what);
      if (sendTo(fd, payload, group, what) < 0) throw new SystemError('sendto', ERRNO.EAGAIN, what);
    },
    receive: (handler, limit) => (closed ? 0 : ring.receive(fd, handler, limit)),
    close() {
      if (closed) return;
      closed = true;
      closeDescriptor(fd);
    },
  };
}

function prepare(fd: number, options: MulticastRawOptions): void {
  const { index, name } = options.interface;
  setOption(fd, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${name}\0`), `SO_BINDTODEVICE ${name}`);
  // Without this a raw socket hears every group that anybody on this host has joined.
  setOption(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0, 'IP_MULTICAST_ALL');
  setOption(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0, 'IP_MULTICAST_LOOP');
  setOption(fd, IPPROTO_IP, IP_MULTICAST_TTL, options.ttl, 'IP_MULTICAST_TTL');
  // The type of service sets a priority too: the socket's own comes after it.
  setOption(fd, IPPROTO_IP, IP_TOS, TOS_INTERNETWORK_CONTROL, 'IP_TOS');
  setOption(fd, SOL_SOCKET, SO_PRIORITY, TC_PRIO_CONTROL, 'SO_PRIORITY');
  setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER, 'SO_RCVBUFFORCE');
  const joined = membership(options.group, UNSPECIFIED, index);
  setOption(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, joined, `IP_ADD_MEMBERSHIP ${options.group} on ${name}`);
}

/** struct ip_mreqn: by interface index, so that an interface without an address will do. */
function membership(group: IpAddress, address: IpAddress, index: number): Uint8Array {
  const bytes = new Uint8Array(12);
  bytes.set(addressToBytes(group), 0);
  bytes.set(addressToBytes(address), 4);
  new Int32Array(bytes.buffer)[2] = index;
  return bytes;
}

/** struct sockaddr_in, without a port. */
function socketAddress(address: IpAddress): Uint8Array {
  const bytes = new Uint8Array(16);
  new Uint16Array(bytes.buffer)[0] = AF_INET;
  bytes.set(addressToBytes(address), 4);
  return bytes;
}
