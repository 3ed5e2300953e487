/** A virtual router of the manager's tests, as it is configured and as the vrrp process tells of it. */
import type { VirtualRouter } from '../../../src/model/config.ts';
import type { RouterState, RouterStatus } from '../../../src/model/router-status.ts';
import { centiseconds } from '../../../src/model/units.ts';
import { ip } from '../balance/table.ts';

export const virtualRouter: VirtualRouter = {
  name: 'web',
  interface: 'eth0',
  vrid: 51,
  priority: 150,
  advertInterval: centiseconds(100),
  preempt: true,
  addresses: [{ address: ip('10.1.1.254'), length: 24 }],
};

export const routerStatus = (state: RouterState): RouterStatus => ({
  name: 'web',
  interface: 'eth0',
  vrid: 51,
  priority: 150,
  state,
  started: true,
  releasing: false,
  since: 0,
  reason: '',
  activeRouter: undefined,
  addresses: [],
  counters: {
    advertsSent: 0,
    advertsReceived: 0,
    becameActive: 0,
    rejected: {},
    addressesRestored: 0,
    sendErrors: 0,
  },
});
