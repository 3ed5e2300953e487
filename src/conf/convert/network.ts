/** Addresses, routes and rules. */
import { type Family, familyOf, type IpAddress } from '../../model/address.ts';
import type { FixedNetwork } from '../../model/config.ts';
import type { NextHop, RouteSpec, RuleSpec } from '../../model/routes.ts';
import type { VirtualAddress } from '../../model/virtual-router.ts';
import type { FixedShape, RouteShape, RuleShape } from '../schema/index.ts';
import type { VirtualAddressShape } from '../schema/network.ts';
import { defined } from './defined.ts';

export const toVirtualAddress = (shape: VirtualAddressShape): VirtualAddress =>
  // Only what differs from an ordinary address is said.
  defined({ ...shape, excluded: shape.excluded || undefined });

export const toFixedNetwork = (shape: FixedShape): FixedNetwork => ({
  addresses: shape.addresses.map(defined),
  routes: shape.routes.map(toRoute),
  rules: shape.rules.map(toRule),
});

export function toRoute(shape: RouteShape): RouteSpec {
  const { to, via, device, next_hops: hops, type, onlink, ...rest } = shape;
  const { source, table, metric, scope, mtu } = rest;
  return {
    family: routeFamily(shape),
    // The kernel knows the default route by its empty prefix, and people by its name.
    destination: to === 'default' || to.length === 0 ? 'default' : to,
    type,
    nextHops: toNextHops(via, device, hops),
    ...defined({ source, table, metric, scope, mtu, onlink: onlink || undefined }),
  };
}

/** A default route says by its gateway, or its source, of which family it is; IPv4 without either. */
export function routeFamily({ to, via, source, next_hops: hops }: Partial<RouteShape>): Family {
  const telling = to === 'default' || to === undefined ? (via ?? source ?? hops?.[0]?.via) : to.address;
  return telling === undefined ? 'ipv4' : familyOf(telling);
}

function toNextHops(
  via: IpAddress | undefined,
  device: string | undefined,
  hops: RouteShape['next_hops'],
): readonly NextHop[] {
  if (hops !== undefined) return hops.map(defined);
  return via === undefined && device === undefined ? [] : [defined({ via, device })];
}

/** The rules have seen to it that either table or action is there. */
export function toRule({ fwmark, table, action, family, ...rest }: RuleShape): RuleSpec {
  const telling = rest.from ?? rest.to;
  return {
    family: telling === undefined ? (family ?? 'ipv4') : familyOf(telling.address),
    action: action ?? { table: table ?? MAIN_TABLE },
    ...defined({ ...rest, fwmark: fwmark && defined(fwmark) }),
  };
}

/** RT_TABLE_MAIN of linux/rtnetlink.h. */
const MAIN_TABLE = 254;
