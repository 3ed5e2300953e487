/** From the file's shape, found right, to the configuration as the rest of the program sees it. */
import type { Check, Probe } from '../model/check.ts';
import type { Config, ConfiguredVirtualServer, VirtualRouter } from '../model/config.ts';
import { milliseconds, millisecondsToCentiseconds } from '../model/units.ts';
import type { CheckShape, ConfigShape, ServiceShape, VirtualRouterShape } from './schema.ts';

/** Unless given; a shorter timeout shortens it, so that `timeout: 500ms` is all that need be written. */
const CONNECT_TIMEOUT = milliseconds(1000);

export function toConfig(shape: ConfigShape, hostName: string): Config {
  return {
    director: { name: shape.director.name ?? hostName },
    vrrp: { realtime: shape.vrrp.realtime },
    ipvs: { exclusive: shape.ipvs.exclusive },
    virtualRouters: Object.entries(shape.virtual_routers).map(([name, router]) =>
      toVirtualRouter(name, router),
    ),
    virtualServers: Object.entries(shape.services).map(([name, service]) => toVirtualServer(name, service)),
  };
}

function toVirtualRouter(name: string, shape: VirtualRouterShape): VirtualRouter {
  return {
    name,
    interface: shape.interface,
    vrid: shape.vrid,
    priority: shape.priority,
    advertInterval: millisecondsToCentiseconds(shape.advert_interval),
    preempt: shape.preempt,
    addresses: shape.addresses,
  };
}

function toVirtualServer(name: string, shape: ServiceShape): ConfiguredVirtualServer {
  const sorry = shape.sorry_server;
  return {
    name,
    protocol: shape.protocol,
    address: shape.address,
    port: shape.port,
    scheduler: shape.scheduler,
    forwarding: shape.forwarding,
    check: shape.check && toCheck(shape.check),
    sorryServer: sorry && { address: sorry.address, port: sorry.port ?? shape.port },
    realServers: shape.real_servers.map(({ address, port, weight }) => ({
      address,
      port: port ?? shape.port,
      weight,
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
