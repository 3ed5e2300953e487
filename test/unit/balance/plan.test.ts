import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planTable } from '../../../src/balance/plan.ts';
import { operationText } from '../../../src/balance/words.ts';
import { type ActualTable, type DesiredTable, tableKeyText } from '../../../src/model/ipvs-table.ts';
import { instant } from '../../../src/model/units.ts';
import { entryAt, realServerAt } from '../../support/virtual-server.ts';
import { actualOf, applied, desiredBy, down, ip, up, web } from './table.ts';

const OURS = { owned: new Set<string>(), exclusive: true };
const wanted = (health: typeof up, overrides: Partial<typeof web> = {}): DesiredTable =>
  desiredBy([{ ...web, ...overrides }], () => health, [], new Map(), instant(0)).table;
const lines = (desired: DesiredTable, actual: ActualTable, ownership = OURS) =>
  planTable(desired, actual, ownership).operations.map(operationText);

describe('the plan', () => {
  it('builds an empty table from nothing', () => {
    expect(lines(wanted(up), [])).toEqual([
      'add virtual server tcp 10.1.1.254:80 (wrr)',
      'add real server 10.1.1.2:80 to tcp 10.1.1.254:80 (dr, weight 2)',
      'add real server 10.1.1.3:80 to tcp 10.1.1.254:80 (dr, weight 1)',
    ]);
  });

  it('leaves alone what fits, also where the kernel adds notes of its own', () => {
    expect(lines(wanted(up), actualOf(wanted(up)))).toEqual([]);
    const noted = actualOf(wanted(up)).map((entry) => ({
      ...entry,
      settings: { ...entry.settings, flags: 2, granularity: 0 },
    }));
    expect(lines(wanted(up), noted)).toEqual([]);
  });

  it('corrects a forwarding method, which the kernel keeps as it was given', () => {
    const local = actualOf(wanted(down)).map((entry) => ({
      ...entry,
      realServers: entry.realServers.map((server) => ({ ...server, forwarding: 'local' as const })),
    }));
    expect(lines(wanted(down), local)).toEqual([
      'change real server 127.0.0.1:80 of tcp 10.1.1.254:80: forwarding local → dr',
    ]);
  });

  it('adds the sorry server before the last real server goes', () => {
    expect(lines(wanted(down), actualOf(wanted(up)))).toEqual([
      'add real server 127.0.0.1:80 to tcp 10.1.1.254:80 (dr, weight 1)',
      'remove real server 10.1.1.2:80 from tcp 10.1.1.254:80',
      'remove real server 10.1.1.3:80 from tcp 10.1.1.254:80',
    ]);
  });

  it('leaves the real servers that serve until others are checked where they are, behind mh too', () => {
    const at = (addresses: readonly string[]) => ({
      ...web,
      scheduler: 'mh' as const,
      onFailure: 'drain' as const,
      realServers: addresses.map((address) => realServerAt(address)),
    });
    const old = [at(['10.1.1.2', '10.1.1.3', '10.1.1.4'])];
    const next = [at(['10.1.1.1', '10.1.1.5', '10.1.1.6'])];
    // As the kernel lists them.
    const newestFirst = (table: ActualTable): ActualTable =>
      table.map((entry) => ({ ...entry, realServers: entry.realServers.toReversed() }));
    const desired = (actual: ActualTable) =>
      desiredBy(next, () => undefined, actual, new Map(), instant(0)).table;
    const before = newestFirst(actualOf(desiredBy(old, () => up, [], new Map(), instant(0)).table));
    expect(lines(desired(before), before)).toEqual(
      next.flatMap(({ realServers }) =>
        realServers.flatMap(({ address }) => [
          `add real server ${address}:80 to tcp 10.1.1.254:80 (dr, weight 1)`,
          `change real server ${address}:80 of tcp 10.1.1.254:80: weight 1 → 0`,
        ]),
      ),
    );
    const inBetween = newestFirst(actualOf(desired(before)));
    expect(lines(desired(inBetween), inBetween)).toEqual([]);
  });

  it('changes a weight and a scheduler in place', () => {
    const [first, second] = web.realServers;
    if (!first || !second) throw new Error('the example has two');
    const next = wanted(up, { scheduler: 'wlc', realServers: [{ ...first, weight: 5 }, second] });
    expect(lines(next, actualOf(wanted(up)))).toEqual([
      'change virtual server tcp 10.1.1.254:80: scheduler wrr → wlc',
      'change real server 10.1.1.2:80 of tcp 10.1.1.254:80: weight 2 → 5',
    ]);
  });

  it('removes what was ours and leaves what never was', () => {
    const other = actualOf(wanted(up, { entries: [entryAt('10.1.1.9')] }));
    const foreign = planTable([], other, { owned: new Set(), exclusive: false });
    expect(foreign).toEqual({ operations: [], foreign: ['tcp 10.1.1.9:80'] });
    expect(lines([], other, { owned: new Set(['tcp 10.1.1.9:80']), exclusive: false })).toEqual([
      'remove virtual server tcp 10.1.1.9:80',
    ]);
    expect(lines([], other)).toEqual(['remove virtual server tcp 10.1.1.9:80']);
  });

  const anyTable = fc
    .array(
      fc.record({
        port: fc.integer({ min: 1, max: 3 }),
        scheduler: fc.constantFrom('rr', 'wrr'),
        servers: fc.uniqueArray(
          fc.record({ host: fc.integer({ min: 1, max: 5 }), weight: fc.integer({ min: 0, max: 2 }) }),
          {
            selector: (server) => server.host,
          },
        ),
      }),
      { maxLength: 3 },
    )
    .map((entries): DesiredTable => {
      const byPort = new Map(entries.map((entry) => [entry.port, entry]));
      return [...byPort.values()].map(({ port, scheduler, servers }) => ({
        key: { kind: 'address', protocol: 'tcp', address: ip('10.1.1.254'), port },
        settings: { scheduler, flags: 0, timeout: 0, granularity: 32, engine: '' },
        realServers: servers.map(({ host, weight }) => ({
          address: ip(`10.1.1.${host}`),
          port,
          forwarding: 'dr',
          weight,
          upperThreshold: 0,
          lowerThreshold: 0,
        })),
      }));
    });

  it('always reaches the desired table, and then has nothing left to do', () => {
    fc.assert(
      fc.property(anyTable, anyTable, (desired, present) => {
        const { operations } = planTable(desired, actualOf(present), OURS);
        const reached = applied(actualOf(present), operations);
        expect(planTable(desired, reached, OURS).operations).toEqual([]);
      }),
    );
  });

  it('never empties a virtual server that can serve before and after', () => {
    const canServe = (table: ActualTable, key: string) =>
      table.some((entry) => tableKeyText(entry.key) === key && entry.realServers.some((s) => s.weight > 0));
    fc.assert(
      fc.property(anyTable, anyTable, (desired, present) => {
        let table = actualOf(present);
        const { operations } = planTable(desired, table, OURS);
        const end = applied(table, operations);
        const served = desired
          .map((entry) => tableKeyText(entry.key))
          .filter((key) => canServe(table, key) && canServe(end, key));
        for (const operation of operations) {
          table = applied(table, [operation]);
          for (const key of served) expect(canServe(table, key), operationText(operation)).toBe(true);
        }
      }),
    );
  });
});
