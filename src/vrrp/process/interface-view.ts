/** Pure: what a virtual router's interface allows, from what the kernel tells of it. */
import { familyOf, type IpAddress } from '../../model/address.ts';
import type { VirtualRouter } from '../../model/config.ts';

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

/** The priority of an address owner (RFC 9568 section 5.2.4). */
export const OWNER_PRIORITY = 255;

/**
 * The address that adverts are sent from: the interface's first IPv4 address that is none of the virtual addresses.
 * An owner's address is the interface's own as well as a virtual one: it will do where there is no other.
 */
export function sourceAddress(
  addresses: readonly AddressCondition[],
  routers: readonly VirtualRouter[],
): IpAddress | undefined {
  const virtual = new Set(routers.flatMap((router) => router.addresses.map(({ address }) => address)));
  const ipv4 = addresses.filter(({ prefix }) => familyOf(prefix.address) === 'ipv4');
  const own = ipv4.find(({ prefix }) => !virtual.has(prefix.address));
  const owned = ipv4.find((address) => routers.some((router) => isOwnersOwn(router, address)));
  return (own ?? owned)?.prefix.address;
}

/** Whether a permanent address is the owner's own: it was there before, and is neither leased nor removed. */
export const isOwnersOwn = (router: VirtualRouter, { prefix, lifetime }: AddressCondition): boolean =>
  router.priority === OWNER_PRIORITY &&
  lifetime === 'forever' &&
  router.addresses.some(({ address }) => address === prefix.address);

/** Why no advert can be sent on the interface `name`, in words; undefined when nothing is in the way. */
export function obstacle(
  name: string,
  link: LinkCondition | undefined,
  source: IpAddress | undefined,
): string | undefined {
  if (link === undefined) return `interface ${name} does not exist`;
  if (!link.up) return `interface ${name} is down`;
  if (!link.running) return `interface ${name} has no carrier`;
  if (source === undefined) return `interface ${name} has no IPv4 address of its own`;
  return undefined;
}
