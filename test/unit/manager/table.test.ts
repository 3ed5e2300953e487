import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { targetOf } from '../../../src/balance/targets.ts';
import { OwnedVirtualServers } from '../../../src/manager/owned.ts';
import { TableKeeper } from '../../../src/manager/table.ts';
import type { Health } from '../../../src/model/check.ts';
import { type TableKey, tableKeyText } from '../../../src/model/ipvs-table.ts';
import { instant } from '../../../src/model/units.ts';
import { FakeIpvs, type FakeIpvsOptions } from '../../support/fake-ipvs.ts';
import { entryAt } from '../../support/virtual-server.ts';
import { down, factsOf, ip, up, web } from '../balance/table.ts';

const KEY: TableKey = { kind: 'address', protocol: 'tcp', address: ip('10.1.1.254'), port: 80 };
const FOREIGN: TableKey = { ...KEY, port: 9999 };
const PLAIN = { scheduler: 'rr', flags: 0, timeout: 0, granularity: 32, engine: '' };
const [first, second] = web.realServers;
if (!first || !second) throw new Error('the example has two');

const state = mkdtempSync(join(tmpdir(), 'vipward-table-'));
afterAll(() => rmSync(state, { recursive: true }));

let count = 0;
const keepers: TableKeeper[] = [];
afterEach(() => {
  for (const keeper of keepers.splice(0)) keeper.close();
});

function start(options: FakeIpvsOptions = {}) {
  const kernel = new FakeIpvs(options);
  const log: string[] = [];
  const health = new Map<string, Health>();
  const keeper = new TableKeeper({
    log: (level, message) => log.push(`${level}: ${message}`),
    clock: () => instant(performance.now()),
    owned: new OwnedVirtualServers(join(state, String(count++)), () => undefined),
    facts: factsOf((id) => health.get(id) ?? up),
    open: () => kernel,
  });
  keepers.push(keeper);
  const servers = () =>
    kernel
      .dump()
      .flatMap(({ key, realServers }) =>
        realServers.map(({ address, weight }) => `${tableKeyText(key)} ${address} ${weight}`),
      )
      .sort();
  return { kernel, log, health, keeper, servers };
}

const config = (virtualServers = [web], exclusive = false) => ({
  virtualServers,
  ipvs: { exclusive, sync: undefined },
});
const inPlace = ['tcp 10.1.1.254:80 10.1.1.2 2', 'tcp 10.1.1.254:80 10.1.1.3 1'];

describe('drift', () => {
  it('is found, told in words, mended and counted', () => {
    const { kernel, log, keeper, servers } = start();
    keeper.configure(config());
    const [entry] = kernel.dump();
    const was = entry?.realServers.find(({ address }) => address === first.address);
    if (was === undefined) throw new Error('the table was not made');
    kernel.apply([{ op: 'edit-real-server', key: KEY, realServer: { ...was, weight: 7 }, was }]);
    keeper.reconcile();
    expect(servers()).toEqual(inPlace);
    expect(keeper.status).toMatchObject({
      repairs: 1,
      lastRepair: { found: ['altered: real server 10.1.1.2:80 of tcp 10.1.1.254:80: weight 2 → 7'] },
    });
    expect(log).toContain('warn: the IPVS table was changed by somebody else: repairing it');
  });

  it('is found also while the kernel refuses something else', () => {
    const { kernel, keeper, servers } = start({ schedulers: ['wrr'] });
    const refused = {
      ...web,
      name: 'other',
      entries: [entryAt('10.1.1.254', 81)] as const,
      scheduler: 'twos' as const,
    };
    keeper.configure(config([web, refused]));
    expect(keeper.status.refused).toHaveLength(1);
    kernel.apply([{ op: 'remove-virtual-server', key: KEY }]);
    keeper.reconcile();
    expect(servers()).toEqual(inPlace);
    expect(keeper.status).toMatchObject({
      repairs: 1,
      lastRepair: {
        found: [
          'missing: virtual server tcp 10.1.1.254:80 (wrr)',
          'missing: real server 10.1.1.3:80 of tcp 10.1.1.254:80 (dr, weight 1)',
          'missing: real server 10.1.1.2:80 of tcp 10.1.1.254:80 (dr, weight 2)',
        ],
      },
    });
  });

  it('is not what a change of the configuration or of the health makes of the table', () => {
    const { kernel, health, keeper } = start();
    kernel.apply([{ op: 'add-virtual-server', key: FOREIGN, settings: PLAIN }]);
    keeper.configure(config());
    expect(keeper.status.foreign).toEqual(['tcp 10.1.1.254:9999']);
    const target = targetOf(web, first);
    if (target === undefined) throw new Error('the example has a check');
    health.set(target.id, down);
    keeper.reconcile();
    keeper.configure(config([{ ...web, scheduler: 'lc' }]));
    expect(keeper.configure(config([web], true))).toContain('remove virtual server tcp 10.1.1.254:9999');
    expect(keeper.status).toMatchObject({ repairs: 0, foreign: [] });
  });
});

describe('what the kernel refuses', () => {
  it('is told once, by its cause, and everything else goes on', () => {
    const { log, keeper, servers } = start({ schedulers: ['wrr'] });
    const refused = {
      ...web,
      name: 'other',
      entries: [entryAt('10.1.1.254', 81)] as const,
      scheduler: 'twos' as const,
    };
    keeper.configure(config([refused, web]));
    keeper.reconcile();
    expect(servers()).toEqual(inPlace);
    expect(log.filter((line) => line.startsWith('error'))).toEqual([
      expect.stringMatching(
        /^error: cannot add virtual server tcp 10\.1\.1\.254:81 \(twos\): .*modprobe ip_vs_twos/,
      ),
    ]);
    expect(keeper.status.refused).toHaveLength(1);
  });
});
