/** From the file's shape, found right, to the configuration as the rest of the program sees it. */
import type { Config } from '../../model/config.ts';
import type { Environment } from '../environment.ts';
import type { ConfigShape } from '../schema/index.ts';
import { toArbiter, toFencing } from './guard.ts';
import { toIpvs } from './ipvs.ts';
import { toFixedNetwork } from './network.ts';
import { toMail } from './notify.ts';
import { toTrackers } from './tracking.ts';
import { toSyncGroup, toVirtualRouter } from './virtual-router.ts';
import { toVirtualServer } from './virtual-server.ts';

/** Throws for a shape that the rules refuse. */
export function toConfig(
  shape: ConfigShape,
  { hostName, readSecret }: Pick<Environment, 'hostName' | 'readSecret'>,
): Config {
  const surroundings = { startupDelay: shape.vrrp.startup_delay, readSecret };
  return {
    director: { name: shape.director.name ?? hostName },
    vrrp: { realtime: shape.vrrp.realtime },
    ipvs: toIpvs(shape.ipvs, shape.virtual_routers),
    virtualRouters: named(shape.virtual_routers, (name, router) =>
      toVirtualRouter(name, router, surroundings),
    ),
    syncGroups: named(shape.sync_groups, toSyncGroup),
    trackers: toTrackers(shape.track),
    arbiter: shape.arbiter && toArbiter(shape.arbiter, readSecret),
    fencing: shape.fencing && toFencing(shape.fencing),
    mail: shape.mail && toMail(shape.mail, readSecret),
    fixed: toFixedNetwork(shape.static),
    virtualServers: named(shape.services, toVirtualServer),
  };
}

const named = <Shape, Item>(
  entries: Readonly<Record<string, Shape>>,
  convert: (name: string, shape: Shape) => Item,
): readonly Item[] => Object.entries(entries).map(([name, shape]) => convert(name, shape));
