/**
 * ARP for IPv4 over Ethernet (RFC 826), 28 bytes:
 *
 *     0  hardware type      1 = Ethernet
 *     2  protocol type      0x0800 = IPv4
 *     4  address lengths    6 and 4
 *     6  operation          1 = request, 2 = reply
 *     8  sender's MAC       14  sender's IPv4 address
 *    18  target's MAC       24  target's IPv4 address
 */
import {
  addressFromBytes,
  addressToBytes,
  familyOf,
  type IpAddress,
  type MacAddress,
  macFromBytes,
  macToBytes,
} from '../model/address.ts';

export type ArpOperation = 'request' | 'reply';

export interface Arp {
  readonly operation: ArpOperation;
  readonly senderMac: MacAddress;
  readonly senderAddress: IpAddress;
  /** Without meaning in a request: zero there, unless it announces. */
  readonly targetMac: MacAddress;
  readonly targetAddress: IpAddress;
}

/** EtherType of ARP (<linux/if_ether.h> ETH_P_ARP). */
export const ETHERTYPE_ARP = 0x0806;
const LENGTH = 28;
/** Where the sender's IPv4 address stands. */
export const ARP_SENDER_OFFSET = 14;
const FIXED = Uint8Array.of(0, 1, 0x08, 0x00, 6, 4);
const OPERATIONS: Readonly<Record<ArpOperation, number>> = { request: 1, reply: 2 };

/** Throws RangeError for an IPv6 address, which has no ARP. */
export function encodeArp(arp: Arp): Uint8Array {
  for (const address of [arp.senderAddress, arp.targetAddress]) {
    if (familyOf(address) !== 'ipv4') throw new RangeError(`ARP is for IPv4 addresses only, not ${address}`);
  }
  const bytes = new Uint8Array(LENGTH);
  bytes.set(FIXED, 0);
  bytes[7] = OPERATIONS[arp.operation];
  bytes.set(macToBytes(arp.senderMac), 8);
  bytes.set(addressToBytes(arp.senderAddress), 14);
  bytes.set(macToBytes(arp.targetMac), 18);
  bytes.set(addressToBytes(arp.targetAddress), 24);
  return bytes;
}

/** undefined when `bytes` are no ARP request or reply for IPv4 over Ethernet. Padding behind it is left out. */
export function decodeArp(bytes: Uint8Array): Arp | undefined {
  if (bytes.length < LENGTH || FIXED.some((byte, i) => bytes[i] !== byte) || bytes[6] !== 0) return undefined;
  const operation = bytes[7] === 1 ? 'request' : bytes[7] === 2 ? 'reply' : undefined;
  if (operation === undefined) return undefined;
  return {
    operation,
    senderMac: macFromBytes(bytes.subarray(8, 14)),
    senderAddress: addressFromBytes(bytes.subarray(14, 18)),
    targetMac: macFromBytes(bytes.subarray(18, 24)),
    targetAddress: addressFromBytes(bytes.subarray(24, 28)),
  };
}

/**
 * Gratuitous ARP in the form of a request for the own address (RFC 5227 section 3: an ARP announcement), which is what
 * keepalived sends by default: hosts and switches learn from it, and none answers.
 */
export const gratuitousArp = (address: IpAddress, mac: MacAddress): Arp => ({
  operation: 'request',
  senderMac: mac,
  senderAddress: address,
  targetMac: BROADCAST_MAC,
  targetAddress: address,
});

/**
 * Asks who has `target`. Without a source it is a probe (RFC 5227 section 2.1.1): its sender's address is 0.0.0.0, and
 * nobody learns anything from it.
 */
export const arpRequest = (target: IpAddress, mac: MacAddress, source: IpAddress | undefined): Arp => ({
  operation: 'request',
  senderMac: mac,
  senderAddress: source ?? UNSPECIFIED,
  targetMac: NO_MAC,
  targetAddress: target,
});

const UNSPECIFIED = '0.0.0.0' as IpAddress;
const NO_MAC = macFromBytes(new Uint8Array(6));
export const BROADCAST_MAC = macFromBytes(new Uint8Array(6).fill(0xff));
