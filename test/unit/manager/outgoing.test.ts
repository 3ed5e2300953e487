/** Entries of the table whose clients others get by a new configuration. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { OwnedVirtualServers } from '../../../src/manager/owned.ts';
import { TableKeeper } from '../../../src/manager/table.ts';
import { type TableKey, tableKeyText } from '../../../src/model/ipvs-table.ts';
import { instant } from '../../../src/model/units.ts';
import { FakeIpvs } from '../../support/fake-ipvs.ts';
import { factsOf, ip, up, web } from '../balance/table.ts';

const KEY: TableKey = { kind: 'address', protocol: 'tcp', address: ip('10.1.1.254'), port: 80 };
const MARK: TableKey = { kind: 'mark', mark: 7, family: 'ipv4' };
const successor = { ...web, name: 'shop', entries: [MARK] as const };
const configured = (virtualServer: typeof web) => ({
  virtualServers: [virtualServer],
  ipvs: { exclusive: false, sync: undefined },
});

let state: string;
let now: number;
let kernel: FakeIpvs;
let keeper: TableKeeper;

beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'vipward-outgoing-'));
  now = 0;
  kernel = new FakeIpvs();
  keeper = new TableKeeper({
    log: () => undefined,
    clock: () => instant(now),
    owned: new OwnedVirtualServers(join(state, 'owned'), () => undefined),
    facts: factsOf(() => up),
    open: () => kernel,
  });
  keeper.configure(configured(web));
});
afterEach(() => {
  keeper.close();
  rmSync(state, { recursive: true });
});

/** How many real servers the entry has; undefined: it is not there. */
const serversOf = (key: TableKey): number | undefined =>
  kernel.dump().find((entry) => tableKeyText(entry.key) === tableKeyText(key))?.realServers.length;

function stays(time: number): boolean {
  now += time;
  keeper.reconcile();
  return serversOf(KEY) !== undefined;
}

it('stay complete beside the new ones until those get the clients', async () => {
  keeper.configure(configured(successor), [KEY]);
  expect(stays(100_000)).toBe(true);
  expect([serversOf(KEY), serversOf(MARK)]).toEqual([2, 2]);
  const gone = 'remove virtual server tcp 10.1.1.254:80, once its connections are gone';
  expect(await keeper.removeReplaced()).toEqual([gone]);
  expect(stays(100)).toBe(false);
  expect([serversOf(MARK), await keeper.removeReplaced()]).toEqual([2, []]);
});

it('then finish their connections, for a minute at most', async () => {
  for (const server of kernel.find(KEY)?.realServers ?? [])
    kernel.setConnections(KEY, server, { active: 1, inactive: 0, persistent: 0 });
  keeper.configure(configured(successor), [KEY]);
  await keeper.removeReplaced();
  expect(stays(59_000)).toBe(true);
  expect(stays(1_000)).toBe(false);
});

it('stay for good where the next configuration has them again', async () => {
  keeper.configure(configured(successor), [KEY]);
  keeper.configure(configured(web));
  expect(await keeper.removeReplaced()).toEqual([]);
  expect(stays(100_000)).toBe(true);
});

it('go at once where nobody else gets their clients', () => {
  keeper.configure(configured(successor));
  expect(serversOf(KEY)).toBeUndefined();
});
