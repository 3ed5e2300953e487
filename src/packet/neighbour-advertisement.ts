/**
 * The ICMPv6 neighbour advertisement (RFC 4861 section 4.4), 24 bytes and options:
 *
 *     0  type 136    1  code 0    2  checksum
 *     4  flags: router 0x80, solicited 0x40, override 0x20; the rest reserved
 *     8  target address
 *    24  options: the target's link-layer address (type 2)
 */
import { addressFromBytes, addressToBytes, type IpAddress, type MacAddress } from '../model/address.ts';
import {
  ALL_NODES,
  findLinkAddress,
  icmpv6Packet,
  linkAddressOption,
  TARGET_LINK_ADDRESS,
} from './icmpv6.ts';

export const NEIGHBOUR_ADVERTISEMENT = 136;
/** Where the target's address begins in the message. */
export const TARGET_OFFSET = 8;

export interface NeighbourAdvertisement {
  /** Whether the sender forwards packets. */
  readonly router: boolean;
  /** Whether it answers a solicitation that had a source. */
  readonly solicited: boolean;
  /** Whether it replaces what the hearer knows. */
  readonly override: boolean;
  readonly target: IpAddress;
  /** undefined where the option is missing: it may be in an answer to a unicast solicitation. */
  readonly mac: MacAddress | undefined;
}

const OPTIONS_OFFSET = 24;
const FLAGS = { router: 0x80, solicited: 0x40, override: 0x20 } as const;

/** The message with its checksum still zero, which covers the packet's addresses too. */
export function encodeNeighbourAdvertisement(advertisement: NeighbourAdvertisement): Uint8Array {
  const { router, solicited, override, target, mac } = advertisement;
  const option = mac === undefined ? [] : linkAddressOption(TARGET_LINK_ADDRESS, mac);
  const bytes = new Uint8Array(OPTIONS_OFFSET + option.length);
  bytes[0] = NEIGHBOUR_ADVERTISEMENT;
  bytes[4] =
    (router ? FLAGS.router : 0) | (solicited ? FLAGS.solicited : 0) | (override ? FLAGS.override : 0);
  bytes.set(addressToBytes(target), TARGET_OFFSET);
  bytes.set(option, OPTIONS_OFFSET);
  return bytes;
}

/** undefined when `message`, an ICMPv6 message whose checksum was verified, is no neighbour advertisement. */
export function decodeNeighbourAdvertisement(message: Uint8Array): NeighbourAdvertisement | undefined {
  const [type, code, , , flags = 0] = message;
  if (message.length < OPTIONS_OFFSET || type !== NEIGHBOUR_ADVERTISEMENT || code !== 0) return undefined;
  return {
    router: (flags & FLAGS.router) !== 0,
    solicited: (flags & FLAGS.solicited) !== 0,
    override: (flags & FLAGS.override) !== 0,
    target: addressFromBytes(message.subarray(TARGET_OFFSET, TARGET_OFFSET + 16)),
    mac: findLinkAddress(message.subarray(OPTIONS_OFFSET), TARGET_LINK_ADDRESS),
  };
}

/**
 * The whole IPv6 packet that tells all hosts of the link where `address` now lives (RFC 4861 section 7.2.6), sent from
 * the address itself. For the frame's destination see `groupMac(ALL_NODES)`.
 */
export const unsolicitedAdvertisement = (address: IpAddress, mac: MacAddress, router: boolean): Uint8Array =>
  icmpv6Packet(
    address,
    ALL_NODES,
    encodeNeighbourAdvertisement({ router, solicited: false, override: true, target: address, mac }),
  );
