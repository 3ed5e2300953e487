/**
 * The VRRP message, of version 2 (RFC 3768 section 5) and 3 (RFC 9568 section 5): bytes to object and back, nothing
 * else. What is said of it elsewhere: `checksum.ts`, `authentication/`, and whether it is accepted: `receive-checks.ts`.
 */
import { addressFromBytes, addressToBytes, type Family, familyOf, type IpAddress } from '../model/address.ts';
import { type Centiseconds, centiseconds } from '../model/units.ts';
import { type SecretKey, sign, TRAILER_BYTES } from './authentication/hmac.ts';
import type { Sequence } from './authentication/sequence.ts';
import { AUTH_TYPE, TEXT_BYTES } from './authentication/text.ts';
import { advertisementChecksum, CHECKSUM_OFFSET, type ChecksumForm } from './checksum.ts';

export { VRRP_GROUP } from '../model/virtual-router.ts';
export { VRRP_PROTOCOL } from './checksum.ts';

/** TTL and hop limit that every advert carries, so that none comes from beyond a router (section 5.1.1.3). */
export const VRRP_TTL = 255;
/** Longest message: the header, 255 IPv6 addresses and the trailer of `auth_hmac`. */
export const MAX_ADVERTISEMENT_BYTES = 8 + 255 * 16 + TRAILER_BYTES;

export type Version = 2 | 3;

/**
 * Version 3:
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |Version| Type  | Virtual Rtr ID|   Priority    |  Addr Count   |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |Reserve| Max Advertise Interval|           Checksum            |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                     IPv4 or IPv6 addresses                    |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 * Version 2, over IPv4 only, differs in the second row and at the end:
 * ```
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |   Auth Type   | Adver Int (s) |           Checksum            |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                         IPv4 addresses                        |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                 Authentication data (8 bytes)                 |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */
export interface Advertisement {
  readonly version: Version;
  /** 0 to 255 on the wire; 1 to 255 where it is configured. */
  readonly vrid: number;
  /** 0 = the active router lets go; 1 to 254; 255 = the address owner. */
  readonly priority: number;
  /**
   * Version 3: 0 to 4095 on the wire, of which RFC 9568 section 5.2.7 allows 1 to 4095. Version 2: 0 to 25,500,
   * multiples of 100.
   */
  readonly maxAdvertiseInterval: Centiseconds;
  /** 0 to 255 on the wire, all of one family; RFC 9568 section 5.2.5 wants at least one. */
  readonly addresses: readonly IpAddress[];
}

/**
 * `advert`: type 1, the only one of the RFCs. vipward's own, of version 3, where an arbiter is used, from a backup, at
 * its own priority and without addresses: `presence`, type 2, the answer to an advert, "I heard you"; `request`,
 * type 3, "let me be active".
 */
export type MessageKind = 'advert' | 'presence' | 'request';

/** What keeps bytes from being a message; the first that applies, in this order. */
export type DecodeFault = 'version' | 'type' | 'length';

export type Decoded =
  | {
      readonly kind: MessageKind;
      readonly advertisement: Advertisement;
      /** Bytes of the message, authentication data included; a trailer may follow. */
      readonly length: number;
      readonly fault?: never;
    }
  | {
      readonly kind?: never;
      readonly advertisement?: never;
      readonly length?: never;
      readonly fault: DecodeFault;
    };

/** How a message shows who sent it. */
export type Credential =
  | { readonly type: 'none' }
  /** Version 2 only; `password` as `passwordBytes` gives it. */
  | { readonly type: 'text'; readonly password: Uint8Array }
  | { readonly type: 'hmac'; readonly key: SecretKey; readonly sequence: Sequence };

export interface EncodeOptions {
  /** An advert unless given. */
  readonly kind?: MessageKind;
  /** Version 3 over IPv4 only, where both are found: with the pseudo-header unless given. */
  readonly checksum?: ChecksumForm;
  /** None unless given. */
  readonly credential?: Credential;
}

const TYPES = { advert: 1, presence: 2, request: 3 } as const satisfies Record<MessageKind, number>;
const HEADER_BYTES = 8;
const NO_CREDENTIAL: Credential = { type: 'none' };
const addressBytes = (family: Family): number => (family === 'ipv4' ? 4 : 16);

/** Bytes of a message with that many addresses, without a trailer. */
const messageBytes = (version: number, family: Family, addresses: number): number =>
  HEADER_BYTES + addresses * addressBytes(family) + (version === 2 ? TEXT_BYTES : 0);

/**
 * Reads the payload of an IP packet or UDP datagram. The checksum and what authenticates it are not judged here.
 * Bytes behind the message are ignored, as RFC 9568 section 7.1 asks only that it be complete. Never throws.
 */
export function decode(message: Uint8Array, family: Family): Decoded {
  const [first, vrid, priority, count] = message;
  if (first === undefined) return { fault: 'length' };
  const version = versionOf(first, family);
  if (version === undefined) return { fault: 'version' };
  const kind = kindOf(first & 0x0f, version);
  if (kind === undefined) return { fault: 'type' };
  if (vrid === undefined || priority === undefined || count === undefined) return { fault: 'length' };
  const length = messageBytes(version, family, count);
  if (message.length < length) return { fault: 'length' };
  const addresses = addressesIn(message, family, count);
  const maxAdvertiseInterval = intervalIn(message, version);
  return { kind, advertisement: { version, vrid, priority, maxAdvertiseInterval, addresses }, length };
}

function versionOf(first: number, family: Family): Version | undefined {
  if (first >> 4 === 3) return 3;
  return first >> 4 === 2 && family === 'ipv4' ? 2 : undefined;
}

function kindOf(type: number, version: Version): MessageKind | undefined {
  if (type === TYPES.advert) return 'advert';
  if (version !== 3) return undefined;
  if (type === TYPES.presence) return 'presence';
  return type === TYPES.request ? 'request' : undefined;
}

function intervalIn(message: Uint8Array, version: Version): Centiseconds {
  const low = message[5] ?? 0;
  return centiseconds(version === 2 ? low * 100 : (((message[4] ?? 0) & 0x0f) << 8) | low);
}

function addressesIn(message: Uint8Array, family: Family, count: number): readonly IpAddress[] {
  const size = addressBytes(family);
  const addresses: IpAddress[] = [];
  for (let i = 0, at = HEADER_BYTES; i < count; i++, at += size) {
    addresses.push(addressFromBytes(message.subarray(at, at + size)));
  }
  return addresses;
}

/** The field Auth Type of a complete message of version 2. */
export const authTypeOf = (message: Uint8Array): number => message[4] ?? 0;

/** The authentication data of a complete message of version 2; `length` as it was decoded. */
export const authDataOf = (message: Uint8Array, length: number): Uint8Array =>
  message.subarray(length - TEXT_BYTES, length);

/**
 * What the checksum covers: over IPv4 the message, over IPv6 the whole payload (RFC 8200 section 8.1), which is what
 * the kernel computes for `IPV6_CHECKSUM`. `length` as it was decoded.
 */
export const checksummedBytes = (message: Uint8Array, family: Family, length: number): Uint8Array =>
  family === 'ipv6' || message.length === length ? message : message.subarray(0, length);

/**
 * The payload of a packet from `source` to `destination`, which the checksum covers.
 * Throws RangeError when a field does not fit its place on the wire, the families are mixed or the version does not
 * know what is asked for: our own misuse.
 */
export function encode(
  advertisement: Advertisement,
  source: IpAddress,
  destination: IpAddress,
  options: EncodeOptions = {},
): Uint8Array {
  const { kind = 'advert', credential = NO_CREDENTIAL } = options;
  const { version, addresses } = advertisement;
  const family = familyOf(source);
  inRange('number of addresses', addresses.length, 255);
  const length = messageBytes(version, family, addresses.length);
  const message = new Uint8Array(length + (credential.type === 'hmac' ? TRAILER_BYTES : 0));
  writeHeader(message, advertisement, family, kind);
  writeAddresses(message, advertisement, family);
  if (credential.type === 'text') {
    if (version !== 2) throw new RangeError('advertisement: only version 2 has text authentication');
    message[4] = AUTH_TYPE.text;
    message.set(credential.password, length - TEXT_BYTES);
  }
  // Before the checksum, which over IPv6 covers the trailer, while the HMAC covers no checksum.
  if (credential.type === 'hmac') sign(message, source, credential.key, credential.sequence);
  const form = version === 2 ? 'plain' : family === 'ipv6' ? 'pseudo-header' : options.checksum;
  const covered = checksummedBytes(message, family, length);
  const checksum = advertisementChecksum(covered, source, destination, form);
  message[CHECKSUM_OFFSET] = checksum >> 8;
  message[CHECKSUM_OFFSET + 1] = checksum & 0xff;
  return message;
}

function writeHeader(
  message: Uint8Array,
  { version, vrid, priority, maxAdvertiseInterval, addresses }: Advertisement,
  family: Family,
  kind: MessageKind,
): void {
  inRange('vrid', vrid, 255);
  inRange('priority', priority, 255);
  if (version === 2 && (family !== 'ipv4' || kind !== 'advert')) {
    throw new RangeError(`advertisement of VRID ${vrid}: version 2 knows no ${kind} over ${family}`);
  }
  message[0] = (version << 4) | TYPES[kind];
  message[1] = vrid;
  message[2] = priority;
  message[3] = addresses.length;
  if (version === 2) {
    const whole = maxAdvertiseInterval / 100;
    inRange('maxAdvertiseInterval in seconds', whole, 255);
    message[5] = whole;
  } else {
    inRange('maxAdvertiseInterval', maxAdvertiseInterval, 4095);
    message[4] = maxAdvertiseInterval >> 8;
    message[5] = maxAdvertiseInterval & 0xff;
  }
}

function writeAddresses(message: Uint8Array, { vrid, addresses }: Advertisement, family: Family): void {
  const size = addressBytes(family);
  let at = HEADER_BYTES;
  for (const address of addresses) {
    if (familyOf(address) !== family) {
      throw new RangeError(`advertisement of VRID ${vrid}: ${address} is not ${family} as its source is`);
    }
    message.set(addressToBytes(address), at);
    at += size;
  }
}

function inRange(name: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new RangeError(`advertisement: ${name} is ${value}, must be a whole number from 0 to ${max}`);
  }
}

/** What takes room in a packet beside the message's addresses. */
export interface Envelope {
  /** Whether the trailer of `auth_hmac` follows. */
  readonly hmac?: boolean;
  readonly udp?: boolean;
}

/**
 * How many addresses one advert can carry in a packet of `mtu` bytes: 0 to 255. The sender advertises the first so
 * many, and takes the same for its own list in the receive checks.
 */
export function addressesThatFit(
  family: Family,
  version: Version,
  mtu: number,
  envelope: Envelope = {},
): number {
  const headers = (family === 'ipv4' ? 20 : 40) + (envelope.udp ? 8 : 0);
  const room = mtu - headers - messageBytes(version, family, 0) - (envelope.hmac ? TRAILER_BYTES : 0);
  return Math.min(255, Math.max(0, Math.floor(room / addressBytes(family))));
}
