/** The VRRPv3 advertisement (RFC 9568 section 5): bytes to object and back, nothing else. */
import { addressFromBytes, addressToBytes, type Family, familyOf, type IpAddress } from '../model/address.ts';
import { type Centiseconds, centiseconds } from '../model/units.ts';
import { advertisementChecksum, CHECKSUM_OFFSET } from './checksum.ts';

export { VRRP_PROTOCOL } from './checksum.ts';

/** TTL and hop limit that every advert carries, so that none comes from beyond a router (section 5.1.1.3). */
export const VRRP_TTL = 255;
/** Group that adverts go to (section 5.1.1.2). */
export const VRRP_GROUP_IPV4 = '224.0.0.18' as IpAddress;
/** Longest message: the header and 255 IPv6 addresses. */
export const MAX_ADVERTISEMENT_BYTES = 8 + 255 * 16;

/**
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
 */
export interface Advertisement {
  readonly version: 3;
  /** 0 to 255 on the wire; 1 to 255 where it is configured. */
  readonly vrid: number;
  /** 0 = the active router lets go; 1 to 254; 255 = the address owner. */
  readonly priority: number;
  /** 0 to 4095 on the wire; RFC 9568 section 5.2.7 allows 1 to 4095. */
  readonly maxAdvertiseInterval: Centiseconds;
  /** 0 to 255 on the wire, all of one family; RFC 9568 section 5.2.5 wants at least one. */
  readonly addresses: readonly IpAddress[];
}

/** What keeps bytes from being an advertisement; the first that applies, in this order. */
export type DecodeFault = 'version' | 'type' | 'length';

export type Decoded =
  | { readonly advertisement: Advertisement; readonly fault?: never }
  | { readonly advertisement?: never; readonly fault: DecodeFault };

const TYPE_ADVERTISEMENT = 1;
const HEADER_BYTES = 8;
const addressBytes = (family: Family): number => (family === 'ipv4' ? 4 : 16);

/** Bytes of the message as its own address count tells, whether they are all there or not; 0 without a header. */
export function declaredLength(message: Uint8Array, family: Family): number {
  return message.length < HEADER_BYTES ? 0 : HEADER_BYTES + (message[3] ?? 0) * addressBytes(family);
}

/**
 * Reads the payload of an IP packet. The checksum is not judged here (`checksum.ts` does), since that needs the
 * packet's addresses. Bytes behind the last address are ignored, as RFC 9568 section 7.1 asks only that the message
 * be complete. Never throws.
 */
export function decode(message: Uint8Array, family: Family): Decoded {
  const [versionAndType, vrid, priority] = message;
  if (versionAndType === undefined) return { fault: 'length' };
  if (versionAndType >> 4 !== 3) return { fault: 'version' };
  if ((versionAndType & 0x0f) !== TYPE_ADVERTISEMENT) return { fault: 'type' };
  const end = declaredLength(message, family);
  if (end === 0 || message.length < end || vrid === undefined || priority === undefined) {
    return { fault: 'length' };
  }
  const size = addressBytes(family);
  const addresses: IpAddress[] = [];
  for (let at = HEADER_BYTES; at < end; at += size) {
    addresses.push(addressFromBytes(message.subarray(at, at + size)));
  }
  const interval = (((message[4] ?? 0) & 0x0f) << 8) | (message[5] ?? 0);
  return {
    advertisement: {
      version: 3,
      vrid,
      priority,
      maxAdvertiseInterval: centiseconds(interval),
      addresses,
    },
  };
}

/**
 * The payload of an IP packet from `source` to `destination`, which the checksum covers.
 * Throws RangeError when a field does not fit its place on the wire or the families are mixed: our own misuse.
 */
export function encode(advertisement: Advertisement, source: IpAddress, destination: IpAddress): Uint8Array {
  const { version, vrid, priority, maxAdvertiseInterval, addresses } = advertisement;
  const family = familyOf(source);
  inRange('vrid', vrid, 255);
  inRange('priority', priority, 255);
  inRange('maxAdvertiseInterval', maxAdvertiseInterval, 4095);
  inRange('number of addresses', addresses.length, 255);
  const size = addressBytes(family);
  const message = new Uint8Array(HEADER_BYTES + addresses.length * size);
  message.set([(version << 4) | TYPE_ADVERTISEMENT, vrid, priority, addresses.length]);
  message.set([maxAdvertiseInterval >> 8, maxAdvertiseInterval & 0xff], 4);
  addresses.forEach((address, i) => {
    if (familyOf(address) !== family) {
      throw new RangeError(`advertisement of VRID ${vrid}: ${address} is not ${family} as ${source} is`);
    }
    message.set(addressToBytes(address), HEADER_BYTES + i * size);
  });
  const checksum = advertisementChecksum(message, source, destination);
  message.set([checksum >> 8, checksum & 0xff], CHECKSUM_OFFSET);
  return message;
}

function inRange(name: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new RangeError(`advertisement: ${name} is ${value}, must be a whole number from 0 to ${max}`);
  }
}
