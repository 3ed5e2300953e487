import { describe, expect, it } from 'vitest';
import { targetOf } from '../../../src/balance/targets.ts';
import { pendingChanges } from '../../../src/manager/pending.ts';
import { milliseconds } from '../../../src/model/units.ts';
import { down, up, web } from '../balance/table.ts';

const [first, second] = web.realServers;
if (!first || !second) throw new Error('the example has two');
const heavier = { ...web, realServers: [{ ...first, weight: 9 }, second] };
const alone = { ...web, realServers: [second] };

describe('changes that wait', () => {
  it('are told of servers that are down', () => {
    expect(pendingChanges([web], [heavier], () => down)).toEqual([
      'weight 2 → 9 for real server 10.1.1.2:80 of tcp 10.1.1.254:80 when it is up',
    ]);
    expect(pendingChanges([web], [alone], () => down)).toEqual([
      'forget real server 10.1.1.2:80 of tcp 10.1.1.254:80, which is not up',
    ]);
    expect(pendingChanges([alone], [web], () => undefined)).toEqual([
      'check real server 10.1.1.2:80 of tcp 10.1.1.254:80: it takes traffic after its first good result',
    ]);
  });

  it('are not told twice: the table says what happens to servers that are up', () => {
    expect(pendingChanges([web], [heavier], () => up)).toEqual([]);
    if (web.check === undefined) throw new Error('the example has a check');
    const asked = { ...heavier, check: { ...web.check, interval: milliseconds(9000) } };
    const known = new Set(web.realServers.map((real) => targetOf(web, real)?.id));
    expect(pendingChanges([web], [asked], (target) => (known.has(target) ? up : undefined))).toEqual([]);
    expect(pendingChanges([web], [asked], (target) => (known.has(target) ? down : undefined))).toEqual([
      'weight 2 → 9 for real server 10.1.1.2:80 of tcp 10.1.1.254:80 when it is up',
    ]);
    expect(pendingChanges([web], [web], () => down)).toEqual([]);
  });
});
