/** Routes over rtnetlink: struct rtmsg, struct rtnexthop and RTA_* (linux/rtnetlink.h). */
import {
  addressFromBytes,
  addressToBytes,
  type Family,
  familyOf,
  fullLength,
  type IpAddress,
  type Prefix,
} from '../../model/address.ts';
import type { NextHop, RouteSpec } from '../../model/routes.ts';
import { Attributes } from '../attribute.ts';
import { AttributeWriter, u32Bytes } from '../attribute-writer.ts';
import { FAMILY_NUMBER, familyOfNumber } from '../family.ts';
import { type Fault, type Malformed, Reader } from '../reader.ts';
import { RT_TABLE_MAIN, scopeNumber, scopeOf } from './numbers.ts';

export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;
/** Multicast groups of notices about routes. */
export const RTNLGRP_IPV4_ROUTE = 7;
export const RTNLGRP_IPV6_ROUTE = 11;
/** Where struct rtmsg has the number of the one who made the route, from its start. */
export const ROUTE_PROTOCOL_OFFSET = 5;

const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_METRICS = 8;
const RTA_MULTIPATH = 9;
const RTA_TABLE = 15;
const RTA_VIA = 18;
const RTAX_MTU = 2;
const RTM_F_CLONED = 0x200;
const RTNH_F_ONLINK = 4;
const NEXT_HOP_HEADER = 8;

type RouteType = NonNullable<RouteSpec['type']>;
const TYPES: Readonly<Record<RouteType, number>> = { unicast: 1, blackhole: 6, unreachable: 7, prohibit: 8 };

/** A next hop as the kernel knows it: its link by index. */
export interface EntryHop extends Omit<NextHop, 'device'> {
  readonly index?: number;
}

/** A route as the kernel knows it. One that was decoded has its type, table and scope in any case. */
export interface RouteEntry extends Omit<RouteSpec, 'nextHops'> {
  readonly nextHops: readonly EntryHop[];
  /** RTPROT_*: who made it. */
  readonly protocol: number;
}

/** For a dump of one family's routes, of those that `protocol` made (before Linux 4.20: of all). */
export const encodeRouteDump = (family: Family, protocol = 0): Uint8Array =>
  new AttributeWriter().raw([FAMILY_NUMBER[family], 0, 0, 0, 0, protocol, 0, 0, 0, 0, 0, 0]).finish();

/** For RTM_NEWROUTE and RTM_DELROUTE. Throws RangeError for a number that does not fit where it belongs. */
export function encodeRoute(route: RouteEntry): Uint8Array {
  const { family, destination, table = RT_TABLE_MAIN, type = 'unicast' } = route;
  const length = destination === 'default' ? 0 : destination.length;
  const [only, ...more] = route.nextHops;
  const single = only !== undefined && more.length === 0;
  const flags = route.onlink === true && single ? RTNH_F_ONLINK : 0;
  const writer = new AttributeWriter().raw([
    ...[FAMILY_NUMBER[family], length, 0, 0, table < 256 ? table : 0],
    ...[route.protocol, scopeNumber(route.scope ?? defaultScope(route)), TYPES[type]],
    ...u32Bytes(flags, 'flags'),
  ]);
  writer.u32(RTA_TABLE, table);
  if (destination !== 'default') writer.attribute(RTA_DST, addressToBytes(destination.address));
  if (route.metric !== undefined) writer.u32(RTA_PRIORITY, route.metric);
  if (route.source !== undefined) writer.attribute(RTA_PREFSRC, addressToBytes(route.source));
  const { mtu } = route;
  if (mtu !== undefined) writer.nested(RTA_METRICS, (metrics) => metrics.u32(RTAX_MTU, mtu));
  if (single) {
    writeGateway(writer, family, only);
    if (only.index !== undefined) writer.u32(RTA_OIF, only.index);
  } else if (only !== undefined)
    writer.attribute(RTA_MULTIPATH, Buffer.concat(route.nextHops.map((hop) => hopBytes(route, hop))));
  return writer.finish();
}

/** As iproute2: what lies on a link reaches no further than that. */
const defaultScope = ({ family, nextHops, type = 'unicast' }: RouteEntry): 'link' | 'global' =>
  family === 'ipv4' && type === 'unicast' && nextHops.every(({ via }) => via === undefined)
    ? 'link'
    : 'global';

function writeGateway(writer: AttributeWriter, family: Family, { via }: EntryHop): void {
  if (via === undefined) return;
  const bytes = addressToBytes(via);
  const other = familyOf(via);
  // struct rtvia: the family in host order, then the address.
  if (other !== family) writer.attribute(RTA_VIA, [FAMILY_NUMBER[other], 0, ...bytes]);
  else writer.attribute(RTA_GATEWAY, bytes);
}

/** struct rtnexthop: the length of all, flags, weight - 1, the index of the link; then attributes. */
function hopBytes({ family, onlink }: RouteEntry, hop: EntryHop): Uint8Array {
  const { weight = 1, index = 0 } = hop;
  if (!Number.isInteger(weight) || weight < 1 || weight > 256)
    throw new RangeError(`weight ${weight} of a next hop is not 1 to 256`);
  const writer = new AttributeWriter().raw([
    ...[0, 0, onlink === true ? RTNH_F_ONLINK : 0, weight - 1],
    ...u32Bytes(index, 'index'),
  ]);
  writeGateway(writer, family, hop);
  const bytes = writer.finish();
  new DataView(bytes.buffer, bytes.byteOffset).setUint16(0, bytes.length, true);
  return bytes;
}

/**
 * The route of an RTM_NEWROUTE or RTM_DELROUTE; undefined for one of another family, of a type that no RouteSpec can
 * name (the kernel's own local and broadcast routes), or out of the kernel's cache.
 */
export function decodeRoute(payload: Uint8Array): RouteEntry | Malformed | undefined {
  const reader = new Reader(payload, 'route');
  const family = familyOfNumber(reader.u8());
  const length = reader.u8();
  reader.skip(2);
  const shortTable = reader.u8();
  const protocol = reader.u8();
  const scope = scopeOf(reader.u8());
  const type = typeOf(reader.u8());
  const flags = reader.u32();
  const { fault } = reader;
  if (fault.reason === undefined && (family === undefined || type === undefined || flags & RTM_F_CLONED))
    return undefined;
  const attributes = Attributes.from(reader);
  const nextHops = readHops(attributes, family ?? 'ipv4', fault);
  const onlink = (flags & RTNH_F_ONLINK) !== 0 || nextHops.some((hop) => hop.onlink);
  return reader.finish({
    family: family ?? 'ipv4',
    destination: readDestination(attributes, family ?? 'ipv4', length, fault),
    type: type ?? 'unicast',
    nextHops: nextHops.map((hop) => hop.hop),
    protocol,
    scope,
    table: attributes.has(RTA_TABLE) ? attributes.u32(RTA_TABLE) : shortTable,
    ...(attributes.has(RTA_PRIORITY) && { metric: attributes.u32(RTA_PRIORITY) }),
    ...(attributes.has(RTA_PREFSRC) && { source: readAddress(attributes, RTA_PREFSRC, family ?? 'ipv4') }),
    ...readMtu(attributes),
    ...(onlink && { onlink }),
  });
}

const typeOf = (number: number): RouteType | undefined =>
  (Object.keys(TYPES) as RouteType[]).find((type) => TYPES[type] === number);

function readDestination(
  attributes: Attributes,
  family: Family,
  length: number,
  fault: Fault,
): Prefix | 'default' {
  if (length > fullLength(family)) fault.report(`prefix length ${length}`);
  if (!attributes.has(RTA_DST)) {
    if (length !== 0) fault.report('no destination');
    return 'default';
  }
  return { address: readAddress(attributes, RTA_DST, family), length };
}

const readAddress = (attributes: Attributes, type: number, family: Family): IpAddress =>
  addressFromBytes(attributes.bytes(type, family === 'ipv4' ? 4 : 16));

function readMtu(attributes: Attributes): { mtu?: number } {
  if (!attributes.has(RTA_METRICS)) return {};
  const metrics = attributes.nested(RTA_METRICS);
  return metrics.has(RTAX_MTU) ? { mtu: metrics.u32(RTAX_MTU) } : {};
}

interface ReadHop {
  readonly hop: EntryHop;
  readonly onlink: boolean;
}

function readHops(attributes: Attributes, family: Family, fault: Fault): readonly ReadHop[] {
  if (!attributes.has(RTA_MULTIPATH)) {
    const hop = { ...readGateway(attributes, family, fault), ...readIndex(attributes) };
    return Object.keys(hop).length === 0 ? [] : [{ hop, onlink: false }];
  }
  const hops: ReadHop[] = [];
  let rest = attributes.value(RTA_MULTIPATH);
  while (rest.length >= NEXT_HOP_HEADER && fault.reason === undefined) {
    const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
    const length = view.getUint16(0, true);
    if (length < NEXT_HOP_HEADER || length > rest.length) {
      fault.report(`a next hop claims ${length} of ${rest.length} bytes`);
      break;
    }
    const index = view.getUint32(4, true);
    const own = new Reader(rest.subarray(NEXT_HOP_HEADER, length), 'next hop');
    const gateway = readGateway(Attributes.from(own), family, own.fault);
    if (own.fault.reason !== undefined) fault.report(`next hop: ${own.fault.reason}`);
    hops.push({
      hop: { ...gateway, ...(index !== 0 && { index }), weight: view.getUint8(3) + 1 },
      onlink: (view.getUint8(2) & RTNH_F_ONLINK) !== 0,
    });
    rest = rest.subarray((length + 3) & ~3);
  }
  return hops;
}

const readIndex = (attributes: Attributes): { index?: number } =>
  attributes.has(RTA_OIF) ? { index: attributes.u32(RTA_OIF) } : {};

function readGateway(attributes: Attributes, family: Family, fault: Fault): { via?: IpAddress } {
  if (attributes.has(RTA_GATEWAY)) return { via: readAddress(attributes, RTA_GATEWAY, family) };
  if (!attributes.has(RTA_VIA)) return {};
  const other = familyOfNumber(attributes.u16(RTA_VIA));
  if (other === undefined) fault.report('a gateway of an unknown family');
  const size = other === 'ipv6' ? 16 : 4;
  return { via: addressFromBytes(attributes.bytes(RTA_VIA, 2 + size).slice(2)) };
}
