/**
 * The sum of 16-bit words in network order (RFC 1071), not yet folded, so that a pseudo-header and a message can be
 * summed apart and added: every part but the last has an even length. Exact up to 2^37 bytes.
 */
export function checksumWords(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i + 1 < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  // An odd last byte counts as if a zero followed it.
  if (bytes.length % 2 === 1) sum += (bytes[bytes.length - 1] ?? 0) << 8;
  return sum;
}

/** The internet checksum of a sum of words: carries folded in, then complemented. 0 to 0xffff. */
export function foldChecksum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000);
  return ~folded & 0xffff;
}

/** The checksum of `bytes`; over bytes that contain their own right checksum it is 0. */
export const internetChecksum = (bytes: Uint8Array): number => foldChecksum(checksumWords(bytes));
