/**
 * The IPv4 header (RFC 791 section 3.1), as a raw socket delivers it before every packet. Fragments never arrive
 * there: the kernel has put the packet together and verified the header's checksum.
 *
 *     0                   1                   2                   3
 *     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *    |Version|  IHL  |Type of Service|          Total Length         |
 *    |         Identification        |Flags|      Fragment Offset    |
 *    |  Time to Live |    Protocol   |         Header Checksum       |
 *    |                       Source Address                          |
 *    |                    Destination Address                        |
 *    |                    Options, if IHL > 5                        |
 */
import { addressFromBytes, type IpAddress } from '../model/address.ts';

export interface Ipv4Packet {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly ttl: number;
  readonly protocol: number;
  /** A view of what follows header and options, up to the length that the header tells. */
  readonly payload: Uint8Array;
}

const MIN_HEADER = 20;

/** undefined when `bytes` are no whole IPv4 packet. What lies behind the packet's own end is padding and left out. */
export function decodeIpv4(bytes: Uint8Array): Ipv4Packet | undefined {
  const [versionAndLength = 0] = bytes;
  if (bytes.length < MIN_HEADER || versionAndLength >> 4 !== 4) return undefined;
  const headerLength = (versionAndLength & 0xf) * 4;
  const totalLength = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
  if (headerLength < MIN_HEADER || totalLength < headerLength || totalLength > bytes.length) return undefined;
  return {
    source: addressAt(bytes, 12),
    destination: addressAt(bytes, 16),
    ttl: bytes[8] ?? 0,
    protocol: bytes[9] ?? 0,
    payload: bytes.subarray(headerLength, totalLength),
  };
}

/** Thousands of packets a second come from the same few hosts: their addresses are written out once. */
const written = new Map<number, IpAddress>();
const MOST_WRITTEN = 1024;

function addressAt(bytes: Uint8Array, at: number): IpAddress {
  const high = ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16);
  const number = high | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
  const known = written.get(number);
  if (known !== undefined) return known;
  // Forged ones must not fill the memory.
  if (written.size >= MOST_WRITTEN) written.clear();
  const address = addressFromBytes(bytes.subarray(at, at + 4));
  written.set(number, address);
  return address;
}
