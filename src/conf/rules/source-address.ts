/** The address that real servers behind fullnat see. */
import {
  type Family,
  familyName,
  familyOf,
  type IpAddress,
  isLinkLocal,
  isLoopback,
  isNotUnicast,
} from '../../model/address.ts';
import type { Environment } from '../environment.ts';
import { errorAt, errorAtKey, type Finding, type Path, warningAt } from '../finding.ts';
import { type ConfigDraft, itemsOf, syncGroupsOf, virtualRoutersOf } from './draft.ts';
import { forwardingOf, readServices, realServers, type Service, sorryServers } from './service.ts';
import { isMapped } from './virtual-addresses.ts';

export function sourceAddressFindings(draft: ConfigDraft, environment: Environment): readonly Finding[] {
  const services = readServices(draft).filter(isUsed);
  if (services.length === 0) return [];
  const places = placesOf(draft, environment);
  return services.flatMap((service) => ofService(service, places));
}

/** Of thousands of real servers hardly one has its own: they are looked at without more. */
const isUsed = ({ value }: Service): boolean =>
  'source_address' in value ||
  value.real_servers?.some((server) => server !== undefined && 'source_address' in server) === true;

interface SourceAddress {
  readonly path: Path;
  readonly address: IpAddress;
}

function ofService(service: Service, places: Places | undefined): readonly Finding[] {
  const usual = itemsOf(service.value.source_address, [...service.path, 'source_address']).map(
    ({ path, value }): SourceAddress => ({ path, address: value }),
  );
  const own = realServers(service).flatMap(({ path, value: { source_address: address } }): SourceAddress[] =>
    address === undefined ? [] : [{ path: [...path, 'source_address'], address }],
  );
  return [
    ...useless(service),
    ...oneOfEachFamily(usual),
    ...ofOtherFamily(service),
    ...ofNoServer(service, usual),
    ...[...usual, ...own].flatMap((source) => {
      const unusable = unusableAs(source.address);
      if (unusable !== undefined) return [errorAt(source.path, unusable)];
      return places === undefined ? [] : whereItIs(source, service, places);
    }),
  ];
}

const FOR_FULLNAT = 'source_address is for forwarding fullnat';

function useless(service: Service): readonly Finding[] {
  const { path, value } = service;
  const real = realServers(service);
  const methods = [...real, ...sorryServers(service)].map((server) => forwardingOf(server.value, value));
  const none = !methods.some((method) => method === undefined || method === 'fullnat');
  const everywhere =
    none && 'source_address' in value
      ? [errorAtKey([...path, 'source_address'], `${FOR_FULLNAT}, which nothing here has: remove it`)]
      : [];
  return [
    ...everywhere,
    ...real.flatMap((server) => {
      const method = forwardingOf(server.value, value);
      if (!('source_address' in server.value) || method === undefined || method === 'fullnat') return [];
      return [errorAtKey([...server.path, 'source_address'], `${FOR_FULLNAT}, not ${method}: remove it`)];
    }),
  ];
}

function oneOfEachFamily(sources: readonly SourceAddress[]): readonly Finding[] {
  const seen = new Map<Family, IpAddress>();
  return sources.flatMap(({ path, address }) => {
    const first = seen.get(familyOf(address));
    if (first === undefined) {
      seen.set(familyOf(address), address);
      return [];
    }
    const message = `${first} is ${familyName(familyOf(address))} as well, and there is one address of each family: remove one, or give each real server its own`;
    return [errorAt(path, message)];
  });
}

function ofOtherFamily(service: Service): readonly Finding[] {
  return realServers(service).flatMap(({ path, value: { address, source_address: source } }) => {
    if (address === undefined || source === undefined || familyOf(address) === familyOf(source)) return [];
    const message = `${source} is ${familyName(familyOf(source))}, but the real server is ${familyName(familyOf(address))}: give an address of its family`;
    return [errorAt([...path, 'source_address'], message)];
  });
}

function ofNoServer(service: Service, sources: readonly SourceAddress[]): readonly Finding[] {
  const servers = [...realServers(service), ...sorryServers(service)].map(({ value }) => value.address);
  if (servers.includes(undefined) || service.value.real_servers?.includes(undefined) === true) return [];
  return sources.flatMap(({ path, address }) => {
    const family = familyOf(address);
    if (servers.some((server) => server !== undefined && familyOf(server) === family)) return [];
    const message = `no real server of this service is ${familyName(family)}: remove it, or add one`;
    return [errorAt(path, message)];
  });
}

function unusableAs(address: IpAddress): string | undefined {
  if (isLoopback(address)) return `${address} is a loopback address: no real server can answer it`;
  if (isNotUnicast(address)) return `${address} is no address of a host: give a unicast address`;
  if (isLinkLocal(address)) return `${address} means something on one link only: give another`;
  if (isMapped(address)) return `${address} is an IPv4 address written as IPv6: write it as IPv4`;
  return undefined;
}

/** Where this director has its addresses, as far as they matter here. */
interface Places {
  /** By virtual address: what moves together, a sync group or a virtual router without one. */
  readonly unitOf: ReadonlyMap<IpAddress, string>;
  /** Addresses that are there whatever the state. */
  readonly fixed: ReadonlySet<IpAddress>;
}

/** undefined where part of them could not be read: it might have been the one. */
function placesOf(draft: ConfigDraft, { interfaces }: Environment): Places | undefined {
  const { virtual_routers: routers, sync_groups: groups, static: fixed } = draft;
  if (routers === undefined || groups === undefined || fixed === undefined) return undefined;
  if (Object.values(routers).includes(undefined) || Object.values(groups).includes(undefined))
    return undefined;
  const groupOf = new Map(
    syncGroupsOf(draft).flatMap(({ name, value }) =>
      (value.members ?? []).flatMap((member) => (member === undefined ? [] : [[member, name] as const])),
    ),
  );
  const unitOf = new Map<IpAddress, string>();
  for (const { name, value } of virtualRoutersOf(draft)) {
    if (value.addresses === undefined) return undefined;
    const group = groupOf.get(name);
    const unit = group === undefined ? `virtual router "${name}"` : `sync group "${group}"`;
    for (const each of value.addresses) {
      if (each === undefined) return undefined;
      unitOf.set(each.address, unit);
    }
  }
  const own = interfaces.flatMap(({ addresses }) => addresses.map(({ address }) => address));
  const lasting = (fixed.addresses ?? []).flatMap((each) => each?.address ?? []);
  return { unitOf, fixed: new Set([...own, ...lasting]) };
}

/** Whoever has the VIP must have this address, too: the answers of real servers come to it. */
function whereItIs({ path, address }: SourceAddress, service: Service, places: Places): readonly Finding[] {
  const unit = places.unitOf.get(address);
  if (unit === undefined) {
    if (places.fixed.has(address)) return [];
    const message = `no virtual router and no interface here holds ${address}, so no answer of a real server would come back: add it to the addresses of the virtual router that holds the VIP, or of one in a sync group with it`;
    return [errorAt(path, message)];
  }
  const apart = [...service.vips].find((vip) => {
    const other = places.unitOf.get(vip);
    return other !== undefined && other !== unit;
  });
  if (apart === undefined) return [];
  const message = `${address} moves with ${unit}, but the VIP ${apart} with ${places.unitOf.get(apart)}: while they are on different directors this service does not answer, so put both virtual routers into one sync group`;
  return [warningAt(path, message)];
}
