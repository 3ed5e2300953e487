import { describe, expect, it } from 'vitest';
import { planRouters } from '../../../src/manager/router-plan.ts';
import { ip } from '../balance/table.ts';
import { routerStatus, virtualRouter } from './routers.ts';

const web = virtualRouter;
const two = { ...web, addresses: [...web.addresses, { address: ip('10.1.1.253'), length: 24 }] };
const status = routerStatus;

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
    expect(plan.virtualRouters).toEqual([
      'remove virtual router web (eth0, VRID 51), handing over its addresses',
    ]);
    expect(plan.addresses).toEqual(['remove 10.1.1.254/24 from eth0']);
  });

  it('keeps one that is only named differently, also where two swap their names', () => {
    const www = { ...web, name: 'www' };
    const renamed = planRouters([web], [www], [status('active')]);
    expect(renamed.virtualRouters).toEqual([
      'change virtual router web: name web → www, state MASTER is kept',
    ]);
    expect(renamed.addresses).toEqual([]);
    const other = { ...web, name: 'other', vrid: 52 };
    const swapped = planRouters(
      [web, other],
      [
        { ...web, name: 'other' },
        { ...other, name: 'web' },
      ],
      [],
    );
    expect(swapped.virtualRouters).toHaveLength(2);
    expect(swapped.virtualRouters.join()).not.toMatch(/remove|add/);
  });

  it('lets one start anew whose VRID changed', () => {
    const plan = planRouters([web], [{ ...web, vrid: 52 }], [status('active')]);
    expect(plan.virtualRouters).toEqual([
      'remove virtual router web (eth0, VRID 51), handing over its addresses',
      'add virtual router web (eth0, VRID 52)',
    ]);
    expect(plan.addresses).toEqual(['remove 10.1.1.254/24 from eth0']);
  });

  it('adds one', () => {
    expect(planRouters([], [web], []).virtualRouters).toEqual(['add virtual router web (eth0, VRID 51)']);
  });
});
