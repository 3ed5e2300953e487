/** Which virtual routers live and fail together. */
import { describe, expect, it } from 'vitest';
import { planUnits } from '../../../../src/vrrp/director/plan.ts';
import { prefix } from '../support.ts';
import { GROUPED, NO_NOTIFY, networkOf, routerOf } from './support.ts';

const use = (name: string) => ({ kind: 'script', name, weight: undefined, inverse: false }) as const;

describe('a plan', () => {
  it('has a unit for each virtual router, with an instance for each family', () => {
    const both = routerOf(1, { addresses: [prefix('2001:db8::1', 64), prefix('10.1.1.254')] });
    expect(planUnits(networkOf({ routers: [both, routerOf(2)] }))).toMatchObject([
      { plan: { name: 'router/vip1', group: undefined }, keys: ['eth0 51 ipv4', 'eth0 51 ipv6'] },
      { plan: { name: 'router/vip2', base: 100 }, keys: ['eth1 52 ipv4'] },
    ]);
  });

  it('has one for a group, of the least priority, with what all of them track', () => {
    const routers = [routerOf(2, { priority: 90, track: [use('b')] }), routerOf(1, { track: [use('a')] })];
    const groups = [{ name: 'g', members: ['vip1', 'vip2'], track: [use('g')], notify: NO_NOTIFY }];
    const [unit, ...others] = planUnits(networkOf({ routers, groups }));
    expect(others).toEqual([]);
    expect(unit?.plan).toMatchObject({ name: 'group/g', group: 'g', base: 90 });
    expect(unit?.plan.uses.map(({ name }) => name)).toEqual(['g', 'b', 'a']);
  });

  it('orders members by VRID, whatever their order in the file', () => {
    const [unit] = planUnits({ ...GROUPED, routers: GROUPED.routers.toReversed() });
    expect(unit?.keys).toEqual(['eth0 51 ipv4', 'eth1 52 ipv4']);
  });

  it('has none for a group without members', () => {
    const groups = [{ name: 'g', members: ['gone'], track: [], notify: NO_NOTIFY }];
    expect(planUnits(networkOf({ groups })).map(({ plan }) => plan.name)).toEqual(['router/vip1']);
  });
});
