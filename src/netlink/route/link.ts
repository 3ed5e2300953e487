/** Network interfaces over rtnetlink: struct ifinfomsg and IFLA_* (linux/rtnetlink.h, linux/if_link.h, linux/if.h). */
import { type MacAddress, macFromBytes } from '../../model/address.ts';
import { Attributes } from '../attribute.ts';
import { AttributeWriter, u32Bytes } from '../attribute-writer.ts';
import { AF_INET } from '../family.ts';
import { type Malformed, Reader } from '../reader.ts';

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_SETLINK = 19;
/** Multicast group of notices about links. */
export const RTNLGRP_LINK = 1;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_AF_SPEC = 26;
const IFLA_EXT_MASK = 29;
const IFLA_INET_CONF = 1;
/** Leaves the counters out, which nobody here reads. */
const RTEXT_FILTER_SKIP_STATS = 8;

const IFF_UP = 0x1;
const IFF_LOOPBACK = 0x8;
const IFF_RUNNING = 0x40;
const IFF_LOWER_UP = 0x10000;
const ARPHRD_ETHER = 1;
const AF_UNSPEC = 0;
const IPV4_DEVCONF_PROMOTE_SECONDARIES = 20;

export interface Link {
  /** Unique in the network namespace, and never given twice while it lasts. */
  readonly index: number;
  readonly name: string;
  /** undefined where it is no Ethernet. */
  readonly mac: MacAddress | undefined;
  /** Set up by the administrator (IFF_UP). */
  readonly up: boolean;
  /** Able to carry packets: it has a carrier and its peer or driver says so (IFF_LOWER_UP and IFF_RUNNING). */
  readonly running: boolean;
  /** In bytes. */
  readonly mtu: number;
  readonly loopback: boolean;
}

const header = (index: number): number[] => [
  AF_UNSPEC,
  0,
  0,
  0,
  ...u32Bytes(index, 'index'),
  ...Array(8).fill(0),
];

export const encodeLinkDump = (): Uint8Array =>
  new AttributeWriter().raw(header(0)).u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS).finish();

/** Asks for the link of this name: ENODEV when there is none. */
export const encodeLinkQuery = (name: string): Uint8Array =>
  new AttributeWriter()
    .raw(header(0))
    .string(IFLA_IFNAME, name)
    .u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)
    .finish();

/** Asks for the link with this index: ENODEV when there is none. */
export const encodeLinkQueryByIndex = (index: number): Uint8Array =>
  new AttributeWriter().raw(header(index)).u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS).finish();

/**
 * Makes the IPv4 addresses of a link outlive the removal of the first one of their network (sysctl
 * `net.ipv4.conf.NAME.promote_secondaries`): without it the kernel removes them all together. For RTM_SETLINK.
 */
export const encodePromoteSecondaries = (index: number): Uint8Array =>
  new AttributeWriter()
    .raw(header(index))
    .nested(IFLA_AF_SPEC, (families) =>
      families.nested(AF_INET, (inet) =>
        inet.nested(IFLA_INET_CONF, (settings) => settings.u32(IPV4_DEVCONF_PROMOTE_SECONDARIES, 1)),
      ),
    )
    .finish();

/**
 * The link of an RTM_NEWLINK or RTM_DELLINK; undefined for a message of a family of its own: a bridge announces
 * under the same types that a link was taken out of it, which is not the end of that link.
 */
export function decodeLink(payload: Uint8Array): Link | Malformed | undefined {
  const reader = new Reader(payload, 'link');
  const family = reader.u8();
  reader.skip(1);
  const hardware = reader.u16();
  const index = reader.u32();
  const flags = reader.u32();
  reader.skip(4);
  if (family !== AF_UNSPEC && reader.fault.reason === undefined) return undefined;
  const attributes = Attributes.from(reader);
  if (index === 0) reader.fault.report('index 0');
  return reader.finish({
    index,
    name: attributes.string(IFLA_IFNAME),
    mac: hardware === ARPHRD_ETHER ? macFromBytes(attributes.bytes(IFLA_ADDRESS, 6)) : undefined,
    up: (flags & IFF_UP) !== 0,
    running: (flags & IFF_RUNNING) !== 0 && (flags & IFF_LOWER_UP) !== 0,
    mtu: attributes.u32(IFLA_MTU),
    loopback: (flags & IFF_LOOPBACK) !== 0,
  });
}
