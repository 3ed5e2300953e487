/** The kernel's table as a whole, and its connection synchronisation. */
import type { Config } from '../../model/config.ts';
import type { ConnectionSync } from '../../model/sync.ts';
import { type Milliseconds, type Seconds, seconds } from '../../model/units.ts';
import type { ConnectionSyncShape, IpvsShape, VirtualRouterShape } from '../schema/index.ts';
import { defined } from './defined.ts';

type Routers = Readonly<Record<string, VirtualRouterShape>>;

export const toIpvs = (shape: IpvsShape, routers: Routers): Config['ipvs'] => ({
  exclusive: shape.exclusive,
  sync: shape.sync && toConnectionSync(shape.sync, routers),
  timeouts: {
    tcp: toSeconds(shape.timeouts.tcp),
    tcpFin: toSeconds(shape.timeouts.tcp_fin),
    udp: toSeconds(shape.timeouts.udp),
  },
  sysctl: defined(shape.sysctl),
  prepare: shape.prepare,
});

/** The schema lets only whole seconds through. */
const toSeconds = (value: Milliseconds | undefined): Seconds | undefined =>
  value === undefined ? undefined : seconds(value / 1000);

/** Without an id it is the VRID of the virtual router that is followed: a number that the network has once already. */
function toConnectionSync(shape: ConnectionSyncShape, routers: Routers): ConnectionSync {
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
