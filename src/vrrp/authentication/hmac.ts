/**
 * The authentication trailer of keepalived 2.4 (`auth_hmac`): behind a VRRP message of either version, over IPv4 and
 * IPv6, a sequence number and an HMAC over it, the message and who sent it.
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |   Type = 1    |    Key ID     |          Reserved = 0         |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                     Sequence: seconds                         |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |     Sequence: 1/65536 s       |       Sequence: counter       |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |            HMAC-SHA-256, the first 16 bytes of it             |
 * |                              ...                              |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 * The HMAC covers, in this order: the family (4 or 6), version, VRID and a zero, one byte each; the source address
 * in 16 bytes, IPv4 filled up with zeros; the message with a checksum of 0; the trailer with an HMAC of 0. The
 * destination is not covered, so that one signed message serves every peer; nor is the checksum, which differs
 * between them.
 *
 * The checksum of a message over IPv4 leaves the trailer out; over IPv6 the kernel computes it over everything.
 */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { addressToBytes, type IpAddress } from '../../model/address.ts';
import type { HmacKey } from '../../model/virtual-router.ts';
import { CHECKSUM_OFFSET } from '../checksum.ts';
import type { Sequence } from './sequence.ts';

/** Length of the trailer. */
export const TRAILER_BYTES = 28;

/** A key that can be computed with. */
export interface SecretKey {
  /** 1 to 255 (keepalived knows no 0). */
  readonly id: number;
  readonly secret: KeyObject;
}

/** What a trailer says, before anything is judged. */
export interface Trailer {
  /** 1 = HMAC-SHA-256, cut to 128 bits. */
  readonly type: number;
  readonly keyId: number;
  /** 0 when sent. */
  readonly reserved: number;
  readonly sequence: Sequence;
}

const TYPE_SHA256_128 = 1;
const HMAC_BYTES = 16;
/** Of the trailer, before the HMAC. */
const PREFIX_BYTES = TRAILER_BYTES - HMAC_BYTES;
/** Family, version, VRID, zero, source address. */
const SENDER_BYTES = 20;
/** What keepalived accepts, in bytes. */
const SHORTEST_SECRET = 32;
const LONGEST_SECRET = 64;

/** Makes a configured key usable; throws RangeError where keepalived would refuse its ID or length. */
export function secretKey({ id, secret }: HmacKey): SecretKey {
  if (!Number.isInteger(id) || id < 1 || id > 255) {
    throw new RangeError(`the ID of a VRRP key is ${id}, must be a whole number from 1 to 255`);
  }
  if (!/^(?:[0-9a-f]{2})*$/i.test(secret))
    throw new RangeError(`VRRP key ${id} is no row of hexadecimal bytes`);
  const bytes = Buffer.from(secret, 'hex');
  if (bytes.length < SHORTEST_SECRET || bytes.length > LONGEST_SECRET) {
    throw new RangeError(
      `VRRP key ${id} has ${bytes.length} bytes, must have ${SHORTEST_SECRET} to ${LONGEST_SECRET}`,
    );
  }
  return { id, secret: createSecretKey(bytes) };
}

/** Reads a trailer; undefined unless there are exactly as many bytes as one has. */
export function decodeTrailer(bytes: Uint8Array): Trailer | undefined {
  if (bytes.length !== TRAILER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, TRAILER_BYTES);
  return {
    type: view.getUint8(0),
    keyId: view.getUint8(1),
    reserved: view.getUint16(2),
    sequence: { seconds: view.getUint32(4), fraction: view.getUint32(8) },
  };
}

/** Whether a trailer is of the kind that is spoken here. */
export const isKnownTrailer = ({ type, reserved }: Trailer): boolean =>
  type === TYPE_SHA256_128 && reserved === 0;

/**
 * Writes the trailer of a message from `source` into the last 28 bytes of `signed`, which begins with the message.
 * The checksum may be there already or not yet.
 */
export function sign(signed: Uint8Array, source: IpAddress, key: SecretKey, sequence: Sequence): void {
  const at = signed.length - TRAILER_BYTES;
  const view = new DataView(signed.buffer, signed.byteOffset + at, TRAILER_BYTES);
  view.setUint8(0, TYPE_SHA256_128);
  view.setUint8(1, key.id);
  view.setUint16(2, 0);
  view.setUint32(4, sequence.seconds);
  view.setUint32(8, sequence.fraction);
  signed.set(hmacOf(signed, source, key.secret), at + PREFIX_BYTES);
}

/** Whether the HMAC at the end of `signed`, a message from `source` with its trailer, was made with this key. */
export const isSignedWith = (signed: Uint8Array, source: IpAddress, secret: KeyObject): boolean =>
  timingSafeEqual(signed.subarray(signed.length - HMAC_BYTES), hmacOf(signed, source, secret));

/** The HMAC that `signed` must end with. */
function hmacOf(signed: Uint8Array, source: IpAddress, secret: KeyObject): Uint8Array {
  const address = addressToBytes(source);
  const covered = new Uint8Array(SENDER_BYTES + signed.length);
  covered[0] = address.length === 4 ? 4 : 6;
  covered[1] = (signed[0] ?? 0) >> 4;
  covered[2] = signed[1] ?? 0;
  covered.set(address, 4);
  covered.set(signed.subarray(0, signed.length - HMAC_BYTES), SENDER_BYTES);
  covered.fill(0, SENDER_BYTES + CHECKSUM_OFFSET, SENDER_BYTES + CHECKSUM_OFFSET + 2);
  return createHmac('sha256', secret).update(covered).digest().subarray(0, HMAC_BYTES);
}
