import { describe, expect, it } from 'vitest';
import type { Action } from '../../../src/vrrp/action.ts';
import type { Order } from '../../../src/vrrp/director/event.ts';
import { inStages } from '../../../src/vrrp/process/stages.ts';

const ADVERT: Action = { action: 'send-advert', priority: 100 };
const ROUTES: Action = { action: 'install-routes' };
const ANNOUNCE: Action = { action: 'announce', addresses: [] };
const REPORT: Action = { action: 'report', from: 'backup', to: 'active', reason: 'test' };
const TAKE_OVER = [ADVERT, ROUTES, ANNOUNCE, REPORT];

const of = (key: string, ...actions: readonly Action[]): Order[] =>
  actions.map((action): Order => ({ order: 'act', key, action }));

const text = (orders: readonly Order[]): string[] =>
  orders.map((order) => (order.order === 'act' ? `${order.key} ${order.action.action}` : order.order));

describe('orders of many members', () => {
  it('come stage by stage', () => {
    const orders = [...of('a', ...TAKE_OVER), ...of('b', ...TAKE_OVER)];
    expect(text(inStages(orders))).toEqual(
      ['send-advert', 'install-routes', 'announce', 'report'].flatMap((stage) => [
        `a ${stage}`,
        `b ${stage}`,
      ]),
    );
  });

  it("keep each member's own order, whatever it is", () => {
    const orders = [...of('a', REPORT, ANNOUNCE, ADVERT, ADVERT), ...of('b', ADVERT)];
    const staged = inStages(orders);
    expect(staged.filter((order) => 'key' in order && order.key === 'a')).toEqual(orders.slice(0, 4));
    expect(staged).toHaveLength(5);
  });

  it('of one member alone, and of whole units, are as they were', () => {
    const alone = of('a', REPORT, ...TAKE_OVER);
    expect(inStages(alone)).toBe(alone);
    const leases: Order[] = [
      { order: 'lease', unit: 'u', wanted: true },
      { order: 'lease', unit: 'u', wanted: false },
    ];
    expect(inStages([...leases, ...of('a', ADVERT)]).filter(({ order }) => order === 'lease')).toEqual(
      leases,
    );
  });
});
