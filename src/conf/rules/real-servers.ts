/** The real servers of a virtual server. */
import { isLoopback, isNotUnicast } from '../../model/address.ts';
import { realServerKey } from '../../model/ipvs-table.ts';
import { errorAt, type Finding, type Path } from '../finding.ts';
import {
  type ConfigDraft,
  duplicates,
  type Named,
  type RealServerDraft,
  realServersOf,
  type ServiceDraft,
  servicesOf,
} from './draft.ts';

interface Listed {
  readonly path: Path;
  readonly index: number;
  readonly value: RealServerDraft;
}

export const realServerFindings = (draft: ConfigDraft): readonly Finding[] =>
  servicesOf(draft).flatMap(ofService);

function ofService(service: Named<ServiceDraft>): readonly Finding[] {
  const servers = realServersOf(service);
  return [
    ...servers.flatMap((server) => unusable(server, service.value)),
    ...servers.flatMap((server) => unmappablePort(server, service.value)),
    ...duplicates(
      servers,
      (server) => serverKey(server.value, service.value),
      (server, first) =>
        errorAt(
          server.path,
          `${serverKey(server.value, service.value)} is in this list already, as number ${first.index + 1}: remove one, or add up their weights`,
        ),
    ),
  ];
}

/** undefined where the address, or the port that counts, could not be read. */
export function serverKey(server: RealServerDraft, service: ServiceDraft): string | undefined {
  const port = 'port' in server ? server.port : service.port;
  if (server.address === undefined || port === undefined) return undefined;
  return realServerKey({ address: server.address, port });
}

function unusable({ path, value: { address } }: Listed, service: ServiceDraft): readonly Finding[] {
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
  if (address !== service.address) return [];
  return [errorAt(at, `${address} is the service's own address (VIP): give the real server's own (RIP)`)];
}

/** Direct routing and tunnelling leave the packet as it is, its port included. */
function unmappablePort({ path, value }: Listed, service: ServiceDraft): readonly Finding[] {
  const { port } = value;
  const { forwarding, port: virtualPort } = service;
  if (port === undefined || virtualPort === undefined || port === virtualPort) return [];
  if (forwarding === undefined || forwarding === 'nat') return [];
  const message = `forwarding ${forwarding} cannot map ports: remove the port (the real server listens on ${virtualPort}), or use forwarding nat`;
  return [errorAt([...path, 'port'], message)];
}
