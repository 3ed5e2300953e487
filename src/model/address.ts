import { isIP } from 'node:net';

declare const kind: unique symbol;
/** An IPv4 or IPv6 address in its one canonical text form (RFC 5952 for IPv6), so that `===` is equality. */
export type IpAddress = string & { readonly [kind]: 'ip' };
/** An Ethernet address, six bytes as lower-case hexadecimal with colons. */
export type MacAddress = string & { readonly [kind]: 'mac' };
export type Family = 'ipv4' | 'ipv6';

/** An address with the length of its network's prefix: 0 to 32 for IPv4, 0 to 128 for IPv6. */
export interface Prefix {
  readonly address: IpAddress;
  readonly length: number;
}

/** The canonical form of `text`, or undefined when it is no address. No zones, no brackets, no surrounding blanks. */
export function parseAddress(text: string): IpAddress | undefined {
  if (text.includes('%')) return undefined;
  switch (isIP(text)) {
    case 4:
      return text as IpAddress;
    case 6:
      return addressFromBytes(ipv6Bytes(text));
    default:
      return undefined;
  }
}

export const familyOf = (address: IpAddress): Family => (address.includes(':') ? 'ipv6' : 'ipv4');

/** As people write it. */
export const familyName = (family: Family): string => (family === 'ipv4' ? 'IPv4' : 'IPv6');

/** Bits of an address, which is the prefix length of a single one. */
export const fullLength = (family: Family): number => (family === 'ipv4' ? 32 : 128);

/** Four or sixteen bytes, in network order. */
export const addressToBytes = (address: IpAddress): Uint8Array =>
  address.includes(':') ? ipv6Bytes(address) : ipv4Bytes(address);

/** The address in four or sixteen bytes of network order; throws RangeError for any other length. */
export function addressFromBytes(bytes: Uint8Array): IpAddress {
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}` as IpAddress;
  if (bytes.length !== 16) throw new RangeError(`an IP address has 4 or 16 bytes, not ${bytes.length}`);
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
  const zeros = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  const text =
    zeros.length < 2
      ? hex.join(':')
      : `${hex.slice(0, zeros.start).join(':')}::${hex.slice(zeros.start + zeros.length).join(':')}`;
  return text as IpAddress;
}

/** The IPv4 address whose four bytes, in network order, are this number. */
export const ipv4FromNumber = (number: number): IpAddress =>
  `${number >>> 24}.${(number >>> 16) & 0xff}.${(number >>> 8) & 0xff}.${number & 0xff}` as IpAddress;

/** The text form of six bytes; throws RangeError for any other length. */
export function macFromBytes(bytes: Uint8Array): MacAddress {
  if (bytes.length !== 6) throw new RangeError(`an Ethernet address has 6 bytes, not ${bytes.length}`);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':') as MacAddress;
}

/** Six bytes. */
export function macToBytes(mac: MacAddress): Uint8Array {
  const bytes = new Uint8Array(6);
  for (let i = 0; i < 6; i++) bytes[i] = Number.parseInt(mac.slice(3 * i, 3 * i + 2), 16);
  return bytes;
}

/** Orders as unsigned integers in network order, which is how RFC 9568 section 6.4.3 breaks ties; IPv4 before IPv6. */
export function compareAddresses(a: IpAddress, b: IpAddress): number {
  const left = addressToBytes(a);
  const right = addressToBytes(b);
  if (left.length !== right.length) return left.length - right.length;
  for (let i = 0; i < left.length; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Whether `address` lies in 127.0.0.0/8 or is ::1. */
export const isLoopback = (address: IpAddress): boolean => address.startsWith('127.') || address === '::1';

/** Whether `address` means something on one link only: fe80::/10 (RFC 4291 section 2.5.6). */
export const isLinkLocal = (address: IpAddress): boolean => /^fe[89ab][0-9a-f]:/.test(address);

/** Whether `address` lies in 224.0.0.0/4 or ff00::/8. */
export function isMulticast(address: IpAddress): boolean {
  const [first = 0] = addressToBytes(address);
  return familyOf(address) === 'ipv4' ? first >= 224 && first < 240 : first === 0xff;
}

/** Whether `address` names no single host: unspecified, multicast, or the limited broadcast. */
export function isNotUnicast(address: IpAddress): boolean {
  const [first = 0] = addressToBytes(address);
  if (familyOf(address) === 'ipv4') return first >= 224 || first === 0;
  return first === 0xff || address === '::';
}

/** The network that an address with its length is in: the bits of the host are 0. */
export function networkOf({ address, length }: Prefix): Prefix {
  const bytes = addressToBytes(address).map((byte, i) => byte & maskByte(length, i));
  return { address: addressFromBytes(bytes), length };
}

/** Whether `address` lies in the network that `prefix` names. */
export function isWithin(address: IpAddress, prefix: Prefix): boolean {
  const bytes = addressToBytes(address);
  const network = addressToBytes(prefix.address);
  if (bytes.length !== network.length) return false;
  return bytes.every((byte, i) => ((byte ^ (network[i] ?? 0)) & maskByte(prefix.length, i)) === 0);
}

/** The `i`th byte of a netmask. */
const maskByte = (length: number, i: number): number =>
  (0xff00 >> Math.min(8, Math.max(0, length - 8 * i))) & 0xff;

export const formatPrefix = (prefix: Prefix): string => `${prefix.address}/${prefix.length}`;

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let length = 0;
  groups.forEach((group, i) => {
    length = group === 0 ? length + 1 : 0;
    if (length > best.length) best = { start: i - length + 1, length };
  });
  return best;
}

const DOT = 0x2e;
const ZERO = 0x30;

/** `text` is known to be IPv4. Digit by digit, since every packet that is received comes by here several times. */
function ipv4Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(4);
  let place = 0;
  let value = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === DOT) {
      bytes[place++] = value;
      value = 0;
    } else value = value * 10 + code - ZERO;
  }
  bytes[place] = value;
  return bytes;
}

/** `text` is known to be IPv6; an embedded IPv4 tail (::ffff:1.2.3.4) is its last two groups. */
function ipv6Bytes(text: string): Uint8Array {
  const tail = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (tail) {
    const [, head = '', a, b, c, d] = tail;
    const group = (high: string | undefined, low: string | undefined) =>
      (Number(high) * 256 + Number(low)).toString(16);
    return ipv6Bytes(`${head}${group(a, b)}:${group(c, d)}`);
  }
  const [front = '', back] = text.split('::');
  const groupsOf = (part: string) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const left = groupsOf(front);
  const right = back === undefined ? [] : groupsOf(back);
  const groups = [...left, ...Array(8 - left.length - right.length).fill(0), ...right] as number[];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}
