/** The checksum of a VRRP message (RFC 9568 section 5.2.8), in the two forms that are found on networks. */
import { addressToBytes, familyOf, type IpAddress } from '../model/address.ts';

/** Where the checksum stands in the message: two bytes. */
export const CHECKSUM_OFFSET = 6;
/** IP protocol number of VRRP (RFC 9568 section 5.1.1.4), which the pseudo-header holds, over UDP as well. */
export const VRRP_PROTOCOL = 112;

/**
 * `pseudo-header`: over the IP pseudo-header and the message. IPv6 knows no other; for VRRPv3 over IPv4 it is how
 * RFC 5798 is mostly read, what keepalived sends, and all that it accepts unless told otherwise.
 * `plain`: over the message alone: VRRPv2 (RFC 3768 section 5.3.8), and VRRPv3 over IPv4 as RFC 9568 settled it
 * (keepalived: `v3_checksum_as_v2`; Cisco, Juniper).
 */
export type ChecksumForm = 'pseudo-header' | 'plain';

/** The checksum that `message` must carry; what stands in its place now does not matter. */
export function advertisementChecksum(
  message: Uint8Array,
  source: IpAddress,
  destination: IpAddress,
  form: ChecksumForm = 'pseudo-header',
): number {
  const sum = sumOfWords(message) - wordAt(message, CHECKSUM_OFFSET);
  return complement(
    form === 'plain'
      ? sum
      : sum + pseudoHeaderSum(message.length, addressSum(source), addressSum(destination)),
  );
}

/**
 * The form in which the checksum of `message` is right, or undefined. `message` is all that the checksum covers: see
 * `checksummedBytes`.
 */
export function verifiedForm(
  message: Uint8Array,
  source: IpAddress,
  destination: IpAddress,
): ChecksumForm | undefined {
  const carried = wordAt(message, CHECKSUM_OFFSET);
  const sum = sumOfWords(message) - carried;
  const version = (message[0] ?? 0) >> 4;
  if (version !== 2) {
    const covered = sum + pseudoHeaderSum(message.length, addressSum(source), addressSum(destination));
    if (sameSum(carried, complement(covered))) return 'pseudo-header';
  }
  if (familyOf(source) === 'ipv6') return undefined;
  return sameSum(carried, complement(sum)) ? 'plain' : undefined;
}

/** In ones' complement 0x0000 and 0xffff are the same number (RFC 1071). */
const sameSum = (a: number, b: number): boolean => a === b || (a % 0xffff === 0 && b % 0xffff === 0);

const wordAt = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

function complement(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >>> 16);
  return ~folded & 0xffff;
}

/** An IP packet has at most 65,535 bytes, so the sum stays below 2^31. */
function sumOfWords(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += wordAt(bytes, at);
  return sum;
}

const addressSum = (address: IpAddress): number => sumOfWords(addressToBytes(address));

/** Source, destination, length and protocol: laid out differently for IPv4 and IPv6, but equal as a sum. */
const pseudoHeaderSum = (length: number, source: number, destination: number): number =>
  source + destination + VRRP_PROTOCOL + length;
