/** The checksum of an advertisement (RFC 9568 section 5.2.8), in the two forms that are found on networks. */
import { addressToBytes, familyOf, type IpAddress } from '../model/address.ts';

/** Where the checksum stands in the message: two bytes. */
export const CHECKSUM_OFFSET = 6;
/** IP protocol number of VRRP (RFC 9568 section 5.1.1.4), which the pseudo-header holds. */
export const VRRP_PROTOCOL = 112;

/**
 * `pseudo-header`: over the IP pseudo-header and the message, which RFC 9568 and keepalived send;
 * `plain`: over the message alone, which RFC 5798 was read to mean for IPv4 (keepalived: `v3_checksum_as_v2`).
 */
export type ChecksumForm = 'pseudo-header' | 'plain';

/** The checksum that `message` must carry; what stands in its place now does not matter. */
export function advertisementChecksum(
  message: Uint8Array,
  source: IpAddress,
  destination: IpAddress,
  form: ChecksumForm = 'pseudo-header',
): number {
  let sum = sumOfWords(message) - wordAt(message, CHECKSUM_OFFSET);
  if (form === 'pseudo-header') sum += pseudoHeaderSum(message.length, source, destination);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/**
 * The form in which the checksum of `message` is right, or undefined. IPv6 knows only the pseudo-header.
 * `message` ends with its last address: bytes behind it are not covered.
 */
export function verifiedForm(
  message: Uint8Array,
  source: IpAddress,
  destination: IpAddress,
): ChecksumForm | undefined {
  const forms: readonly ChecksumForm[] =
    familyOf(source) === 'ipv4' ? ['pseudo-header', 'plain'] : ['pseudo-header'];
  const carried = wordAt(message, CHECKSUM_OFFSET);
  return forms.find((form) => sameSum(carried, advertisementChecksum(message, source, destination, form)));
}

/** In ones' complement 0x0000 and 0xffff are the same number (RFC 1071). */
const sameSum = (a: number, b: number): boolean => a === b || (a % 0xffff === 0 && b % 0xffff === 0);

const wordAt = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

/** At most 4,088 bytes, so the sum stays far below 2^31. */
function sumOfWords(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += wordAt(bytes, at);
  return sum;
}

/** Source, destination, length and protocol: laid out differently for IPv4 and IPv6, but equal as a sum. */
const pseudoHeaderSum = (length: number, source: IpAddress, destination: IpAddress): number =>
  sumOfWords(addressToBytes(source)) + sumOfWords(addressToBytes(destination)) + VRRP_PROTOCOL + length;
