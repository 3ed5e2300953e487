/** Virtual servers with their real servers. */

import { familyOf, type IpAddress } from '../../model/address.ts';
import type {
  ConfiguredRealServer,
  ConfiguredSorryServer,
  ConfiguredVirtualServer,
  Persistence,
} from '../../model/config.ts';
import { seconds } from '../../model/units.ts';
import { PLAIN_TUNNEL, type Tunnel } from '../../model/virtual-server.ts';
import type {
  PersistenceShape,
  RealServerShape,
  ServiceShape,
  SorryServerShape,
  TunnelShape,
} from '../schema/index.ts';
import { toCheck } from './check.ts';
import { singlePort, toEntries, toMatch } from './entries.ts';
import { toScript } from './notify.ts';

/** By their shapes: files that are read one after the other share those that are the same in both (`validate.ts`). */
const known = new WeakMap<ServiceShape, ConfiguredVirtualServer>();

export function toVirtualServer(name: string, shape: ServiceShape): ConfiguredVirtualServer {
  const before = known.get(shape);
  if (before?.name === name) return before;
  const converted = convert(name, shape);
  known.set(shape, converted);
  return converted;
}

function convert(name: string, shape: ServiceShape): ConfiguredVirtualServer {
  const [first, ...others] = toEntries(shape);
  if (first === undefined)
    throw new Error(`service ${name} has neither address and port nor mark: the rules must refuse it first`);
  return {
    name,
    entries: [first, ...others],
    match: toMatch(shape.match),
    scheduler: shape.scheduler,
    schedulerFlags: [...new Set(shape.scheduler_flags)],
    persistence: shape.persistence && toPersistence(shape.persistence),
    onePacket: shape.one_packet,
    check: shape.check && toCheck(shape.check),
    checkWhile: shape.check_while,
    initial: shape.initial,
    onFailure: onFailureOf(shape),
    quorum: shape.quorum,
    notify: {
      quorumUp: shape.notify?.quorum_up && toScript(shape.notify.quorum_up),
      quorumDown: shape.notify?.quorum_down && toScript(shape.notify.quorum_down),
    },
    sorryServers: (shape.sorry_server ?? []).map((sorry) => toSorryServer(sorry, shape)),
    realServers: shape.real_servers.map((server) => toRealServer(server, shape)),
  };
}

/** The tables of mh agree on two directors only while their real servers do (ip_vs_mh.c). */
const onFailureOf = ({ on_failure: given, scheduler }: Pick<ServiceShape, 'on_failure' | 'scheduler'>) =>
  given ?? (scheduler === 'mh' ? 'drain' : 'remove');

const toRealServer = (server: RealServerShape, service: ServiceShape): ConfiguredRealServer => ({
  address: server.address,
  port: server.port ?? singlePort(service),
  weight: server.weight,
  ...toWay(server, service),
  ...toThresholds(server.thresholds ?? service.thresholds),
});

const toSorryServer = (sorry: SorryServerShape, service: ServiceShape): ConfiguredSorryServer => ({
  address: sorry.address,
  port: sorry.port ?? singlePort(service),
  ...toWay(sorry, service),
  check: sorry.check && toCheck(sorry.check),
});

type Way = Pick<RealServerShape, 'address' | 'forwarding' | 'tunnel'> &
  Partial<Pick<RealServerShape, 'source_address'>>;

function toWay(own: Way, usual: ServiceShape) {
  const shape = own.tunnel ?? usual.tunnel;
  const forwarding = own.forwarding ?? usual.forwarding;
  return {
    forwarding,
    tunnel: shape === undefined ? PLAIN_TUNNEL : toTunnel(shape),
    sourceAddress: forwarding === 'fullnat' ? sourceAddressOf(own, usual) : undefined,
  };
}

const sourceAddressOf = (own: Way, usual: ServiceShape): IpAddress | undefined =>
  own.source_address ?? usual.source_address?.find((each) => familyOf(each) === familyOf(own.address));

/** IANA's port of generic UDP encapsulation. */
const GUE_PORT = 6080;

const toTunnel = ({ type, port, checksum }: TunnelShape): Tunnel => ({
  kind: type,
  port: type === 'gue' ? (port ?? GUE_PORT) : 0,
  checksum: checksum ?? 'none',
});

const toThresholds = (shape: ServiceShape['thresholds']) => ({
  upperThreshold: shape?.upper ?? 0,
  lowerThreshold: shape?.lower ?? 0,
});

const toPersistence = ({ timeout, netmask, prefix, engine }: PersistenceShape): Persistence => ({
  // The schema lets only whole seconds through.
  timeout: seconds(timeout / 1000),
  ipv4Prefix: netmask ?? 32,
  ipv6Prefix: prefix ?? 128,
  engine,
});
