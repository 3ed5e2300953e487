import { describe, expect, it } from 'vitest';
import { planRouters } from '../../../src/manager/router-plan.ts';
import type { VirtualRouter } from '../../../src/model/config.ts';
import type { RouterStatus } from '../../../src/model/router-status.ts';
import { centiseconds } from '../../../src/model/units.ts';
import { ip } from '../balance/table.ts';

const web: VirtualRouter = {
  name: 'web',
  interface: 'eth0',
  vrid: 51,
  priority: 150,
  advertInterval: centiseconds(100),
  preempt: true,
  addresses: [{ address: ip('10.1.1.254'), length: 24 }],
};
const two = { ...web, addresses: [...web.addresses, { address: ip('10.1.1.253'), length: 24 }] };
const status = (state: RouterStatus['state']): RouterStatus => ({
  name: 'web',
  interface: 'eth0',
  vrid: 51,
  priority: 150,
  state,
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

describe('the plan of the virtual routers', () => {
  it('is empty when nothing changed', () => {
    expect(planRouters([web], [{ ...web }], [status('active')])).toEqual({
      virtualRouters: [],
      addresses: [],
    });
  });

  it('adds an address on an active director, and says that its state is kept', () => {
    const plan = planRouters([web], [two], [status('active')]);
    expect(plan.addresses).toEqual(['add 10.1.1.253/24 to eth0']);
    expect(plan.virtualRouters[0]).toMatch(/change virtual router web: addresses .*, state MASTER is kept/);
  });

  it('changes no address on a backup', () => {
    expect(planRouters([web], [two], [status('backup')]).addresses).toEqual([]);
  });

  it('takes the addresses of a removed one away', () => {
    const plan = planRouters([web], [], [status('active')]);
    expect(plan.virtualRouters).toEqual(['remove virtual router web, handing over its addresses']);
    expect(plan.addresses).toEqual(['remove 10.1.1.254/24 from eth0']);
  });

  it('lets one start anew whose VRID changed', () => {
    const plan = planRouters([web], [{ ...web, vrid: 52 }], [status('active')]);
    expect(plan.virtualRouters).toEqual(['change virtual router web: VRID 51 → 52, starts anew']);
    expect(plan.addresses).toEqual(['remove 10.1.1.254/24 from eth0']);
  });

  it('adds one', () => {
    expect(planRouters([], [web], []).virtualRouters).toEqual(['add virtual router web (eth0, VRID 51)']);
  });
});
