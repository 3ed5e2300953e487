/** The real servers of a virtual server. */
import {
  type Family,
  familyName,
  familyOf,
  isLinkLocal,
  isLoopback,
  isNotUnicast,
} from '../../model/address.ts';
import { onceForEach } from '../../model/once.ts';
import { endpoint } from '../../model/virtual-server.ts';
import { singlePort } from '../convert/entries.ts';
import { errorAt, errorAtKey, type Finding, type Path, warningAt, warningAtKey } from '../finding.ts';
import { type ConfigDraft, duplicates, type RealServerDraft, type SorryServerDraft } from './draft.ts';
import { forwardingOf, portOf, readServices, realServers, type Server, type Service } from './service.ts';
import { isMapped } from './virtual-addresses.ts';

export const realServerFindings = (draft: ConfigDraft): readonly Finding[] =>
  readServices(draft).flatMap((service) => [
    ...byThemselves(service),
    ...ofOtherFamily(service).flatMap(({ path, value }) =>
      otherFamily(value, [...path, 'address'], service, draft),
    ),
  ]);

const byThemselves = onceForEach((service: Service): readonly Finding[] => {
  const servers = realServers(service);
  return [
    ...servers.flatMap((server) => unusable(server, service)),
    ...servers.flatMap((server) => unmappablePort(server, service)),
    ...emptyFamilies(service, servers),
    ...sameServer(service, servers),
  ];
});

const ofOtherFamily = onceForEach((service: Service) =>
  realServers(service).filter(({ value }) => isOfOtherFamily(value, service)),
);

/** `10.1.1.2:80`, or `10.1.1.2` where the port is the client's; undefined where it could not be read. */
export function serverKey(server: RealServerDraft | SorryServerDraft, service: Service): string | undefined {
  const { address } = server;
  if (address === undefined || service.selector === undefined) return undefined;
  if ('port' in server && server.port === undefined) return undefined;
  const port = portOf(server, service);
  return port === undefined ? address : endpoint(address, port);
}

/** One server with and without its port is the same at that port. */
function sameServer(service: Service, servers: readonly Server<RealServerDraft>[]): readonly Finding[] {
  const port = service.selector?.port;
  const ranges = port === undefined || port === 'any' ? [] : port;
  const portless = new Map(servers.map((server) => [serverKey(server.value, service), server]));
  const again = servers.flatMap((server) => {
    const { address, port: own } = server.value;
    const other = address === undefined ? undefined : portless.get(address);
    if (own === undefined || other === undefined || !ranges.some(({ from, to }) => from <= own && own <= to))
      return [];
    const message = `${address} is in this list with every port, as number ${other.index + 1}: remove one`;
    return [errorAt(server.path, message)];
  });
  return [
    ...again,
    ...duplicates(
      servers,
      (server) => serverKey(server.value, service),
      (server, first) =>
        errorAt(
          server.path,
          `${serverKey(server.value, service)} is in this list already, as number ${first.index + 1}: remove one, or add up their weights`,
        ),
    ),
  ];
}

function unusable({ path, value: { address } }: Server, service: Service): readonly Finding[] {
  if (address === undefined) return [];
  const at = [...path, 'address'];
  if (isLoopback(address)) {
    return [
      errorAt(
        at,
        `${address} is this director itself: a real server needs an address of its network (a sorry_server may be at 127.0.0.1)`,
      ),
    ];
  }
  if (isNotUnicast(address))
    return [errorAt(at, `${address} is no address of a host: give a unicast address`)];
  if (isLinkLocal(address))
    return [
      errorAt(at, `${address} means something on one link only, and IPVS knows no links: give another`),
    ];
  if (isMapped(address))
    return [errorAt(at, `${address} is an IPv4 address written as IPv6: write it as IPv4`)];
  if (!service.vips.has(address)) return [];
  return [errorAt(at, `${address} is the service's own address (VIP): give the real server's own (RIP)`)];
}

/**
 * Direct routing and tunnelling leave the packet as it is, its port included. So does every method where the virtual
 * server has no port of its own and is persistent (ip_vs_sched_persist() of ip_vs_core.c).
 */
function unmappablePort(server: Server, service: Service): readonly Finding[] {
  const { path, value } = server;
  const { port } = value;
  const { selector } = service;
  if (port === undefined || selector === undefined) return [];
  const at = [...path, 'port'];
  if (selector.port === 'any') {
    const message = 'port: any leaves every packet its port: remove it (for the check, give check.port)';
    return [errorAt(at, message)];
  }
  const virtualPort = singlePort(selector);
  const forwarding = forwardingOf(value, service.value);
  if (forwarding === undefined || port === virtualPort) return [];
  if (forwarding === 'nat' || forwarding === 'fullnat') return uselessMapping(server, service);
  const where = virtualPort === undefined ? 'the port that the client asked for' : String(virtualPort);
  const message = `forwarding ${forwarding} cannot map ports: remove the port (the real server listens on ${where}), or use forwarding nat`;
  return [errorAt(at, message)];
}

function uselessMapping({ path }: Server, { value }: Service): readonly Finding[] {
  if (!('mark' in value && 'persistence' in value)) return [];
  const message =
    'a persistent mark leaves every packet its port: remove it (for the check, give check.port)';
  return [warningAt([...path, 'port'], message)];
}

/** Whether the service has one family alone, and this is of the other. */
function isOfOtherFamily(
  { address }: RealServerDraft | SorryServerDraft,
  { families = [] }: Service,
): boolean {
  const [family, second] = families;
  if (address === undefined || family === undefined || second !== undefined) return false;
  return familyOf(address) !== family;
}

/** The kernel refuses it: ip_vs_genl_set_cmd() of ip_vs_ctl.c. */
export function otherFamily(
  value: RealServerDraft | SorryServerDraft,
  at: Path,
  service: Service,
  { ipvs }: ConfigDraft,
): readonly Finding[] {
  const { address } = value;
  const [family] = service.families ?? [];
  if (address === undefined || family === undefined || !isOfOtherFamily(value, service)) return [];
  const forwarding = forwardingOf(value, service.value);
  const clash = `${address} is ${familyName(familyOf(address))}, but the service is ${familyName(family)}`;
  if (forwarding !== undefined && forwarding !== 'tun')
    return [errorAt(at, `${clash}: only forwarding tun leads from one to the other, not ${forwarding}`)];
  if (ipvs === undefined || !('sync' in ipvs)) return [];
  return [
    errorAt(at, `${clash}: the kernel does not allow that together with ipvs.sync, remove one of them`),
  ];
}

function emptyFamilies(service: Service, servers: readonly Server[]): readonly Finding[] {
  const { families = [], path, value } = service;
  if (families.length < 2 || value.real_servers?.length !== servers.length) return [];
  const has = (family: Family) =>
    servers.some(({ value: { address } }) => address === undefined || familyOf(address) === family);
  const empty = families.filter((family) => !has(family));
  return empty.map((family) => {
    const message = `the service has ${familyName(family)} too, but none of its real servers: each family has its own, so add one`;
    return (empty.length === families.length ? errorAtKey : warningAtKey)([...path, 'real_servers'], message);
  });
}
