/** What is set for each real server and sorry server beside its address: tunnels and thresholds. */
import { onceForEach } from '../../model/once.ts';
import { errorAt, errorAtKey, type Finding, type Path } from '../finding.ts';
import type { ConfigDraft, RealServerDraft, ServiceDraft, SorryServerDraft } from './draft.ts';
import { forwardingOf, readServices, realServers, type Service, sorryServers } from './service.ts';

export const forwardingFindings = (draft: ConfigDraft): readonly Finding[] =>
  readServices(draft).flatMap(ofService);

const ofService = onceForEach((service: Service): readonly Finding[] => {
  const real = realServers(service);
  const sorry = sorryServers(service);
  const all = [...real, ...sorry];
  return [
    ...tunnelOptions(service.value, service.path),
    ...all.flatMap(({ path, value }) => tunnelOptions(value, path)),
    ...uselessTunnel(
      service,
      [...real, ...sorry].map(({ value }) => value),
    ),
    ...all.flatMap(({ path, value }) => ownUselessTunnel(value, path, service)),
    ...thresholdOrder(service.value, service.path),
    ...real.flatMap(({ path, value }) => thresholdOrder(value, path)),
  ];
});

/** linux/ip_vs.h: gue alone has a port and remote checksums, ipip no checksum. */
function tunnelOptions({ tunnel }: Pick<ServiceDraft, 'tunnel'>, path: Path): readonly Finding[] {
  if (tunnel === undefined) return [];
  const { type, port, checksum } = tunnel;
  const at = [...path, 'tunnel'];
  return [
    ...(port !== undefined && type !== 'gue'
      ? [errorAtKey([...at, 'port'], `a tunnel of type ${type} has no port: remove it, or use gue`)]
      : []),
    ...(checksum !== undefined && type === 'ipip'
      ? [
          errorAtKey(
            [...at, 'checksum'],
            'a tunnel of type ipip has no checksum: remove it, or use gre or gue',
          ),
        ]
      : []),
    ...(checksum === 'remote' && type === 'gre'
      ? [errorAt([...at, 'checksum'], 'remote checksum offload is of gue only: use plain or none')]
      : []),
  ];
}

type Server = RealServerDraft | SorryServerDraft;

function uselessTunnel({ path, value }: Service, servers: readonly Server[]): readonly Finding[] {
  if (value.tunnel === undefined) return [];
  const methods = servers.map((server) => forwardingOf(server, value));
  if (methods.some((method) => method === undefined || method === 'tun')) return [];
  return [errorAtKey([...path, 'tunnel'], 'tunnel is for forwarding tun, which nothing here has: remove it')];
}

function ownUselessTunnel(server: Server, path: Path, { value }: Service): readonly Finding[] {
  const method = forwardingOf(server, value);
  if (server.tunnel === undefined || method === undefined || method === 'tun') return [];
  return [errorAtKey([...path, 'tunnel'], `tunnel is for forwarding tun, not ${method}: remove it`)];
}

/** ip_vs_add_dest() of ip_vs_ctl.c. */
function thresholdOrder({ thresholds }: Pick<ServiceDraft, 'thresholds'>, path: Path): readonly Finding[] {
  const { upper, lower } = thresholds ?? {};
  if (upper === undefined || lower === undefined || lower <= upper) return [];
  const message =
    upper === 0
      ? `lower ${lower} has no meaning without a limit: give upper more than 0, or remove thresholds`
      : `lower ${lower} is more than upper ${upper}: give ${upper} or less`;
  return [errorAt([...path, 'thresholds', 'lower'], message)];
}
