/** Pure: what an interface allows, from what the kernel tells of it. */
import { type Family, familyOf, type IpAddress, isLinkLocal } from '../../model/address.ts';
import type { VirtualRouter } from '../../model/virtual-router.ts';
import { OWNER_PRIORITY } from '../director/tracking.ts';

/** A link as far as it matters here (see kernel/links.ts). */
export interface LinkCondition {
  readonly name: string;
  readonly up: boolean;
  readonly running: boolean;
}

/** An address as far as it matters here (see kernel/addresses.ts). */
export interface AddressCondition {
  readonly prefix: { readonly address: IpAddress; readonly length: number };
  readonly lifetime: number | 'forever';
}

/**
 * The address that adverts are sent from: the interface's first of the family that is none of the virtual addresses;
 * over IPv6 a link-local one (RFC 9568 section 5.1.2.1), or with `global` one that reaches further. An owner's address
 * is the interface's own as well as a virtual one: it will do where there is no other.
 */
export function sourceAddress(
  family: Family,
  addresses: readonly AddressCondition[],
  routers: readonly VirtualRouter[],
  global = false,
): IpAddress | undefined {
  const virtual = new Set(routers.flatMap((router) => router.addresses.map(({ address }) => address)));
  const usable = addresses.filter(
    ({ prefix }) =>
      familyOf(prefix.address) === family && (family === 'ipv4' || isLinkLocal(prefix.address) !== global),
  );
  const own = usable.find(({ prefix }) => !virtual.has(prefix.address));
  const owned = usable.find((address) => routers.some((router) => isOwnersOwn(router, address)));
  return (own ?? owned)?.prefix.address;
}

/** Whether a permanent address is the owner's own: it was there before, and is neither leased nor removed. */
export const isOwnersOwn = (router: VirtualRouter, { prefix, lifetime }: AddressCondition): boolean =>
  router.priority === OWNER_PRIORITY &&
  lifetime === 'forever' &&
  router.addresses.some(({ address }) => address === prefix.address);

/** Why nothing can be sent over the link `name`, in words; undefined when nothing is in the way. */
export function linkObstacle(name: string, link: LinkCondition | undefined): string | undefined {
  if (link === undefined) return `interface ${name} does not exist`;
  if (!link.up) return `interface ${name} is down`;
  if (!link.running) return `interface ${name} has no carrier`;
  return undefined;
}

/** As `linkObstacle`, for adverts of one family from `source`. */
export function obstacle(
  name: string,
  family: Family,
  link: LinkCondition | undefined,
  source: IpAddress | undefined,
): string | undefined {
  const missing = linkObstacle(name, link);
  if (missing !== undefined || source !== undefined) return missing;
  return family === 'ipv4'
    ? `interface ${name} has no IPv4 address of its own`
    : `interface ${name} has no link-local IPv6 address of its own`;
}
