/** Entries of the neighbour table over rtnetlink: struct ndmsg and NDA_* (linux/neighbour.h). */
import {
  addressToBytes,
  familyOf,
  type IpAddress,
  type MacAddress,
  macToBytes,
} from '../../model/address.ts';
import { AttributeWriter, u32Bytes } from '../attribute.ts';

export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;

const NDA_DST = 1;
const NDA_LLADDR = 2;
/** Never looked up again, never thrown away to make room, and not counted among those that are. */
const NUD_PERMANENT = 0x80;
const AF_INET = 2;
const AF_INET6 = 10;

/** For RTM_NEWNEIGH: the address has this Ethernet address, for ever. */
export const encodePermanentNeighbour = (index: number, address: IpAddress, mac: MacAddress): Uint8Array =>
  named(index, address, NUD_PERMANENT).attribute(NDA_LLADDR, macToBytes(mac)).finish();

/** For RTM_DELNEIGH. */
export const encodeRemoveNeighbour = (index: number, address: IpAddress): Uint8Array =>
  named(index, address, 0).finish();

/** Family, padding, index, state (16 bits), flags, type. */
function named(index: number, address: IpAddress, state: number): AttributeWriter {
  const family = familyOf(address) === 'ipv4' ? AF_INET : AF_INET6;
  return new AttributeWriter()
    .raw([family, 0, 0, 0, ...u32Bytes(index, 'index'), state & 0xff, state >> 8, 0, 0])
    .attribute(NDA_DST, addressToBytes(address));
}
