/** The addresses (VIPs) of virtual routers, and the static ones. */
import {
  addressToBytes,
  type Family,
  familyName,
  familyOf,
  formatPrefix,
  type IpAddress,
  isLinkLocal,
  isLoopback,
  isNotUnicast,
  isWithin,
  type Prefix,
} from '../../model/address.ts';
import type { Environment } from '../environment.ts';
import { errorAt, errorAtKey, type Finding, type Path, warningAt } from '../finding.ts';
import type { VirtualAddressShape } from '../schema/network.ts';
import {
  type ConfigDraft,
  duplicates,
  familiesOf,
  itemsOf,
  knowsAddresses,
  type Named,
  type VirtualRouterDraft,
  virtualRoutersOf,
} from './draft.ts';

type Address = Pick<VirtualAddressShape, 'address' | 'length' | 'label'>;

interface VirtualAddress {
  /** Whose it is: a virtual router's name, or undefined for a static one. */
  readonly router: string | undefined;
  /** Where it is put, as far as that could be read. */
  readonly device: string | undefined;
  readonly path: Path;
  readonly prefix: Address;
}

export function virtualAddressFindings(draft: ConfigDraft, environment: Environment): readonly Finding[] {
  const routers = virtualRoutersOf(draft);
  const virtual = routers.flatMap(addressesOf);
  const all = [...virtual, ...fixedAddresses(draft)];
  return [
    ...all.flatMap(unusable),
    ...all.flatMap(labelled),
    ...duplicates(all, keyOf, clash),
    ...outsideFindings(virtual, environment),
    ...routers.flatMap(nothingAdvertised),
    ...routers.flatMap(tooManyForAdvert),
  ];
}

const addressesOf = ({ name, path, value }: Named<VirtualRouterDraft>): readonly VirtualAddress[] =>
  itemsOf(value.addresses, [...path, 'addresses']).map((item) => ({
    router: name,
    device: item.value.device ?? value.interface,
    path: item.path,
    prefix: item.value,
  }));

const fixedAddresses = (draft: ConfigDraft): readonly VirtualAddress[] =>
  itemsOf(draft.static?.addresses, ['static', 'addresses']).map(({ path, value }) => ({
    router: undefined,
    device: value.device,
    path,
    prefix: value,
  }));

function unusable({ router, path, prefix }: VirtualAddress): readonly Finding[] {
  const { address } = prefix;
  if (router !== undefined && isLoopback(address))
    return [errorAt(path, `${address} is a loopback address: no other host can reach it`)];
  if (isNotUnicast(address))
    return [errorAt(path, `${address} is no address of a host: give a unicast address`)];
  if (isMapped(address))
    return [errorAt(path, `${address} is an IPv4 address written as IPv6: write it as IPv4`)];
  const role = roleInNetwork(prefix);
  if (role === undefined) return [];
  return [
    errorAt(path, `${address} is the ${role} of its /${prefix.length}: give a host's, or another length`),
  ];
}

/** RFC 4291 section 2.5.5.2: ::ffff:0:0/96. */
const MAPPED: Prefix = { address: '::ffff:0:0' as Prefix['address'], length: 96 };

/** Whether `address` is an IPv4 address written as IPv6. */
export const isMapped = (address: IpAddress): boolean =>
  address.startsWith('::ffff:') && isWithin(address, MAPPED);

type Role = 'network address' | 'broadcast address' | 'anycast address of routers';

/**
 * The first and the last address of a network are no host's; /31 (RFC 3021) and /32 have none of the two. Of IPv6 the
 * first is all routers' (RFC 4291 section 2.6.1), but for /127 (RFC 6164) and /128.
 */
function roleInNetwork({ address, length }: Prefix): Role | undefined {
  const bytes = [...addressToBytes(address)];
  if (length > bytes.length * 8 - 2) return undefined;
  const masks = bytes.map((_, i) => 0xff >> Math.min(8, Math.max(0, length - 8 * i)));
  const hostBits = bytes.map((byte, i) => byte & (masks[i] ?? 0));
  const isFirst = hostBits.every((bits) => bits === 0);
  if (familyOf(address) === 'ipv6') return isFirst ? 'anycast address of routers' : undefined;
  if (isFirst) return 'network address';
  return hostBits.every((bits, i) => bits === masks[i]) ? 'broadcast address' : undefined;
}

/** The kernel has labels for IPv4 only. */
function labelled({ path, prefix: { address, label } }: VirtualAddress): readonly Finding[] {
  if (label === undefined || familyOf(address) === 'ipv4') return [];
  return [errorAt([...path, 'label'], 'an IPv6 address has no label: remove it')];
}

/** Addresses of one link only (fe80::/10) may be the same on another. */
const keyOf = ({ prefix: { address }, device }: VirtualAddress): string | undefined => {
  if (!isLinkLocal(address)) return address;
  return device === undefined ? undefined : `${address} ${device}`;
};

function clash({ router, path, prefix }: VirtualAddress, first: VirtualAddress): Finding {
  const other =
    first.router === undefined ? 'a static address' : `an address of virtual router "${first.router}"`;
  const where = first.router === router && router !== undefined ? 'an address of this virtual router' : other;
  const lengths =
    first.prefix.length === prefix.length
      ? ''
      : ` (as /${first.prefix.length}, and here as /${prefix.length})`;
  return errorAt(path, `${prefix.address} is ${where} already${lengths}: remove one of them`);
}

function outsideFindings(
  virtual: readonly VirtualAddress[],
  { interfaces }: Environment,
): readonly Finding[] {
  // While this director is active the interfaces have the virtual addresses too, which must not vouch for themselves.
  const moving = new Set(virtual.map(({ prefix }) => prefix.address));
  return virtual.flatMap((address) => {
    const device = interfaces.find(({ name }) => name === address.device);
    const own = (device?.addresses ?? []).filter((prefix) => !moving.has(prefix.address));
    return unusable(address).length > 0 ? [] : outside(address, own);
  });
}

/** Hosts in the networks of the device reach only what is in them, unless they are told of a route. */
function outside({ path, prefix, device }: VirtualAddress, own: readonly Prefix[]): readonly Finding[] {
  const { address } = prefix;
  if (isLinkLocal(address) || device === LOOPBACK) return [];
  const networks = own.filter(
    (other) => familyOf(other.address) === familyOf(address) && !isLinkLocal(other.address),
  );
  // Without an address, or a carrier, the networks of the device are not known.
  if (networks.length === 0 || networks.some((network) => isWithin(address, network))) return [];
  const names = networks.slice(0, 3).map(formatPrefix);
  const message = `${address} is in no network of ${device} (${names.join(', ')}): its clients need a route to it`;
  return [warningAt(path, message)];
}

const LOOPBACK = 'lo';

function nothingAdvertised({ path, value }: Named<VirtualRouterDraft>): readonly Finding[] {
  if (!knowsAddresses(value) || value.addresses?.length === 0 || familiesOf(value).length > 0) return [];
  const message =
    'all addresses are excluded: an advert needs one at least, so take excluded from one of them';
  return [errorAtKey([...path, 'addresses'], message)];
}

/** keepalived refuses such a list. */
function tooManyForAdvert({ path, value }: Named<VirtualRouterDraft>): readonly Finding[] {
  return familiesOf(value).flatMap((family) => {
    const advertised = itemsOf(value.addresses, [...path, 'addresses']).filter(
      (item) => !item.value.excluded && familyOf(item.value.address) === family,
    );
    const most = roomFor(family, value);
    const first = advertised[most];
    if (first === undefined) return [];
    const message = `an advert has room for ${most} ${familyName(family)} addresses: from here on they are held, but not advertised (${advertised.length - most} of ${advertised.length})`;
    return [warningAt(first.path, message)];
  });
}

/** With an MTU of 1500; the count on the wire is one byte (RFC 9568 section 5.2.6). */
function roomFor(family: Family, { authentication }: VirtualRouterDraft): number {
  if (family === 'ipv4') return 255;
  const trailer = authentication !== undefined && 'hmac' in authentication ? HMAC_TRAILER : 0;
  return Math.floor((ETHERNET_MTU - IPV6_HEADER - VRRP_HEADER - trailer) / 16);
}

const ETHERNET_MTU = 1500;
const IPV6_HEADER = 40;
const VRRP_HEADER = 8;
/** Of keepalived's auth_hmac. */
const HMAC_TRAILER = 28;
