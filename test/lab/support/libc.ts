/** The few system calls that the lab's own measuring programs need and Node lacks. */
import { readFileSync } from 'node:fs';
import koffi from 'koffi';
import { addressToBytes, type IpAddress } from '../../../src/model/address.ts';

const libc = koffi.load('libc.so.6');

export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_PACKET = 17;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const IPPROTO_ICMP = 1;
export const IPPROTO_ICMPV6 = 58;
const MSG_DONTWAIT = 0x40;
const POLLIN = 1;

type Call = (...args: unknown[]) => number;
const callSocket = libc.func('int socket(int domain, int type, int protocol)') as Call;
const callSend = libc.func(
  'intptr sendto(int fd, void *data, size_t n, int flags, void *to, uint32 len)',
) as Call;
const callBind = libc.func('int bind(int fd, void *address, uint32 length)') as Call;
const callReceive = libc.func('intptr recv(int fd, void *data, size_t n, int flags)') as Call;
const callPoll = libc.func('int ppoll(void *set, ulong n, void *timeout, void *mask)') as Call;
const callIoctl = libc.func('int ioctl(int fd, ulong request, void *argument)') as Call;
const callSetOption = libc.func('int setsockopt(int fd, int level, int name, void *value, uint32 n)') as Call;
const callGetOption = libc.func('int getsockopt(int fd, int level, int name, void *value, void *n)') as Call;

function checked(what: string, result: number): number {
  const errno = koffi.errno();
  if (result < 0) throw new Error(`${what}: errno ${errno}`);
  return result;
}

export function openSocket(domain: number, type: number, protocol: number): number {
  return checked('socket', callSocket(domain, type, protocol));
}

export function bindSocket(fd: number, address: Buffer): void {
  checked('bind', callBind(fd, address, address.length));
}

export function setOption(fd: number, level: number, name: number, value: Buffer): void {
  checked(`setsockopt ${level} ${name}`, callSetOption(fd, level, name, value, value.length));
}

/** Whether it went out; an unreachable destination is a result here. */
export function sendTo(fd: number, data: Buffer, to: Buffer): boolean {
  return callSend(fd, data, data.length, MSG_DONTWAIT, to, to.length) >= 0;
}

/** The length of the next packet, now in `into`; undefined when there is none. */
export function receive(fd: number, into: Buffer): number | undefined {
  const length = callReceive(fd, into, into.length, MSG_DONTWAIT);
  return length < 0 ? undefined : length;
}

/** Blocks until something can be read or `ms` (fractions too) are over. */
export function waitReadable(fd: number, ms: number): void {
  const set = Buffer.alloc(8);
  set.writeInt32LE(fd, 0);
  set.writeInt16LE(POLLIN, 4);
  const timeout = Buffer.alloc(16);
  const whole = Math.max(0, ms);
  timeout.writeBigInt64LE(BigInt(Math.floor(whole / 1_000)), 0);
  timeout.writeBigInt64LE(BigInt(Math.floor((whole % 1_000) * 1_000_000)), 8);
  callPoll(set, 1, timeout, null);
}

/**
 * When the kernel received the packet that was read last, in ms since the epoch (ioctl SIOCGSTAMPNS of
 * linux/sockios.h); undefined for one from before the first call, which switches the stamps on.
 */
export function lastStamp(fd: number): number | undefined {
  const stamp = Buffer.alloc(16);
  if (callIoctl(fd, 0x8907, stamp) < 0) return undefined;
  return Number(stamp.readBigInt64LE(0)) * 1_000 + Number(stamp.readBigInt64LE(8)) / 1_000_000;
}

/** struct sockaddr_in, or sockaddr_in6, without a port. */
export function internetAddress(address: string): Buffer {
  if (address.includes(':')) {
    const six = Buffer.alloc(28);
    six.writeUInt16LE(AF_INET6, 0);
    six.set(addressToBytes(address as IpAddress), 8);
    return six;
  }
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(AF_INET, 0);
  bytes.set(address.split('.').map(Number), 4);
  return bytes;
}

const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;

/** How many bytes may wait to be received, beyond what the machine allows to others. */
export function setReceiveBuffer(fd: number, bytes: number): void {
  const value = Buffer.alloc(4);
  value.writeInt32LE(bytes);
  setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, value);
}

const ETH_P_ALL = 0x0003;

/** Every packet of `device`: struct sockaddr_ll of linux/if_packet.h, for `bindSocket`. */
export function packetAddress(device: string): Buffer {
  const address = Buffer.alloc(20);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeUInt16BE(ETH_P_ALL, 2);
  address.writeInt32LE(Number(readFileSync(`/sys/class/net/${device}/ifindex`, 'utf8')), 4);
  return address;
}

const SOL_PACKET = 263;
const PACKET_STATISTICS = 6;

/** Frames for which a packet socket had no room since the last call (struct tpacket_stats: packets, drops). */
export function framesLost(fd: number): number {
  const statistics = new Uint32Array(2);
  const length = new Uint32Array([statistics.byteLength]);
  checked(
    'getsockopt PACKET_STATISTICS',
    callGetOption(fd, SOL_PACKET, PACKET_STATISTICS, statistics, length),
  );
  return statistics[1] ?? 0;
}
