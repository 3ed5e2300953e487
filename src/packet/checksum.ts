import { addressToBytes, type IpAddress } from '../model/address.ts';

/** The Internet checksum (RFC 1071) over several parts, of which only the last may have an odd length. */
export function internetChecksum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) sum += ((part[i] ?? 0) << 8) | (part[i + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** The pseudo-header that checksums of upper layers cover (RFC 8200 section 8.1): what the packet's own tells. */
export function pseudoHeaderIpv6(
  source: IpAddress,
  destination: IpAddress,
  nextHeader: number,
  length: number,
): Uint8Array {
  const bytes = new Uint8Array(40);
  bytes.set(addressToBytes(source), 0);
  bytes.set(addressToBytes(destination), 16);
  new DataView(bytes.buffer).setUint32(32, length);
  bytes[39] = nextHeader;
  return bytes;
}
