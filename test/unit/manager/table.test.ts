import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { checkTargets, concernedBy, targetOf } from '../../../src/balance/targets.ts';
import { OwnedVirtualServers } from '../../../src/manager/owned.ts';
import { TableKeeper, type TableKeeperOptions } from '../../../src/manager/table.ts';
import type { Health } from '../../../src/model/check.ts';
import { type TableKey, tableKeyText } from '../../../src/model/ipvs-table.ts';
import type { ChangedSetting } from '../../../src/model/messages.ts';
import { instant, seconds } from '../../../src/model/units.ts';
import { atOnce } from '../../support/at-once.ts';
import { FakeIpvs, type FakeIpvsOptions } from '../../support/fake-ipvs.ts';
import { entryAt, realServerAt } from '../../support/virtual-server.ts';
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

function start(
  options: FakeIpvsOptions = {},
  now = () => performance.now(),
  more: Partial<TableKeeperOptions> = {},
) {
  const kernel = new FakeIpvs(options);
  const log: string[] = [];
  const health = new Map<string, Health>();
  const keeper = new TableKeeper({
    log: (level, message) => log.push(`${level}: ${message}`),
    clock: () => instant(now()),
    owned: new OwnedVirtualServers(join(state, String(count++)), () => undefined),
    facts: factsOf((id) => health.get(id) ?? up),
    open: () => kernel,
    ...more,
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

it('knows what it has added for its own, though it is told to stop before it has looked at it', async () => {
  const directory = join(state, 'stopped');
  const owned = () => new OwnedVirtualServers(directory, () => undefined);
  const { kernel, keeper } = start({}, undefined, { owned: owned() });
  const look = kernel.dumpSteps.bind(kernel);
  kernel.dumpSteps = function* () {
    while (kernel.dump().length > 0) yield;
    return yield* look();
  };
  void keeper.configure(config());
  await keeper.close();
  expect([...owned().keys]).toEqual([tableKeyText(KEY)]);
});

describe('a new file', () => {
  const others = [81, 82, 83].map((port) => ({
    ...web,
    name: `at ${port}`,
    entries: [{ ...KEY, port }] as const,
  }));
  const [gone, ...staying] = others;
  if (gone === undefined) throw new Error('there are three');
  const heavier = { ...web, realServers: [{ ...first, weight: 5 }, second] };

  it('has what it changes in the table before the rest is thought over, which follows', () => {
    const asked: string[] = [];
    const facts = factsOf(() => up, {
      quorumBefore: (name) => {
        asked.push(name);
        return 'gained';
      },
    });
    const { kernel, keeper, servers } = start({}, undefined, { facts });
    keeper.configure(config([...others, web]));
    const apply = kernel.apply.bind(kernel);
    const before: string[][] = [];
    kernel.apply = (operations) => {
      before.push([...asked]);
      return apply(operations);
    };
    asked.length = 0;
    const changes = keeper.configure(config([...staying, heavier]));
    expect(before[0]).toEqual(['web']);
    expect(new Set(asked)).toEqual(new Set(['at 82', 'at 83', 'web']));
    expect(changes).toEqual([
      expect.stringContaining('weight 2 → 5'),
      expect.stringContaining('remove virtual server tcp 10.1.1.254:81'),
    ]);
    expect(servers()).toEqual(
      [
        ...[82, 83].flatMap((port) => [
          `tcp 10.1.1.254:${port} 10.1.1.2 2`,
          `tcp 10.1.1.254:${port} 10.1.1.3 1`,
        ]),
        'tcp 10.1.1.254:80 10.1.1.2 5',
        'tcp 10.1.1.254:80 10.1.1.3 1',
      ].sort(),
    );
  });

  it('is in the table as a whole when something of it was refused', () => {
    let refused = 0;
    const { keeper, log, servers } = start({
      refuse: (operation) => (operation.op === 'edit-real-server' && refused++ < 2 ? 'EBUSY' : undefined),
    });
    keeper.configure(config([...others, web]));
    keeper.configure(config([...staying, heavier]));
    expect(refused).toBe(3);
    expect(servers()).toContain('tcp 10.1.1.254:80 10.1.1.2 5');
    expect(servers().some((server) => server.includes(':81 '))).toBe(false);
    expect(log.filter((line) => line.startsWith('error'))).toEqual([]);
  });
});

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
          'missing: real server 10.1.1.2:80 of tcp 10.1.1.254:80 (dr, weight 2)',
          'missing: real server 10.1.1.3:80 of tcp 10.1.1.254:80 (dr, weight 1)',
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

describe('a definition of many entries', () => {
  const ports = Array.from({ length: 200 }, (_, i) => entryAt('10.1.1.254', 8000 + i));
  const [start8000 = entryAt('10.1.1.254', 8000), ...others] = ports;
  const wide = {
    ...web,
    name: 'wide',
    entries: [start8000, ...others] as const,
    realServers: [
      realServerAt('10.1.1.2', { port: undefined }),
      realServerAt('10.1.1.3', { port: undefined }),
    ],
  };
  const infos = (log: readonly string[]) => log.filter((line) => line.startsWith('info: '));

  it('is told in one line for each change, and by entry at debug', async () => {
    const { kernel, log, keeper } = start();
    const { changes: planned, after } = await keeper.preview(config([wide, web]), () => undefined);
    const changes = await keeper.configure(config([wide, web]));
    expect(changes.map((change) => `info: ${change}`)).toEqual(infos(log));
    expect(planned).toEqual(changes);
    expect(after).toEqual(kernel.dump());
    expect(infos(log)).toEqual([
      'info: add 200 virtual servers of wide (wrr)',
      'info: add real server 10.1.1.2 to 200 virtual servers of wide (dr, weight 1)',
      'info: add real server 10.1.1.3 to 200 virtual servers of wide (dr, weight 1)',
      'info: add virtual server tcp 10.1.1.254:80 (wrr)',
      'info: add real server 10.1.1.2:80 to tcp 10.1.1.254:80 (dr, weight 2)',
      'info: add real server 10.1.1.3:80 to tcp 10.1.1.254:80 (dr, weight 1)',
    ]);
    expect(log).toContain('debug: add real server 10.1.1.3:8199 to tcp 10.1.1.254:8199 (dr, weight 1)');
    expect(log.filter((line) => line.startsWith('debug: add'))).toHaveLength(600);
    log.length = 0;
    await keeper.configure(
      config([{ ...wide, scheduler: 'lc', entries: [start8000, ...others.slice(0, 99)] }, web]),
    );
    expect(infos(log)).toEqual([
      'info: change 100 virtual servers of wide: scheduler wrr → lc',
      'info: remove 100 virtual servers of wide',
    ]);
    log.length = 0;
    await keeper.configure(config([web]));
    expect(infos(log)).toEqual(['info: remove 100 virtual servers of wide']);
  });

  it('is refused in one line, in the status too', async () => {
    const { log, keeper } = start({ schedulers: ['wrr'] });
    await keeper.configure(config([{ ...wide, scheduler: 'twos' }, web]));
    await keeper.reconcile();
    const refusal = /cannot add 200 virtual servers of wide \(twos\): .*modprobe ip_vs_twos/;
    expect(keeper.status.refused).toEqual([expect.stringMatching(refusal)]);
    expect(log.filter((line) => line.startsWith('error'))).toEqual([expect.stringMatching(refusal)]);
  });

  it('is told in part where somebody else cleared all of it', async () => {
    const { kernel, keeper } = start();
    await keeper.configure(config([wide]));
    kernel.clear();
    await keeper.reconcile();
    const found = keeper.status.lastRepair?.found ?? [];
    expect(found).toHaveLength(101);
    expect(found.at(-1)).toBe('and 500 more');
  });
});

describe('a table of thousands', () => {
  const keys = Array.from({ length: 3_000 }, (_, i) => entryAt('10.1.1.254', 10_000 + i));
  const [start10000 = entryAt('10.1.1.254', 10_000), ...rest] = keys;
  const huge = {
    ...web,
    name: 'huge',
    entries: [start10000, ...rest] as const,
    sorryServers: [],
    realServers: [realServerAt('10.1.1.2', { port: undefined })],
  };
  const target = targetOf(huge, huge.realServers[0] ?? first);

  // Nothing is looked at unasked meanwhile, however slow this machine is.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  async function filled() {
    const summarised: number[] = [];
    const stage = start({}, undefined, {
      *summarise(table) {
        summarised.push(table.length);
        yield;
      },
    });
    await stage.keeper.configure(config([huge]));
    let dumps = 0;
    const dump = stage.kernel.dump.bind(stage.kernel);
    stage.kernel.dump = () => {
      dumps++;
      return dump();
    };
    return { ...stage, summarised, dumps: () => dumps };
  }

  it('is not listed for those who ask what it is, or what a file would change', async () => {
    const { keeper, dumps, summarised } = await filled();
    expect(await keeper.read()).toHaveLength(3_000);
    const { changes } = await keeper.preview(config([{ ...huge, scheduler: 'lc' }]), () => undefined);
    expect(changes).toEqual(['change 3000 virtual servers of huge: scheduler wrr → lc']);
    expect(await keeper.configure(config([{ ...huge, scheduler: 'lc' }]))).toEqual(changes);
    expect(dumps()).toBe(0);
    // What the status says is there before anybody asks.
    expect(summarised).toEqual([3_000, 3_000]);
    await keeper.reconcile();
    expect(dumps()).toBe(1);
    expect(keeper.status).toMatchObject({ repairs: 0, refused: [], verifiedAt: expect.any(Number) });
  });

  it('is mended when it is looked at, and answers verdicts that come meanwhile', async () => {
    const { kernel, keeper, health, servers } = await filled();
    kernel.apply([{ op: 'remove-virtual-server', key: start10000 }]);
    const looked = keeper.reconcile();
    if (target === undefined) throw new Error('the example has a check');
    health.set(target.id, down);
    const verdict = keeper.updateOnly([huge]);
    expect(await looked).toContain('add virtual server tcp 10.1.1.254:10000 (wrr)');
    await verdict;
    expect(servers()).toEqual([]);
    health.set(target.id, up);
    await keeper.updateOnly([huge]);
    expect(servers()).toHaveLength(3_000);
    expect(keeper.status.repairs).toBe(1);
  });
});

describe('a change of health', () => {
  const target = targetOf(web, first);
  if (target === undefined) throw new Error('the example has a check');

  it('reaches the table without reading it, and is verified later', () => {
    const { kernel, health, keeper, servers } = start();
    keeper.configure(config());
    let dumps = 0;
    const dump = kernel.dump.bind(kernel);
    kernel.dump = () => {
      dumps++;
      return dump();
    };
    health.set(target.id, down);
    expect(keeper.update()).toEqual(['remove real server 10.1.1.2:80 from tcp 10.1.1.254:80']);
    expect(keeper.update()).toEqual([]);
    expect(dumps).toBe(0);
    expect(servers()).toEqual(['tcp 10.1.1.254:80 10.1.1.3 1']);
    keeper.reconcile();
    expect(keeper.status).toMatchObject({ repairs: 0, refused: [] });
  });

  it('that meets what somebody else did meanwhile is planned anew, and mends it', () => {
    const { kernel, health, keeper, servers } = start();
    keeper.configure(config());
    kernel.clear();
    health.set(target.id, down);
    expect(keeper.update()).toContain('add virtual server tcp 10.1.1.254:80 (wrr)');
    expect(servers()).toEqual(['tcp 10.1.1.254:80 10.1.1.3 1']);
    expect(keeper.status).toMatchObject({ repairs: 1, refused: [] });
  });

  it('is answered for the virtual servers that it concerns, and mended where somebody else was there', () => {
    const { kernel, health, keeper, servers } = start();
    const other = { ...web, name: 'other', entries: [entryAt('10.1.1.254', 81)] as const };
    keeper.configure(config([web, other]));
    health.set(target.id, down);
    expect(keeper.updateOnly([web])).toEqual(['remove real server 10.1.1.2:80 from tcp 10.1.1.254:80']);
    kernel.clear();
    health.set(target.id, up);
    expect(keeper.updateOnly([web])).toContain('add virtual server tcp 10.1.1.254:81 (wrr)');
    expect(servers()).toHaveLength(4);
    expect(keeper.status).toMatchObject({ repairs: 1, refused: [] });
  });

  it('leads to the same table as if all were thought over', () => {
    const ports = [80, 81, 82] as const;
    const all = ports.map((port, i) => ({
      ...web,
      name: `web${port}`,
      entries: [entryAt('10.1.1.254', port)] as const,
      // One real server is in all of them.
      realServers: [realServerAt('10.1.1.2', { port: 80, weight: 2 }), realServerAt(`10.1.1.${3 + i}`)],
    }));
    const concerned = concernedBy(all);
    const ids = checkTargets(all).map(({ id }) => id);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...ids), fc.boolean()), { maxLength: 12 }), (flips) => {
        let now = 0;
        const [one, whole] = [start({}, () => now), start({}, () => now)];
        for (const { keeper } of [one, whole]) keeper.configure(config(all));
        for (const [id, isUp] of flips) {
          now++;
          for (const { health } of [one, whole]) health.set(id, isUp ? up : down);
          one.keeper.updateOnly([...(concerned.get(id) ?? [])]);
          whole.keeper.update();
          expect(one.servers()).toEqual(whole.servers());
        }
        for (const { keeper } of [one, whole]) keeper.reconcile();
        expect(one.servers()).toEqual(whole.servers());
        expect(one.keeper.status).toMatchObject({ repairs: 0, refused: [] });
      }),
      { numRuns: 50 },
    );
  });
});

describe('whatever the kernel answers', () => {
  const OPERATIONS = [
    'add-virtual-server',
    'edit-virtual-server',
    'remove-virtual-server',
    'add-real-server',
    'edit-real-server',
    'remove-real-server',
  ] as const;
  const old = { ...web, name: 'old', entries: [entryAt('10.1.1.254', 81)] as const };
  const next = {
    ...web,
    scheduler: 'lc' as const,
    realServers: [{ ...first, weight: 5 }, realServerAt('10.1.1.4')],
  };

  it.each(
    OPERATIONS.flatMap((op) =>
      (['EBUSY', 'ENOSPC', 'EEXIST', 'ENOENT', 'ENOMEM', 'EINVAL'] as const).map(
        (errno) => [op, errno] as const,
      ),
    ),
  )('to %s, %s is told, leaves somebody who serves, and is got over', (op, errno) => {
    let refusing = false;
    const { kernel, log, keeper, servers } = start({
      refuse: (operation) => (refusing && operation.op === op ? errno : undefined),
    });
    keeper.configure(config([web, old]));
    refusing = true;
    const added = { ...next, name: 'new', entries: [entryAt('10.1.1.254', 82)] as const };
    keeper.configure(config([next, added]));
    expect(keeper.status.refused.length).toBeGreaterThan(0);
    expect(log.filter((line) => line.startsWith('error')).length).toBeGreaterThan(0);
    const [entry] = kernel.dump().filter(({ key }) => key.kind === 'address' && key.port === 80);
    expect(entry?.realServers.some(({ weight }) => weight > 0)).toBe(true);
    refusing = false;
    keeper.reconcile();
    expect(keeper.status.refused).toEqual([]);
    expect(servers()).toEqual([
      'tcp 10.1.1.254:80 10.1.1.2 5',
      'tcp 10.1.1.254:80 10.1.1.4 1',
      'tcp 10.1.1.254:82 10.1.1.2 5',
      'tcp 10.1.1.254:82 10.1.1.4 1',
    ]);
  });

  it('real servers that cannot be replaced stay', () => {
    const { keeper, servers } = start({
      refuse: ({ op, ...rest }) =>
        op === 'add-real-server' && 'realServer' in rest && rest.realServer.address === '10.1.1.4'
          ? 'ENOMEM'
          : undefined,
    });
    keeper.configure(config());
    keeper.configure(config([{ ...web, realServers: [realServerAt('10.1.1.4')] }]));
    expect(servers()).toEqual(inPlace);
    expect(keeper.status.refused).toHaveLength(3);
    expect(keeper.status.refused.at(-1)).toMatch(/it stays until what replaces it can be added$/);
  });

  it('a listing that fails is told, and tried again', () => {
    const { kernel, keeper, log } = start();
    const dump = kernel.dump.bind(kernel);
    kernel.dump = () => {
      throw new Error('the table changed during each of 10 listings');
    };
    keeper.configure(config());
    expect(keeper.status.unavailable).toMatch(/each of 10 listings/);
    kernel.dump = dump;
    keeper.reconcile();
    expect(keeper.status.unavailable).toBeUndefined();
    expect(log).toContain('info: the IPVS table can be reached');
  });
});

describe('the time-outs of connections', () => {
  const timeouts = { tcp: seconds(600), tcpFin: undefined, udp: seconds(60) };
  const USUAL = { tcp: 900, tcpFin: 120, udp: 300 };
  const timed = { virtualServers: [web], ipvs: { exclusive: false, timeouts } };

  it('are planned, set, and put back when somebody changes them', () => {
    const { kernel, keeper } = start();
    keeper.configure(config());
    const changes = [
      'change time-out of tcp connections: 900 s → 600 s',
      'change time-out of udp connections: 300 s → 60 s',
    ];
    expect(atOnce(keeper.preview(timed, () => undefined)).changes).toEqual(changes);
    expect(keeper.configure(timed)).toEqual(changes);
    expect(kernel.timeouts()).toEqual({ tcp: 600, tcpFin: 120, udp: 60 });
    kernel.setTimeouts({ tcp: 1 });
    expect(keeper.reconcile()).toEqual(['change time-out of tcp connections: 1 s → 600 s']);
  });

  it('come back as they were when the file no longer names them, and when the end comes', () => {
    const { kernel, keeper } = start();
    const back = [
      'put back time-out of tcp connections: 600 s → 900 s',
      'put back time-out of udp connections: 60 s → 300 s',
    ];
    keeper.configure(timed);
    expect(atOnce(keeper.preview(config(), () => undefined)).changes).toEqual(back);
    expect(keeper.configure(config())).toEqual(back);
    expect(kernel.timeouts()).toEqual(USUAL);
    expect(keeper.configure(config())).toEqual([]);
    keeper.configure(timed);
    keeper.close();
    expect(kernel.timeouts()).toEqual(USUAL);
  });

  it('come back after a kill, also where there is nothing to balance any more', () => {
    let saved: readonly ChangedSetting[] = [];
    const memory = {
      read: () => saved,
      write: (changed: typeof saved) => {
        saved = changed;
      },
    };
    const { kernel, keeper } = start({}, undefined, { timeouts: memory });
    keeper.configure(timed);
    const next = start({}, undefined, { timeouts: memory, open: () => kernel });
    next.keeper.configure({ virtualServers: [], ipvs: { exclusive: false } });
    expect([kernel.timeouts(), saved]).toEqual([USUAL, []]);
  });

  it('that somebody else has changed since stay', () => {
    const { kernel, keeper } = start();
    keeper.configure(timed);
    kernel.setTimeouts({ tcp: 77 });
    keeper.close();
    expect(kernel.timeouts()).toEqual({ ...USUAL, tcp: 77 });
  });

  it('that were as the file wants them are not put back', () => {
    const { kernel, keeper } = start();
    kernel.setTimeouts({ tcp: 600 });
    keeper.configure(timed);
    keeper.close();
    expect(kernel.timeouts()).toEqual({ ...USUAL, tcp: 600 });
  });

  it('that are refused are told, and the table is as it should be all the same', () => {
    const { kernel, keeper, servers } = start();
    kernel.setTimeouts = () => {
      throw new Error('EINVAL');
    };
    keeper.configure(timed);
    expect(keeper.status.refused).toEqual(['cannot set the time-outs of connections: EINVAL']);
    expect(servers()).toEqual(inPlace);
  });
});
