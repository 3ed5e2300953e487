/**
 * ICMPv6 (RFC 4443) in IPv6 packets (RFC 8200 section 3) as neighbour discovery sends them: whole packets, since they
 * go out as the payload of a frame.
 *
 *     0  version 6, traffic class, flow label
 *     4  payload length    6  next header 58    7  hop limit 255
 *     8  source           24  destination
 *    40  ICMPv6: type, code, checksum, and what the type wants
 */
import {
  addressToBytes,
  type IpAddress,
  type MacAddress,
  macFromBytes,
  macToBytes,
} from '../model/address.ts';
import { internetChecksum } from './checksum.ts';

/** EtherType of IPv6 (<linux/if_ether.h> ETH_P_IPV6). */
export const ETHERTYPE_IPV6 = 0x86dd;
/** Protocol number (<linux/in6.h>). */
export const IPPROTO_ICMPV6 = 58;
/** Neighbour discovery's hop limit, so that none comes from beyond a router (RFC 4861 section 7.1). */
export const DISCOVERY_HOP_LIMIT = 255;
/** Every host on the link (RFC 4291 section 2.7.1). */
export const ALL_NODES = 'ff02::1' as IpAddress;
export const UNSPECIFIED_IPV6 = '::' as IpAddress;

const HEADER_BYTES = 40;
const ADDRESSES_OFFSET = 8;
const CHECKSUM_OFFSET = 2;

/** The packet around an ICMPv6 message whose checksum is still zero. */
export function icmpv6Packet(source: IpAddress, destination: IpAddress, message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + message.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x60;
  view.setUint16(4, message.length);
  bytes[6] = IPPROTO_ICMPV6;
  bytes[7] = DISCOVERY_HOP_LIMIT;
  bytes.set(addressToBytes(source), ADDRESSES_OFFSET);
  bytes.set(addressToBytes(destination), ADDRESSES_OFFSET + 16);
  bytes.set(message, HEADER_BYTES);
  // The pseudo-header (RFC 8200 section 8.1) is both addresses, as they follow each other here, length and protocol.
  const rest = Uint8Array.of(0, 0, message.length >> 8, message.length & 0xff, 0, 0, 0, IPPROTO_ICMPV6);
  const checksum = internetChecksum(bytes.subarray(ADDRESSES_OFFSET), rest);
  view.setUint16(HEADER_BYTES + CHECKSUM_OFFSET, checksum);
  return bytes;
}

// Options of neighbour discovery (RFC 4861 section 4.6): type, length in units of 8 bytes, data.
export const SOURCE_LINK_ADDRESS = 1;
export const TARGET_LINK_ADDRESS = 2;

export function linkAddressOption(type: number, mac: MacAddress): Uint8Array {
  const bytes = new Uint8Array(8);
  bytes[0] = type;
  bytes[1] = 1;
  bytes.set(macToBytes(mac), 2);
  return bytes;
}

/** The Ethernet address in the first such option; undefined without one, or where the options are broken. */
export function findLinkAddress(options: Uint8Array, type: number): MacAddress | undefined {
  let at = 0;
  while (at + 8 <= options.length) {
    const length = (options[at + 1] ?? 0) * 8;
    // Section 4.6: a length of 0 makes the whole packet void.
    if (length === 0 || at + length > options.length) return undefined;
    if (options[at] === type) return macFromBytes(options.subarray(at + 2, at + 8));
    at += length;
  }
  return undefined;
}
