/** Virtual routers, and all that the vrrp process runs, with every field filled in as the file's defaults would. */
import type { IpAddress } from '../../src/model/address.ts';
import type { VrrpNetwork } from '../../src/model/messages.ts';
import type { RouterState, RouterStatus } from '../../src/model/router-status.ts';
import { centiseconds, milliseconds } from '../../src/model/units.ts';
import type { AnnouncePolicy, HeartbeatPath, VirtualRouter } from '../../src/model/virtual-router.ts';

export const UDP_PORT = 61112;

/** As keepalived announces, without the second series. */
export const announce: AnnouncePolicy = {
  count: 5,
  spacing: milliseconds(100),
  delay: milliseconds(0),
  delayedCount: 0,
  refresh: milliseconds(0),
  addressSpacing: milliseconds(0),
};

/** One way of adverts, by multicast unless it says otherwise. */
export const path = (overrides: Partial<HeartbeatPath> = {}): HeartbeatPath => ({
  interface: 'eth0',
  transport: 'vrrp',
  peers: [],
  source: [],
  port: UDP_PORT,
  ...overrides,
});

export const address = (text: string, length = 24) => ({ address: text as IpAddress, length });

/** `web`: VRID 51 on eth0 with 10.1.1.254/24. Its adverts go by the interface unless `heartbeat` says otherwise. */
export function virtualRouter(overrides: Partial<VirtualRouter> = {}): VirtualRouter {
  return {
    name: 'web',
    interface: 'eth0',
    vrid: 51,
    version: 3,
    priority: 150,
    advertInterval: centiseconds(100),
    downAdverts: 3,
    preempt: true,
    preemptDelay: milliseconds(0),
    startupDelay: milliseconds(0),
    checksum: 'legacy',
    authentication: undefined,
    heartbeat: [path({ interface: overrides.interface ?? 'eth0' })],
    addresses: [address('10.1.1.254')],
    routes: [],
    rules: [],
    vmac: undefined,
    accept: true,
    announce,
    track: [],
    probe: 'beside',
    notify: {
      all: undefined,
      active: undefined,
      backup: undefined,
      fault: undefined,
      stop: undefined,
      mail: false,
    },
    ...overrides,
  };
}

/** Nothing at all but what `overrides` has. */
export const vrrpNetwork = (overrides: Partial<VrrpNetwork> = {}): VrrpNetwork => ({
  routers: [],
  groups: [],
  gateways: [],
  fixed: { addresses: [], routes: [], rules: [] },
  arbiter: undefined,
  fencing: undefined,
  ...overrides,
});

export const counters: RouterStatus['counters'] = {
  advertsSent: 0,
  advertsReceived: 0,
  becameActive: 0,
  rejected: {},
  addressesRestored: 0,
  sendErrors: 0,
  rivals: 0,
  conflicts: 0,
};

/** `web` as the vrrp process tells of it. */
export const routerStatus = (state: RouterState, overrides: Partial<RouterStatus> = {}): RouterStatus => ({
  name: 'web',
  version: 3,
  interface: 'eth0',
  vrid: 51,
  basePriority: 150,
  priority: 150,
  group: undefined,
  state,
  started: true,
  waiting: false,
  releasing: false,
  since: 0,
  reason: '',
  explanation: '',
  standby: false,
  activeRouter: undefined,
  addresses: [],
  paths: [],
  tracked: [],
  rival: undefined,
  counters,
  ...overrides,
});
