/**
 * Links of the kind macvlan, and the IPv4 settings of links (sysctl net.ipv4.conf.NAME.*) as rtnetlink reads and sets
 * them: IFLA_LINKINFO, IFLA_AF_SPEC and IFLA_MACVLAN_* (linux/if_link.h), IPV4_DEVCONF_* (linux/ip.h).
 */
import { type MacAddress, macToBytes } from '../../model/address.ts';
import { Attributes } from '../attribute.ts';
import { AttributeWriter, u32Bytes } from '../attribute-writer.ts';
import { AF_INET, AF_INET6 } from '../family.ts';
import { Malformed, Reader } from '../reader.ts';
import { decodeLink, type Link } from './link.ts';

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_LINK = 5;
const IFLA_LINKINFO = 18;
const IFLA_IFALIAS = 20;
const IFLA_AF_SPEC = 26;
const IFLA_GROUP = 27;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_INET_CONF = 1;
const IFLA_INET6_ADDR_GEN_MODE = 8;
const IFLA_MACVLAN_MODE = 1;
const MACVLAN_MODE_PRIVATE = 1;
const IN6_ADDR_GEN_MODE_NONE = 1;
const IFF_UP = 0x1;
const LINK_HEADER = 16;

/** IPV4_DEVCONF_*, under the names of the sysctls. */
const SETTINGS = {
  rp_filter: 8,
  arp_announce: 18,
  arp_ignore: 19,
  promote_secondaries: 20,
  accept_local: 23,
} as const;
export type Ipv4Setting = keyof typeof SETTINGS;
export type Ipv4Settings = Readonly<Partial<Record<Ipv4Setting, number>>>;

/** struct ifinfomsg. */
const header = (index: number, flags: number, change: number): number[] => [
  ...[0, 0, 0, 0],
  ...u32Bytes(index, 'index'),
  ...u32Bytes(flags, 'flags'),
  ...u32Bytes(change, 'change'),
];

export interface NewMacvlan {
  /** Index of the link below. */
  readonly parent: number;
  readonly name: string;
  readonly mac: MacAddress;
  /** Device group (`ip link ... group`), which firewall rules may go by. */
  readonly group: number;
}

/** For RTM_NEWLINK: private mode, in which frames go to and from the parent's wire and to no other macvlan. */
export const encodeNewMacvlan = ({ parent, name, mac, group }: NewMacvlan): Uint8Array =>
  new AttributeWriter()
    .raw(header(0, 0, 0))
    .string(IFLA_IFNAME, name)
    .u32(IFLA_LINK, parent)
    .u32(IFLA_GROUP, group)
    .attribute(IFLA_ADDRESS, macToBytes(mac))
    .nested(IFLA_LINKINFO, (info) =>
      info
        .string(IFLA_INFO_KIND, 'macvlan')
        .nested(IFLA_INFO_DATA, (data) => data.u32(IFLA_MACVLAN_MODE, MACVLAN_MODE_PRIVATE)),
    )
    .finish();

/** For RTM_SETLINK: sets the link up or down. */
export const encodeLinkState = (index: number, up: boolean): Uint8Array =>
  new AttributeWriter().raw(header(index, up ? IFF_UP : 0, IFF_UP)).finish();

/** For RTM_SETLINK: a text of up to 255 bytes, which `ip link` shows as alias. */
export const encodeLinkAlias = (index: number, alias: string): Uint8Array =>
  new AttributeWriter()
    .raw(header(index, 0, 0))
    .string(IFLA_IFALIAS, alias)
    .finish();

/** For RTM_SETLINK. */
export const encodeIpv4Settings = (index: number, settings: Ipv4Settings): Uint8Array =>
  new AttributeWriter()
    .raw(header(index, 0, 0))
    .nested(IFLA_AF_SPEC, (families) =>
      families.nested(AF_INET, (inet) =>
        inet.nested(IFLA_INET_CONF, (values) => {
          for (const [name, value] of Object.entries(settings))
            if (value !== undefined) values.u32(SETTINGS[name as Ipv4Setting], value);
        }),
      ),
    )
    .finish();

/** For RTM_SETLINK, before the link is up: it gives itself no IPv6 address. */
export const encodeNoAutomaticAddress = (index: number): Uint8Array =>
  new AttributeWriter()
    .raw(header(index, 0, 0))
    .nested(IFLA_AF_SPEC, (families) =>
      families.nested(AF_INET6, (inet6) => inet6.u8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE)),
    )
    .finish();

export const encodeRemoveLink = (index: number): Uint8Array =>
  new AttributeWriter().raw(header(index, 0, 0)).finish();

/** A link with what only the making of macvlans asks about. */
export interface LinkDetail {
  readonly link: Link;
  /** `macvlan`, `veth`, ...; '' for a link that stands for hardware. */
  readonly kind: string;
  /** Index of the link below it; undefined where there is none. */
  readonly parent: number | undefined;
  /** Of a macvlan: whether its mode is private. */
  readonly isPrivate: boolean;
  readonly alias: string;
  readonly group: number;
  readonly settings: Readonly<Record<Ipv4Setting, number>>;
}

/** The link of an RTM_NEWLINK; undefined as for `decodeLink`. */
export function decodeLinkDetail(payload: Uint8Array): LinkDetail | Malformed | undefined {
  const link = decodeLink(payload);
  if (link === undefined || link instanceof Malformed) return link;
  const reader = new Reader(payload, 'link');
  reader.skip(LINK_HEADER);
  const attributes = Attributes.from(reader);
  const info = attributes.has(IFLA_LINKINFO) ? attributes.nested(IFLA_LINKINFO) : undefined;
  const data = info?.has(IFLA_INFO_DATA) === true ? info.nested(IFLA_INFO_DATA) : undefined;
  const kind = info?.has(IFLA_INFO_KIND) === true ? info.string(IFLA_INFO_KIND) : '';
  return reader.finish({
    link,
    kind,
    parent: attributes.has(IFLA_LINK) ? attributes.u32(IFLA_LINK) : undefined,
    isPrivate:
      kind === 'macvlan' &&
      data?.has(IFLA_MACVLAN_MODE) === true &&
      data.u32(IFLA_MACVLAN_MODE) === MACVLAN_MODE_PRIVATE,
    alias: attributes.has(IFLA_IFALIAS) ? attributes.string(IFLA_IFALIAS) : '',
    group: attributes.has(IFLA_GROUP) ? attributes.u32(IFLA_GROUP) : 0,
    settings: readSettings(attributes),
  });
}

/** The kernel gives all values in a row, the first being number 1. Those that it does not have are 0. */
function readSettings(attributes: Attributes): Readonly<Record<Ipv4Setting, number>> {
  const families = attributes.has(IFLA_AF_SPEC) ? attributes.nested(IFLA_AF_SPEC) : undefined;
  const inet = families?.has(AF_INET) === true ? families.nested(AF_INET) : undefined;
  const values = inet?.has(IFLA_INET_CONF) === true ? inet.value(IFLA_INET_CONF) : new Uint8Array(0);
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
  const at = (number: number): number =>
    4 * number <= values.length ? view.getUint32(4 * (number - 1), true) : 0;
  return {
    rp_filter: at(SETTINGS.rp_filter),
    arp_announce: at(SETTINGS.arp_announce),
    arp_ignore: at(SETTINGS.arp_ignore),
    promote_secondaries: at(SETTINGS.promote_secondaries),
    accept_local: at(SETTINGS.accept_local),
  };
}
