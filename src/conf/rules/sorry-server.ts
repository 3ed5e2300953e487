/** The sorry server of a virtual server. */
import { isLoopback, isNotUnicast } from '../../model/address.ts';
import { realServerKey } from '../../model/ipvs-table.ts';
import { errorAt, type Finding } from '../finding.ts';
import { type ConfigDraft, type Named, realServersOf, type ServiceDraft, servicesOf } from './draft.ts';
import { serverKey } from './real-servers.ts';

export const sorryServerFindings = (draft: ConfigDraft): readonly Finding[] =>
  servicesOf(draft).flatMap(ofService);

function ofService(service: Named<ServiceDraft>): readonly Finding[] {
  const sorry = service.value.sorry_server;
  if (sorry === undefined) return [];
  const message =
    unusable(sorry, service.value) ?? unmappablePort(sorry, service.value) ?? alsoRealServer(sorry, service);
  return message === undefined ? [] : [errorAt([...service.path, 'sorry_server'], message)];
}

type Sorry = NonNullable<ServiceDraft['sorry_server']>;

function unusable({ address }: Sorry, service: ServiceDraft): string | undefined {
  if (isNotUnicast(address)) return `${address} is no address of a host: give a unicast address`;
  if (address !== service.address) return undefined;
  return `${address} is the service's own address (VIP), which moves: this director itself is written 127.0.0.1`;
}

/**
 * The kernel delivers to a loopback address on the spot, whatever the method, with the packet unchanged; it refuses
 * to masquerade to one. So the sorry server sees VIP:port, and must listen there.
 */
function unmappablePort(sorry: Sorry, { port, forwarding }: ServiceDraft): string | undefined {
  if (sorry.port === undefined || port === undefined || sorry.port === port) return undefined;
  if (isLoopback(sorry.address)) {
    return `a sorry server on this director cannot have another port: the kernel delivers unchanged, so it must listen on 0.0.0.0:${port} or on the VIP, and is written ${sorry.address}:${port}`;
  }
  if (forwarding === undefined || forwarding === 'nat') return undefined;
  return `forwarding ${forwarding} cannot map ports: the sorry server must listen on ${port}, and is written ${sorry.address}:${port}`;
}

function alsoRealServer(sorry: Sorry, service: Named<ServiceDraft>): string | undefined {
  const port = sorry.port ?? service.value.port;
  if (port === undefined) return undefined;
  const key = realServerKey({ address: sorry.address, port });
  if (!realServersOf(service).some(({ value }) => serverKey(value, service.value) === key)) return undefined;
  return `${key} is a real server of this service too: the sorry server stands in when all of them are down, so give another`;
}
