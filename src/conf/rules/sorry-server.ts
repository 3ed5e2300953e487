/** The sorry servers of a virtual server. */
import {
  familyName,
  familyOf,
  type IpAddress,
  isLinkLocal,
  isLoopback,
  isNotUnicast,
} from '../../model/address.ts';
import { endpoint } from '../../model/virtual-server.ts';
import { singlePort } from '../convert/entries.ts';
import { errorAt, type Finding, warningAt, warningAtKey } from '../finding.ts';
import { type ConfigDraft, duplicates, type SorryServerDraft } from './draft.ts';
import { otherFamily, serverKey } from './real-servers.ts';
import {
  forwardingOf,
  readServices,
  realServers,
  type Server,
  type Service,
  sorryServers,
} from './service.ts';

export const sorryServerFindings = (draft: ConfigDraft): readonly Finding[] =>
  readServices(draft).flatMap((service) => ofService(service, draft));

function ofService(service: Service, draft: ConfigDraft): readonly Finding[] {
  const servers = sorryServers(service);
  if (servers.length === 0) return [];
  const real = placesOf(service);
  return [
    ...servers.flatMap((sorry) => ofServer(sorry, service, draft, real)),
    ...emptyFamilies(service, servers),
    ...servers.flatMap((sorry) => lookingLikePort(sorry, service)),
    ...duplicates(
      servers,
      ({ value }) => serverKey(value, service),
      ({ path, value }) =>
        errorAt(path, `${serverKey(value, service)} is a sorry server of this service already: remove one`),
    ),
  ];
}

function ofServer(
  sorry: Server<SorryServerDraft>,
  service: Service,
  draft: ConfigDraft,
  real: Places,
): readonly Finding[] {
  const message =
    unusable(sorry.value, service) ??
    otherLoopback(sorry.value, service) ??
    unmappablePort(sorry.value, service) ??
    alsoRealServer(sorry.value, service, real);
  return message === undefined
    ? otherFamily(sorry.value, sorry.path, service, draft)
    : [errorAt(sorry.path, message)];
}

/** ::/96, where no host has its address any more (RFC 4291 section 2.5.5.1) but ::1, with something like a port. */
const IN_FIRST_96 = /^::([0-9a-f]+):([0-9a-f]+)$/;

/** Without brackets the port of an IPv6 address is read as its last part, and such an address may well be meant. */
function lookingLikePort({ path, value: sorry }: Server<SorryServerDraft>, { selector }: Service) {
  const { address } = sorry;
  const port = selector && singlePort(selector);
  if (address === undefined || port === undefined || 'port' in sorry) return [];
  const host = new RegExp(`^(.+::.+):${port}$`).exec(address)?.[1];
  if (host === undefined) return [];
  const message = `${address} is read as an address without a port: write [${host}]:${port} if ${port} is the port, or [${address}]:${port}`;
  return [warningAt(path, message)];
}

function unusable({ address }: SorryServerDraft, { vips }: Service): string | undefined {
  if (address === undefined) return undefined;
  if (isNotUnicast(address)) return `${address} is no address of a host: give a unicast address`;
  const [, host, port] = IN_FIRST_96.exec(address) ?? [];
  if (host !== undefined)
    return `${address} is no address of a host, and with a port IPv6 is written in brackets: [::${host}]:${port}`;
  if (isLinkLocal(address))
    return `${address} means something on one link only, and IPVS knows no links: give another`;
  if (!vips.has(address)) return undefined;
  const self = familyOf(address) === 'ipv4' ? '127.0.0.1' : '::1';
  return `${address} is the service's own address (VIP), which moves: this director itself is written ${self}`;
}

/** Delivered on the spot, so no tunnel leads from one family to the other. */
function otherLoopback({ address }: SorryServerDraft, { families = [] }: Service): string | undefined {
  const [family, second] = families;
  if (address === undefined || !isLoopback(address) || second !== undefined) return undefined;
  if (family === undefined || familyOf(address) === family) return undefined;
  const self = family === 'ipv4' ? '127.0.0.1' : '::1';
  return `${address} is ${familyName(familyOf(address))}, but the service is ${familyName(family)}: this director itself is written ${self}`;
}

/**
 * The kernel delivers to a loopback address on the spot, whatever the method, with the packet unchanged; it refuses
 * to masquerade to one. So the sorry server sees VIP:port, and must listen there.
 */
function unmappablePort(sorry: SorryServerDraft, { selector, value }: Service): string | undefined {
  const { address } = sorry;
  if (sorry.port === undefined || address === undefined || selector === undefined) return undefined;
  const port = singlePort(selector);
  if (sorry.port === port) return undefined;
  const where = port === undefined ? 'at the ports of the service' : `on 0.0.0.0:${port} or on the VIP`;
  const written = port === undefined ? address : endpoint(address, port);
  if (isLoopback(address))
    return `a sorry server on this director cannot have another port: the kernel delivers unchanged, so it must listen ${where}, and is written ${written}`;
  if (selector.port === 'any') return `port: any leaves every packet its port: write ${address} alone`;
  const forwarding = forwardingOf(sorry, value);
  if (forwarding === undefined || forwarding === 'nat' || forwarding === 'fullnat') return undefined;
  const listens = port === undefined ? 'at the ports of the service' : `on ${port}`;
  return `forwarding ${forwarding} cannot map ports: the sorry server must listen ${listens}, and is written ${written}`;
}

/** Where the real servers of a service are: looked up for each sorry server, and there may be thousands of both. */
interface Places {
  readonly keys: ReadonlySet<string | undefined>;
  /** The ports that are given, by address. */
  readonly ports: ReadonlyMap<IpAddress, readonly number[]>;
}

function placesOf(service: Service): Places {
  const ports = new Map<IpAddress, number[]>();
  const servers = realServers(service);
  for (const { value } of servers) {
    if (value.address === undefined || value.port === undefined) continue;
    const known = ports.get(value.address);
    if (known === undefined) ports.set(value.address, [value.port]);
    else known.push(value.port);
  }
  return { keys: new Set(servers.map(({ value }) => serverKey(value, service))), ports };
}

function alsoRealServer(sorry: SorryServerDraft, service: Service, real: Places): string | undefined {
  const key = serverKey(sorry, service);
  if (key === undefined || sorry.address === undefined) return undefined;
  // Without a port it is there at each port of the service.
  const ports = service.selector?.port;
  const ranges = key !== sorry.address || ports === undefined || ports === 'any' ? [] : ports;
  const given = real.ports.get(sorry.address) ?? [];
  const atOne = given.some((port) => ranges.some(({ from, to }) => from <= port && port <= to));
  if (!real.keys.has(key) && !atOne) return undefined;
  return `${key} is a real server of this service too: the sorry server stands in when all of them are down, so give another`;
}

function emptyFamilies({ families = [], path }: Service, servers: readonly Server[]): readonly Finding[] {
  if (families.length < 2) return [];
  return families
    .filter(
      (family) =>
        !servers.some(({ value: { address } }) => address === undefined || familyOf(address) === family),
    )
    .map((family) => {
      const self = family === 'ipv4' ? '127.0.0.1' : '::1';
      const message = `the service has ${familyName(family)} too, but no sorry server of it: add one (this director itself is ${self})`;
      return warningAtKey([...path, 'sorry_server'], message);
    });
}
