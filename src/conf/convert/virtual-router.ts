/** Virtual routers and sync groups. */

import { type Milliseconds, milliseconds, millisecondsToCentiseconds } from '../../model/units.ts';
import type { SyncGroup, VirtualRouter } from '../../model/virtual-router.ts';
import type { ReadSecret } from '../environment.ts';
import type { SyncGroupShape, VirtualRouterShape } from '../schema/index.ts';
import { toRoute, toRule, toVirtualAddress } from './network.ts';
import { toNotifyTargets } from './notify.ts';
import { toTrackUses } from './tracking.ts';
import { toAuthentication, toHeartbeat } from './transport.ts';

export interface Surroundings {
  /** Of virtual routers that do not say so themselves. */
  readonly startupDelay: Milliseconds;
  readonly readSecret: ReadSecret;
}

export function toVirtualRouter(
  name: string,
  shape: VirtualRouterShape,
  { startupDelay, readSecret }: Surroundings,
): VirtualRouter {
  return {
    name,
    interface: shape.interface,
    vrid: shape.vrid,
    version: shape.version,
    priority: shape.priority,
    ...timing(shape, startupDelay),
    checksum: shape.checksum,
    authentication: shape.authentication && toAuthentication(shape.authentication, readSecret),
    heartbeat: toHeartbeat(shape),
    addresses: shape.addresses.map(toVirtualAddress),
    routes: shape.routes.map(toRoute),
    rules: shape.rules.map(toRule),
    vmac: toVmac(shape),
    accept: shape.accept,
    announce: toAnnouncePolicy(shape.announce),
    track: toTrackUses(shape.track),
    probe: shape.probe,
    notify: toNotifyTargets(shape.notify),
  };
}

function timing(shape: VirtualRouterShape, startupDelay: Milliseconds) {
  const { preempt } = shape;
  return {
    advertInterval: millisecondsToCentiseconds(shape.advert_interval),
    downAdverts: shape.down_adverts,
    preempt: preempt !== false,
    preemptDelay: typeof preempt === 'object' ? preempt.delay : milliseconds(0),
    startupDelay: shape.startup_delay ?? startupDelay,
  };
}

function toVmac({ vmac, vrid }: Pick<VirtualRouterShape, 'vmac' | 'vrid'>): VirtualRouter['vmac'] {
  if (vmac === false) return undefined;
  return { device: vmac === true ? usualVmacDevice(vrid) : (vmac.device ?? usualVmacDevice(vrid)) };
}

/** As keepalived names it. */
export const usualVmacDevice = (vrid: number): string => `vrrp.${vrid}`;

const toAnnouncePolicy = (shape: VirtualRouterShape['announce']): VirtualRouter['announce'] => ({
  count: shape.count,
  spacing: shape.spacing,
  delay: shape.delay,
  delayedCount: shape.delayed_count,
  refresh: shape.refresh,
  addressSpacing: shape.address_spacing,
});

export const toSyncGroup = (name: string, { members, track, notify }: SyncGroupShape): SyncGroup => ({
  name,
  members,
  track: toTrackUses(track),
  notify: toNotifyTargets(notify),
});
