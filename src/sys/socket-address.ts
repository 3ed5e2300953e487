/** Socket addresses and control messages as bytes (<sys/socket.h>, <netinet/in.h>, <linux/if_packet.h>). */
import {
  addressFromBytes,
  addressToBytes,
  type IpAddress,
  type MacAddress,
  macToBytes,
} from '../model/address.ts';
import { AF_INET, AF_INET6, AF_PACKET } from './libc.ts';

// struct cmsghdr: length in 64 bits, level, type; then the data. Each message begins at a multiple of 8.
const CONTROL_HEADER = 16;
const IPV6_ADDRESS_OFFSET = 8;

/**
 * struct sockaddr_in or sockaddr_in6 without a port. `interfaceIndex` is the zone, which link-local addresses and
 * groups need.
 */
export function internetAddress(address: IpAddress, interfaceIndex: number): Uint8Array {
  const ip = addressToBytes(address);
  const bytes = new Uint8Array(ip.length === 4 ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, ip.length === 4 ? AF_INET : AF_INET6, true);
  bytes.set(ip, ip.length === 4 ? 4 : IPV6_ADDRESS_OFFSET);
  if (ip.length === 16) view.setUint32(24, interfaceIndex, true);
  return bytes;
}

/** The address in a struct sockaddr_in6. */
export const addressInSockaddr6 = (bytes: Uint8Array): IpAddress =>
  addressFromBytes(bytes.subarray(IPV6_ADDRESS_OFFSET, IPV6_ADDRESS_OFFSET + 16));

/**
 * struct sockaddr_ll (packet(7)): family, EtherType in network order, index, type, kind, length, eight bytes. Without
 * a destination it is one to bind to.
 */
export function linkAddress(etherType: number, interfaceIndex: number, destination?: MacAddress): Uint8Array {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, etherType);
  view.setInt32(4, interfaceIndex, true);
  if (destination === undefined) return bytes;
  view.setUint8(11, 6);
  bytes.set(macToBytes(destination), 12);
  return bytes;
}

/** One control message, padded to a multiple of 8 bytes. */
export function controlMessage(level: number, type: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(CONTROL_HEADER + Math.ceil(data.length / 8) * 8);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(CONTROL_HEADER + data.length), true);
  view.setInt32(8, level, true);
  view.setInt32(12, type, true);
  bytes.set(data, CONTROL_HEADER);
  return bytes;
}

/** The data of the first control message of this level and type, as far as it lies within `bytes`. */
export function findControl(bytes: Uint8Array, level: number, type: number): Uint8Array | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at + CONTROL_HEADER <= bytes.length) {
    const length = Number(view.getBigUint64(at, true));
    if (length < CONTROL_HEADER || at + length > bytes.length) return undefined;
    if (view.getInt32(at + 8, true) === level && view.getInt32(at + 12, true) === type) {
      return bytes.subarray(at + CONTROL_HEADER, at + length);
    }
    at += Math.ceil(length / 8) * 8;
  }
  return undefined;
}
