/** Entries of the neighbour table over rtnetlink: struct ndmsg and NDA_* (linux/neighbour.h). */
import {
  addressToBytes,
  familyOf,
  type IpAddress,
  type MacAddress,
  macFromBytes,
  macToBytes,
} from '../../model/address.ts';
import { Attributes } from '../attribute.ts';
import { AttributeWriter, u32Bytes } from '../attribute-writer.ts';
import { FAMILY_NUMBER } from '../family.ts';
import { type Malformed, Reader } from '../reader.ts';

export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
export const RTM_GETNEIGH = 30;

const NDA_DST = 1;
const NDA_LLADDR = 2;
/** Never looked up again, never thrown away to make room, and not counted among those that are. */
const NUD_PERMANENT = 0x80;
/** Never looked up: it needs no Ethernet address. */
const NUD_NOARP = 0x40;
/** Known, but to be asked for again when it is next used. */
const NUD_STALE = 0x04;
/** Nothing is known yet. */
const NUD_NONE = 0;
/** Somebody else than the kernel looks after its place: it is never thrown away, and looked up as any other. */
const NTF_EXT_LEARNED = 0x10;
const MAC_BYTES = 6;

/** For RTM_NEWNEIGH: the address has this Ethernet address, for ever. */
export const encodePermanentNeighbour = (index: number, address: IpAddress, mac: MacAddress): Uint8Array =>
  named(index, address, NUD_PERMANENT).attribute(NDA_LLADDR, macToBytes(mac)).finish();

/** What the table says of an address. */
export interface NeighbourEntry {
  /** undefined: it is not known (any more). */
  readonly mac: MacAddress | undefined;
  /** Whether it stays whatever happens: permanent, or looked after by somebody. */
  readonly kept: boolean;
}

/**
 * For RTM_NEWNEIGH: the kernel looks the address up as ever, but does not throw its entry away to make room. `mac`: what
 * is known of it so far.
 */
export function encodeKeptNeighbour(
  index: number,
  address: IpAddress,
  mac: MacAddress | undefined,
): Uint8Array {
  const writer = named(index, address, mac === undefined ? NUD_NONE : NUD_STALE, NTF_EXT_LEARNED);
  return (mac === undefined ? writer : writer.attribute(NDA_LLADDR, macToBytes(mac))).finish();
}

/** For RTM_GETNEIGH, one entry: ENOENT where there is none. */
export const encodeGetNeighbour = (index: number, address: IpAddress): Uint8Array =>
  named(index, address, 0).finish();

/** Of an RTM_NEWNEIGH. */
export function decodeNeighbour(payload: Uint8Array): NeighbourEntry | Malformed {
  const reader = new Reader(payload, 'neighbour');
  reader.skip(8);
  const state = reader.u16();
  const flags = reader.u8();
  reader.skip(1);
  const attributes = Attributes.from(reader);
  const known = attributes.has(NDA_LLADDR) && state !== NUD_NONE;
  return reader.finish({
    mac: known ? macFromBytes(attributes.bytes(NDA_LLADDR, MAC_BYTES)) : undefined,
    kept: (state & (NUD_PERMANENT | NUD_NOARP)) !== 0 || (flags & NTF_EXT_LEARNED) !== 0,
  });
}

/** For RTM_DELNEIGH. */
export const encodeRemoveNeighbour = (index: number, address: IpAddress): Uint8Array =>
  named(index, address, 0).finish();

/** Family, padding, index, state (16 bits), flags, type. */
function named(index: number, address: IpAddress, state: number, flags = 0): AttributeWriter {
  return new AttributeWriter()
    .raw([
      FAMILY_NUMBER[familyOf(address)],
      0,
      0,
      0,
      ...u32Bytes(index, 'index'),
      state & 0xff,
      state >> 8,
      flags,
      0,
    ])
    .attribute(NDA_DST, addressToBytes(address));
}
