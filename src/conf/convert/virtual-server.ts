/** Virtual servers and their checks, and the kernel's connection synchronisation. */
import type { Check, Probe } from '../../model/check.ts';
import type { ConfiguredVirtualServer } from '../../model/config.ts';
import type { ConnectionSync } from '../../model/sync.ts';
import { milliseconds } from '../../model/units.ts';
import { PLAIN_TUNNEL } from '../../model/virtual-server.ts';
import type { CheckShape, ConnectionSyncShape, ServiceShape, VirtualRouterShape } from '../schema/index.ts';

/** Unless given; a shorter timeout shortens it, so that `timeout: 500ms` is all that need be written. */
const CONNECT_TIMEOUT = milliseconds(1000);

export function toVirtualServer(name: string, shape: ServiceShape): ConfiguredVirtualServer {
  const { protocol, address, port, forwarding } = shape;
  const sorry = shape.sorry_server;
  return {
    name,
    entries: [{ kind: 'address', protocol, address, port }],
    match: [],
    scheduler: shape.scheduler,
    schedulerFlags: [],
    persistence: undefined,
    onePacket: false,
    check: shape.check && toCheck(shape.check),
    checkWhile: 'always',
    initial: 'down',
    onFailure: 'remove',
    quorum: { weight: shape.quorum, hysteresis: 0 },
    notify: { quorumUp: undefined, quorumDown: undefined },
    sorryServers:
      sorry === undefined
        ? []
        : [
            {
              address: sorry.address,
              port: sorry.port ?? port,
              forwarding,
              tunnel: PLAIN_TUNNEL,
              check: undefined,
            },
          ],
    realServers: shape.real_servers.map((server) => ({
      address: server.address,
      port: server.port ?? port,
      weight: server.weight,
      forwarding,
      tunnel: PLAIN_TUNNEL,
      upperThreshold: 0,
      lowerThreshold: 0,
    })),
  };
}

function toCheck(shape: CheckShape): Check {
  return {
    probe: toProbe(shape),
    interval: shape.interval,
    connectTimeout: shape.connect_timeout ?? milliseconds(Math.min(CONNECT_TIMEOUT, shape.timeout)),
    timeout: shape.timeout,
    rise: shape.rise,
    fall: shape.fall,
    port: shape.port,
  };
}

/** The rules have seen to it that exactly one kind is there. */
function toProbe({ http, https }: CheckShape): Probe {
  const request = https ?? http;
  if (request === undefined) return { kind: 'tcp' };
  const { path, host, status } = request;
  return { kind: 'http', tls: https && { verify: https.verify }, path, host, status };
}

/** Without an id it is the VRID of the virtual router that is followed: a number that the network has once already. */
export function toConnectionSync(
  shape: ConnectionSyncShape,
  routers: Readonly<Record<string, VirtualRouterShape>>,
): ConnectionSync {
  const followed = shape.follow === undefined ? Object.values(routers)[0] : routers[shape.follow];
  const id = shape.id ?? followed?.vrid;
  if (id === undefined)
    throw new Error('ipvs.sync follows no virtual router: the rules must refuse it first');
  return {
    interface: shape.interface,
    id,
    follow: shape.follow,
    maxLength: shape.max_length,
    group: shape.group,
    port: shape.port,
    ttl: shape.ttl,
  };
}
