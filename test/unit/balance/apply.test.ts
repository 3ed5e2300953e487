/** The order in which a plan is made, what is worked out instead of read, mh's order, and the digest. */
import { describe, expect, it } from 'vitest';
import { afterOperations, heldBack, stagesOf } from '../../../src/balance/apply.ts';
import { desiredTable } from '../../../src/balance/desired.ts';
import { digestOf } from '../../../src/balance/digest.ts';
import { findDrift } from '../../../src/balance/drift.ts';
import { planTable } from '../../../src/balance/plan.ts';
import { operationText } from '../../../src/balance/words.ts';
import type { ConfiguredVirtualServer } from '../../../src/model/config.ts';
import { type ActualTable, realServerKey, type TableOperation } from '../../../src/model/ipvs-table.ts';
import { instant } from '../../../src/model/units.ts';
import { FakeIpvs } from '../../support/fake-ipvs.ts';
import { entryAt, realServerAt } from '../../support/virtual-server.ts';
import { down, factsOf, up, web } from './table.ts';

const OURS = { owned: new Set<string>(), exclusive: true };
const wanted = (of: ConfiguredVirtualServer, isUp: (address: string) => boolean = () => true) =>
  desiredTable(
    [of],
    factsOf((id) => (isUp(id.split(':')[0] ?? '') ? up : down)),
    [],
    new Map(),
    instant(0),
  ).table;
const plan = (of: ConfiguredVirtualServer, actual: ActualTable, isUp?: (address: string) => boolean) =>
  planTable(wanted(of, isUp), actual, OURS).operations;

/** What a kernel holds after the plans for these definitions, one after the other. */
function kernelAfter(...definitions: readonly ConfiguredVirtualServer[]): ActualTable {
  const kernel = new FakeIpvs();
  for (const definition of definitions) {
    for (const { error } of kernel.apply(plan(definition, kernel.dump()))) expect(error).toBeUndefined();
  }
  return kernel.dump();
}

describe('a plan', () => {
  const actual = kernelAfter(web);
  const moved = { ...web, entries: [entryAt('10.1.1.254', 8080)] as const };
  const swapped = { ...web, realServers: [realServerAt('10.1.1.4'), realServerAt('10.1.1.5')] };
  const words = (operations: readonly TableOperation[]) =>
    operations.map(({ op, ...rest }) =>
      'realServer' in rest ? `${op} ${realServerKey(rest.realServer)}` : op,
    );

  it.each([
    [
      'another port',
      moved,
      ['add-virtual-server', 'add-real-server 10.1.1.2:80', 'add-real-server 10.1.1.3:80'],
      ['remove-virtual-server'],
    ],
    [
      'all real servers exchanged',
      swapped,
      ['add-real-server 10.1.1.4:80', 'add-real-server 10.1.1.5:80'],
      ['remove-real-server 10.1.1.3:80', 'remove-real-server 10.1.1.2:80'],
    ],
    ['another scheduler', { ...web, scheduler: 'wlc' as const }, ['edit-virtual-server'], []],
    ['one-packet scheduling', { ...web, onePacket: true }, ['edit-virtual-server'], []],
    [
      'thresholds',
      {
        ...web,
        realServers: web.realServers.map((server) => ({ ...server, upperThreshold: 9, lowerThreshold: 5 })),
      },
      ['edit-real-server 10.1.1.2:80', 'edit-real-server 10.1.1.3:80'],
      [],
    ],
    [
      'another forwarding method',
      { ...web, realServers: web.realServers.map((server) => ({ ...server, forwarding: 'nat' as const })) },
      ['edit-real-server 10.1.1.2:80', 'edit-real-server 10.1.1.3:80'],
      [],
    ],
  ])('for %s first adds and alters, then removes', (_, next, first, second) => {
    const stages = stagesOf(plan(next, actual));
    expect(words(stages.first)).toEqual(first);
    expect(words(stages.second)).toEqual(second);
    const kernel = new FakeIpvs();
    kernel.apply(plan(web, []));
    kernel.apply([...stages.first, ...stages.second]);
    expect(afterOperations(actual, [...stages.first, ...stages.second])).toEqual(kernel.dump());
    expect(plan(next, kernel.dump())).toEqual([]);
  });

  it('holds back what would leave nobody, where what replaces it was refused', () => {
    const { first, second } = stagesOf(plan(swapped, actual));
    expect([...heldBack(second, first, actual)]).toEqual(second);
    const half = afterOperations(actual, first.slice(1));
    expect([...heldBack(second, first.slice(0, 1), half)]).toEqual([]);
  });

  it('holds back nothing of other virtual servers', () => {
    const other = { ...web, name: 'other', entries: [entryAt('10.1.1.9')] as const };
    const [refused] = plan(other, []).filter(({ op }) => op === 'add-real-server');
    if (refused === undefined) throw new Error('the plan adds real servers');
    const { second } = stagesOf(plan(swapped, actual));
    expect([...heldBack(second, [refused], actual)]).toEqual([]);
  });
});

describe('behind mh', () => {
  const hashed: ConfiguredVirtualServer = {
    ...web,
    scheduler: 'mh',
    schedulerFlags: ['mh-fallback'],
    onFailure: 'drain',
    sorryServers: [],
    realServers: ['10.1.1.3', '10.1.1.5'].map((address) => realServerAt(address, { weight: 2 })),
  };
  const more = { ...hashed, realServers: [...hashed.realServers, realServerAt('10.1.1.4', { weight: 2 })] };
  const order = (table: ActualTable) => table[0]?.realServers.map(realServerKey);

  it('one that comes between others has those after it added anew, and only those', () => {
    expect(plan(more, kernelAfter(hashed)).map(operationText)).toEqual([
      'add real server 10.1.1.4:80 to tcp 10.1.1.254:80 (dr, weight 2)',
      'remove real server 10.1.1.5:80 from tcp 10.1.1.254:80',
      'add real server 10.1.1.5:80 to tcp 10.1.1.254:80 (dr, weight 2)',
    ]);
    const grown = kernelAfter(hashed, more);
    expect(order(grown)).toEqual(['10.1.1.5:80', '10.1.1.4:80', '10.1.1.3:80']);
    expect(digestOf(grown)).toBe(digestOf(kernelAfter(more)));
    expect(plan(more, grown)).toEqual([]);
  });

  it('one that is down from the start gets the place of its full weight', () => {
    const isUp = (address: string) => address !== '10.1.1.5';
    expect(plan(hashed, [], isUp).map(operationText)).toEqual([
      'add virtual server tcp 10.1.1.254:80 (mh)',
      'add real server 10.1.1.3:80 to tcp 10.1.1.254:80 (dr, weight 2)',
      'add real server 10.1.1.5:80 to tcp 10.1.1.254:80 (dr, weight 2)',
      'change real server 10.1.1.5:80 of tcp 10.1.1.254:80: weight 2 → 0',
    ]);
  });

  it('a table that nobody has touched has not drifted', () => {
    expect(findDrift(kernelAfter(more), kernelAfter(more), OURS)).toEqual([]);
    // A foreign hand took one out and put it in again.
    const grown = kernelAfter(more).map((entry) => ({
      ...entry,
      realServers: entry.realServers.toReversed(),
    }));
    expect(findDrift(kernelAfter(more), grown, OURS)).not.toEqual([]);
  });

  it('one that fails is only given weight 0', () => {
    const isUp = (address: string) => address !== '10.1.1.3';
    expect(plan(hashed, kernelAfter(hashed), isUp).map(operationText)).toEqual([
      'change real server 10.1.1.3:80 of tcp 10.1.1.254:80: weight 2 → 0',
    ]);
  });
});

describe('the digest', () => {
  const table = kernelAfter(web);
  const reversed = table.map((entry) => ({ ...entry, realServers: [...entry.realServers].reverse() }));

  it('minds the order only where the scheduler does', () => {
    expect(digestOf(reversed)).toBe(digestOf(table));
    const hashed = (of: ActualTable) =>
      of.map((entry) => ({ ...entry, settings: { ...entry.settings, scheduler: 'mh' } }));
    expect(digestOf(hashed(reversed))).not.toBe(digestOf(hashed(table)));
  });

  it('minds everything that balances, and no connections', () => {
    const busy = table.map((entry) => ({
      ...entry,
      settings: { ...entry.settings, flags: 2, granularity: 0 },
      realServers: entry.realServers.map((server) => ({
        ...server,
        connections: { active: 7, inactive: 1, persistent: 0 },
      })),
    }));
    expect(digestOf(busy)).toBe(digestOf(table));
    expect(digestOf(kernelAfter({ ...web, scheduler: 'lc' }))).not.toBe(digestOf(table));
    const [first, ...rest] = web.realServers;
    if (first === undefined) throw new Error('the example has real servers');
    const heavier = { ...web, realServers: [{ ...first, weight: 9 }, ...rest] };
    expect(digestOf(kernelAfter(heavier))).not.toBe(digestOf(table));
  });
});
