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
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerLength = (versionAndLength & 0xf) * 4;
  const totalLength = view.getUint16(2);
  if (headerLength < MIN_HEADER || totalLength < headerLength || totalLength > bytes.length) return undefined;
  return {
    source: addressFromBytes(bytes.subarray(12, 16)),
    destination: addressFromBytes(bytes.subarray(16, 20)),
    ttl: view.getUint8(8),
    protocol: view.getUint8(9),
    payload: bytes.subarray(headerLength, totalLength),
  };
}
