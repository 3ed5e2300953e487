/** Addresses of interfaces over rtnetlink: struct ifaddrmsg and IFA_* (linux/if_addr.h). */
import {
  addressFromBytes,
  addressToBytes,
  familyOf,
  type IpAddress,
  type Prefix,
} from '../../model/address.ts';
import type { Scope } from '../../model/routes.ts';
import { type Seconds, seconds } from '../../model/units.ts';
import { Attributes } from '../attribute.ts';
import { AttributeWriter, u32Bytes } from '../attribute-writer.ts';
import { AF_INET, AF_INET6, FAMILY_NUMBER } from '../family.ts';
import { type Malformed, Reader } from '../reader.ts';
import { scopeNumber } from './numbers.ts';

export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;
/** Multicast groups of notices about addresses. */
export const RTNLGRP_IPV4_IFADDR = 5;
export const RTNLGRP_IPV6_IFADDR = 9;

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_LABEL = 3;
export const IFA_CACHEINFO = 6;
const IFA_FLAGS = 8;

const IFA_F_SECONDARY = 0x01;
export const IFA_F_NODAD = 0x02;
const IFA_F_OPTIMISTIC = 0x04;
const IFA_F_TENTATIVE = 0x40;
const AF_UNSPEC = 0;
const INFINITY = 0xffffffff;

/** How long an address stays unless it is renewed: the kernel itself removes it then. */
export type Lifetime = Seconds | 'forever';

/** An address to be put, as `ip address add` takes it. For IPv6 the kernel knows neither label nor scope to choose. */
export interface AddressSpec extends Prefix {
  /** At most 15 characters; the link's name unless given. */
  readonly label?: string;
  /** `global` unless given. */
  readonly scope?: Scope;
  /**
   * IPv6: whether this host may choose it as the source of connections of its own, as it does with an address that is
   * really its own. Unless told so it is `deprecated` from the start (preferred lifetime 0) and is chosen only where
   * there is no other: connections from a virtual address break when it moves. keepalived does so for those of
   * length 128; an IPv4 virtual address, being secondary, is treated so by the kernel itself.
   */
  readonly preferred?: boolean;
}

export interface InterfaceAddress {
  /** Of the link. */
  readonly index: number;
  readonly prefix: Prefix;
  /** What is left of it: 0 and up. */
  readonly lifetime: Lifetime;
  /** IPv4: not the first address of its network on the link. */
  readonly secondary: boolean;
  /**
   * IPv6: the kernel looks for duplicates of it first, 1 to 2 s, or has found one. Until then, or for ever, nothing can
   * be sent from it (EINVAL), and it answers nobody.
   */
  readonly tentative?: true;
  /** IPv4: the link's name, or that name with `:` and a suffix. IPv6: ''. */
  readonly label: string;
}

/** Asks for the addresses of both families, of one link where an index is given. */
export const encodeAddressDump = (index = 0): Uint8Array =>
  new AttributeWriter().raw([AF_UNSPEC, 0, 0, 0, ...u32Bytes(index, 'index')]).finish();

/**
 * For RTM_NEWADDR. With NLM_F_CREATE and NLM_F_REPLACE it adds the address or renews its lifetime, without a gap; the
 * label and the scope of one that is there stay as they are. No broadcast address, as keepalived.
 */
export function encodeNewAddress(index: number, spec: AddressSpec, lifetime: Lifetime): Uint8Array {
  const six = familyOf(spec.address) === 'ipv6';
  const valid = u32Bytes(lifetime === 'forever' ? INFINITY : lifetime, 'lifetime');
  const preferred = six && spec.preferred !== true ? [0, 0, 0, 0] : valid;
  const writer = named(index, spec, six ? 0 : scopeNumber(spec.scope ?? 'global'));
  // The kernel fills in when it was made and changed.
  writer.attribute(IFA_CACHEINFO, [...preferred, ...valid, ...Array(8).fill(0)]);
  // A virtual address moves, it is no newcomer: waiting for duplicates would keep it silent for seconds.
  if (six) writer.u32(IFA_FLAGS, IFA_F_NODAD);
  else if (spec.label !== undefined) writer.string(IFA_LABEL, spec.label);
  return writer.finish();
}

/** For RTM_DELADDR: this address with this length, whatever its label, and no other. */
export const encodeRemoveAddress = (index: number, prefix: Prefix): Uint8Array =>
  named(index, prefix, 0).finish();

function named(index: number, prefix: Prefix, scope: number): AttributeWriter {
  const bytes = addressToBytes(prefix.address);
  const family = FAMILY_NUMBER[familyOf(prefix.address)];
  if (!Number.isInteger(prefix.length) || prefix.length < 0 || prefix.length > 8 * bytes.length)
    throw new RangeError(`${prefix.address}/${prefix.length}: no such prefix length`);
  return new AttributeWriter()
    .raw([family, prefix.length, 0, scope, ...u32Bytes(index, 'index')])
    .attribute(IFA_LOCAL, bytes)
    .attribute(IFA_ADDRESS, bytes);
}

/** The address of an RTM_NEWADDR or RTM_DELADDR; undefined for one of a family other than IPv4 and IPv6. */
export function decodeAddress(payload: Uint8Array): InterfaceAddress | Malformed | undefined {
  const reader = new Reader(payload, 'address');
  const family = reader.u8();
  const length = reader.u8();
  const shortFlags = reader.u8();
  reader.skip(1);
  const index = reader.u32();
  if (family !== AF_INET && family !== AF_INET6 && reader.fault.reason === undefined) return undefined;
  const attributes = Attributes.from(reader);
  const flags = attributes.has(IFA_FLAGS) ? attributes.u32(IFA_FLAGS) : shortFlags;
  const size = family === AF_INET ? 4 : 16;
  if (length > 8 * size) reader.fault.report(`prefix length ${length}`);
  return reader.finish({
    index,
    prefix: { address: ownAddress(attributes, size), length },
    lifetime: attributes.has(IFA_CACHEINFO) ? validTime(attributes) : 'forever',
    secondary: family === AF_INET && (flags & IFA_F_SECONDARY) !== 0,
    ...(family === AF_INET6 && isTentative(flags) && { tentative: true }),
    label: attributes.has(IFA_LABEL) ? attributes.string(IFA_LABEL) : '',
  });
}

/** An optimistic one (RFC 4429) is used at once. One of which there is a duplicate stays tentative. */
const isTentative = (flags: number): boolean =>
  (flags & (IFA_F_TENTATIVE | IFA_F_OPTIMISTIC)) === IFA_F_TENTATIVE;

/** On a point-to-point link IFA_ADDRESS is the peer's and IFA_LOCAL our own; an IPv6 address may come without the latter. */
function ownAddress(attributes: Attributes, size: number): IpAddress {
  return addressFromBytes(attributes.bytes(attributes.has(IFA_LOCAL) ? IFA_LOCAL : IFA_ADDRESS, size));
}

function validTime(attributes: Attributes): Lifetime {
  const cache = new Reader(attributes.bytes(IFA_CACHEINFO, 8), 'lifetime');
  cache.skip(4);
  const valid = cache.u32();
  return valid === INFINITY ? 'forever' : seconds(valid);
}
