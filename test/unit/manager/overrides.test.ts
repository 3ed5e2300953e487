/** What operators say: found, kept, carried out in a table, and waited for. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { OverrideRequest } from '../../../src/control/api.ts';
import { Operator } from '../../../src/manager/operator.ts';
import { OverrideBook } from '../../../src/manager/overrides.ts';
import { OwnedVirtualServers } from '../../../src/manager/owned.ts';
import { TableKeeper } from '../../../src/manager/table.ts';
import type { ConfiguredVirtualServer } from '../../../src/model/config.ts';
import { realServerKey, tableKeyText } from '../../../src/model/ipvs-table.ts';
import { instant, seconds } from '../../../src/model/units.ts';
import { atOnce } from '../../support/at-once.ts';
import { FakeIpvs } from '../../support/fake-ipvs.ts';
import { entryAt, realServerAt } from '../../support/virtual-server.ts';
import { factsOf, up, web } from '../balance/table.ts';

const root = mkdtempSync(join(tmpdir(), 'vipward-overrides-'));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;
const keepers: TableKeeper[] = [];
afterEach(() => {
  for (const keeper of keepers.splice(0)) keeper.close();
});

/** A director with a table of its own; `stateDir` of a former one is a restart. */
function start(
  services: readonly ConfiguredVirtualServer[] = [web],
  {
    stateDir = join(root, String(count++)),
    kernel = new FakeIpvs(),
    settings = {} as Readonly<Record<string, string>>,
  } = {},
) {
  const log: string[] = [];
  const tell = (level: string, message: string) => void log.push(`${level}: ${message}`);
  /** `set`: by how much somebody has set the wall clock meanwhile. */
  const clock = { now: 1_000_000, set: 0 };
  const wall = () => clock.now + clock.set;
  const book = new OverrideBook({ stateDir, log: tell, now: wall, steady: () => clock.now });
  const keeper = new TableKeeper({
    log: () => undefined,
    clock: () => instant(performance.now()),
    owned: new OwnedVirtualServers(stateDir, () => undefined),
    facts: factsOf(() => up, { overrideOf: book.of }),
    onRead: (actual) => book.observe(actual),
    awaited: book.awaited,
    open: () => kernel,
  });
  keepers.push(keeper);
  const operator = new Operator({
    overrides: book,
    log: tell,
    now: wall,
    onChange: () => keeper.update(),
    table: () => keeper.left,
    read: (path) => settings[path.join('/')],
  });
  const configure = (virtualServers: readonly ConfiguredVirtualServer[]) => {
    const config = { virtualServers, ipvs: { exclusive: false, sysctl: {} } };
    operator.configure(config);
    return keeper.configure(config);
  };
  configure(services);
  const say = (action: OverrideRequest['action'], server = '10.1.1.2:80', more = {}) =>
    atOnce(operator.carryOut({ service: 'web', server, action, by: 'ada', ...more }));
  const servers = () =>
    kernel
      .dump()
      .flatMap(({ realServers }) => realServers.map((each) => `${realServerKey(each)} ${each.weight}`))
      .sort();
  const busy = (active: number, inactive: number) => {
    const [entry] = kernel.dump();
    const server = entry?.realServers.find(({ address }) => address === '10.1.1.2');
    if (entry === undefined || server === undefined) throw new Error('10.1.1.2 is not in the table');
    kernel.setConnections(entry.key, server, { active, inactive, persistent: 0 });
  };
  return { stateDir, kernel, log, clock, book, keeper, operator, configure, say, servers, busy };
}

describe('a drain', () => {
  it('gives weight 0, waits for active and inactive connections, and then removes', () => {
    const { say, servers, busy, keeper, clock, log, book } = start();
    busy(2, 5);
    expect(say('drain', '10.1.1.2:80', { timeout: 60_000, reason: 'new kernel' })).toMatchObject({
      override: { action: 'drain', by: 'ada', reason: 'new kernel', since: 1_000_000, until: 1_060_000 },
      changes: ['change real server 10.1.1.2:80 of tcp 10.1.1.254:80: weight 2 → 0'],
    });
    expect(servers()).toEqual(['10.1.1.2:80 0', '10.1.1.3:80 1']);
    busy(0, 1);
    keeper.reconcile();
    expect(servers()).toContain('10.1.1.2:80 0');
    busy(0, 0);
    clock.now += 12_000;
    keeper.reconcile();
    expect(servers()).toEqual(['10.1.1.3:80 1']);
    expect(book.all).toMatchObject([{ drainedAt: 1_012_000, cutOff: 0 }]);
    expect(log.at(-1)).toBe(
      'info: real server 10.1.1.2:80 of web is drained after 12s: no connection is left',
    );
  });

  it('cuts off what is left when the time is over', () => {
    const { say, servers, busy, keeper, clock, book, log } = start();
    busy(2, 5);
    say('drain', '10.1.1.2:80', { timeout: 60_000 });
    clock.now += 59_999;
    keeper.reconcile();
    expect(servers()).toContain('10.1.1.2:80 0');
    clock.now += 1;
    keeper.reconcile();
    expect(servers()).toEqual(['10.1.1.3:80 1']);
    expect(book.all).toMatchObject([{ cutOff: 7 }]);
    expect(log.at(-1)).toMatch(/^warn: .* the time is over, 7 connections are cut off$/);
  });

  it.each([
    ['forward', 7_200_000],
    ['back', -7_200_000],
  ])('lasts as long as it was to, though somebody sets the clock %s', (_, set) => {
    const { say, servers, busy, keeper, clock, book, log } = start();
    busy(2, 5);
    clock.set = 500_000;
    say('drain', '10.1.1.2:80', { timeout: 60_000 });
    clock.now += 20_000;
    clock.set += set;
    keeper.reconcile();
    expect(servers()).toContain('10.1.1.2:80 0');
    // What `status` and the next process reckon by.
    expect(book.all).toMatchObject([{ since: 1_500_000 + set, until: 1_560_000 + set }]);
    clock.now += 39_999;
    keeper.reconcile();
    expect(servers()).toContain('10.1.1.2:80 0');
    clock.now += 1;
    keeper.reconcile();
    expect(servers()).toEqual(['10.1.1.3:80 1']);
    expect(log.at(-1)).toMatch(/is drained after 1m: the time is over, 7 connections are cut off$/);
  });

  it('of what is not in the table is over at once, and says so', () => {
    const { say, servers, log } = start();
    say('disable');
    expect(servers()).toEqual(['10.1.1.3:80 1']);
    expect(say('drain')).toMatchObject({
      override: { action: 'drain', drainedAt: 1_000_000, cutOff: 0 },
      changes: [],
      notes: ['it was not in the table, and had no connections to finish'],
    });
    expect(servers()).toEqual(['10.1.1.3:80 1']);
    expect(log.at(-1)).toBe(
      'info: real server 10.1.1.2:80 of web is drained after 0ms: it is not in the table',
    );
  });

  it('goes on where it was after a restart, and what is drained stays out', () => {
    const { stateDir, kernel, say, busy } = start();
    busy(1, 0);
    say('drain');
    const second = start([web], { stateDir, kernel });
    expect(second.servers()).toContain('10.1.1.2:80 0');
    second.busy(0, 0);
    second.keeper.reconcile();
    expect(second.servers()).toEqual(['10.1.1.3:80 1']);
    const third = start([web], { stateDir, kernel });
    expect(third.servers()).toEqual(['10.1.1.3:80 1']);
    third.configure([{ ...web, scheduler: 'wlc' }]);
    expect(third.servers()).toEqual(['10.1.1.3:80 1']);
    expect(third.say('enable')).toMatchObject({ was: { action: 'drain', by: 'ada' } });
    expect(third.servers()).toEqual(['10.1.1.2:80 2', '10.1.1.3:80 1']);
  });

  it('looks at its virtual server alone, and mends what somebody else does to that meanwhile', () => {
    const other = { ...web, name: 'other', entries: [entryAt('10.1.1.9')] as const };
    const { say, servers, busy, keeper, kernel } = start([web, other]);
    busy(1, 0);
    say('drain');
    const looked: string[] = [];
    const find = kernel.find.bind(kernel);
    kernel.find = (key) => {
      looked.push(tableKeyText(key));
      return find(key);
    };
    keeper.update();
    expect(looked).toEqual(['tcp 10.1.1.254:80']);
    const [entry] = kernel.dump();
    const [was] = entry?.realServers ?? [];
    if (entry === undefined || was === undefined) throw new Error('the table was not made');
    kernel.apply([{ op: 'edit-real-server', key: entry.key, realServer: { ...was, weight: 7 }, was }]);
    keeper.update();
    expect(keeper.status.repairs).toBe(1);
    expect(servers()).toEqual(['10.1.1.2:80 0', '10.1.1.2:80 2', '10.1.1.3:80 1', '10.1.1.3:80 1']);
  });

  it('of one that is not in the table is over at once', () => {
    const { say, kernel, keeper } = start();
    say('disable');
    expect(kernel.dump()[0]?.realServers).toHaveLength(1);
    expect(say('drain').override?.drainedAt).toBeDefined();
    keeper.reconcile();
  });

  it('says what persistence and hashing schedulers make of weight 0', () => {
    const persistence = { timeout: seconds(300), ipv4Prefix: 32, ipv6Prefix: 128, engine: undefined };
    expect(start([{ ...web, persistence }]).say('drain').notes).toEqual([
      expect.stringContaining('expire_quiescent_template'),
    ]);
    const of = (name: string) => `net/ipv4/vs/${name}`;
    const templates = { [of('expire_quiescent_template')]: '1' };
    expect(start([{ ...web, persistence }], { settings: templates }).say('drain').notes).toEqual([]);
    expect(start([web], { settings: { [of('conn_reuse_mode')]: '0' } }).say('drain').notes).toEqual([
      expect.stringContaining('net.ipv4.vs.conn_reuse_mode is 0'),
    ]);
    expect(start([{ ...web, scheduler: 'sh' }]).say('drain').notes).toEqual([
      expect.stringContaining('scheduler_flags: [sh-fallback]'),
    ]);
    expect(start([{ ...web, scheduler: 'dh' }]).say('drain').notes).toEqual([
      expect.stringContaining('vipward disable'),
    ]);
    expect(start().say('drain').notes).toEqual([]);
  });
});

describe('weight and disable', () => {
  it('hold until enable', () => {
    const { say, servers } = start();
    expect(say('weight', '10.1.1.2', { weight: 7 }).server).toBe('10.1.1.2:80');
    expect(servers()).toContain('10.1.1.2:80 7');
    say('disable');
    expect(servers()).toEqual(['10.1.1.3:80 1']);
    say('enable');
    expect(servers()).toContain('10.1.1.2:80 2');
    expect(say('enable')).toMatchObject({ was: undefined, changes: [] });
  });

  it('are in a plan of another file', () => {
    const { say, keeper, book } = start();
    say('weight', '10.1.1.2', { weight: 7 });
    expect(
      atOnce(keeper.preview({ virtualServers: [web], ipvs: { exclusive: false } }, book.of)).changes,
    ).toEqual([]);
  });
});

describe('the last real server that serves', () => {
  const alone = { ...web, realServers: web.realServers.slice(0, 1) };

  it('is taken out by every command, which says who serves instead', () => {
    const { say, log } = start([alone]);
    const note = 'web has no real server left: sorry server 127.0.0.1:80 serves';
    expect(say('disable').notes).toEqual([note]);
    expect(log.at(-1)).toBe(`warn: ${note}`);
    // It serves no more, and nothing is lost with it.
    expect(say('weight', '10.1.1.2', { weight: 0 }).notes).toEqual([]);
    expect(start([alone]).say('drain').notes).toEqual([note]);
    expect(start([alone]).say('weight', '10.1.1.2', { weight: 0 }).notes).toEqual([note]);
    expect(start([web]).say('disable').notes).toEqual([]);
  });

  it('leaves nobody where there is no sorry server, perhaps in one family alone', () => {
    const refused = ': new clients are refused';
    expect(start([{ ...alone, sorryServers: [] }]).say('disable').notes).toEqual([
      `web has no real server left${refused}`,
    ]);
    const both: ConfiguredVirtualServer = {
      ...alone,
      entries: [entryAt('10.1.1.254'), entryAt('2001:db8::fe')],
      realServers: [realServerAt('10.1.1.2'), realServerAt('2001:db8::2')],
      sorryServers: [],
    };
    expect(start([both]).say('disable').notes).toEqual([
      `web has no real server left at tcp 10.1.1.254:80${refused}`,
    ]);
  });
});

describe('a name that nothing has', () => {
  const twice = { ...web, realServers: [...web.realServers, realServerAt('10.1.1.2', { port: 81 })] };

  it.each([
    [{ service: 'wep' }, 'there is no service wep: did you mean web?'],
    [{ service: 'something' }, 'there is no service something, only web'],
    [{ server: '10.1.1.2:8' }, 'service web has no real server 10.1.1.2:8: did you mean 10.1.1.2:80?'],
    [
      { server: '10.1.1.2' },
      'service web has no real server 10.1.1.2: say which of 10.1.1.2:80, 10.1.1.2:81',
    ],
    [{ server: 'x' }, 'service web has no real server x, only 10.1.1.2:80, 10.1.1.3:80, 10.1.1.2:81'],
  ])('%j is refused with advice', (more, message) => {
    const { operator } = start([twice]);
    const request = { service: 'web', server: '10.1.1.2:80', action: 'disable', by: 'ada' } as const;
    expect(() => operator.carryOut({ ...request, ...more })).toThrow(message);
  });
});

describe('what is said of a real server that leaves the file', () => {
  it('is kept and told, and holds again when it comes back', () => {
    const { say, configure, operator, servers, log, kernel } = start();
    say('disable', '10.1.1.2', { reason: 'broken' });
    configure([{ ...web, realServers: web.realServers.slice(1) }]);
    expect(log.at(-1)).toMatch(
      /^warn: disable of real server 10\.1\.1\.2:80 of web is kept.*vipward enable web 10\.1\.1\.2:80/,
    );
    expect(operator.status(kernel.dump())).toMatchObject([{ dangling: true, reason: 'broken' }]);
    configure([web]);
    expect(servers()).toEqual(['10.1.1.3:80 1']);
    expect(operator.status(kernel.dump())).toMatchObject([{ dangling: false }]);
  });

  it('is not drained while nobody knows what became of its connections, and drains on when it comes back', () => {
    const { say, configure, operator, servers, busy, log, kernel, keeper, clock } = start();
    busy(1, 0);
    say('drain');
    configure([{ ...web, name: 'shop', entries: [entryAt('10.1.1.9')] }]);
    expect(servers()).toContain('10.1.1.2:80 2');
    keeper.reconcile();
    expect(operator.status(kernel.dump())).toMatchObject([{ dangling: true, drainedAt: undefined }]);
    expect(log.join()).not.toContain('is drained');
    // Its times follow a clock that is set, and it is the same one still.
    clock.set += 7_200_000;
    keeper.reconcile();
    expect(operator.status(kernel.dump())).toMatchObject([{ dangling: true, drainedAt: undefined }]);
    configure([web]);
    keeper.update();
    expect(log.at(-1)).toMatch(/is drained after .*: it is not in the table/);
    expect(servers()).toEqual(['10.1.1.3:80 1']);
  });

  it('is forgotten by enable', () => {
    const { say, configure, book } = start();
    say('disable');
    configure([]);
    expect(say('enable')).toMatchObject({ was: { action: 'disable' } });
    expect(book.all).toEqual([]);
  });
});

describe('what is said of a real server whose names change in the file', () => {
  const bothPorts: ConfiguredVirtualServer = {
    ...web,
    entries: [entryAt('10.1.1.254'), entryAt('10.1.1.254', 8005)],
    realServers: web.realServers.map((server) => ({ ...server, port: undefined })),
  };
  const onlyThree = ['10.1.1.3:80 1', '10.1.1.3:8005 1'];

  it('goes on when the ports of the service change, in the plan too, and after a restart', () => {
    const { say, configure, servers, book, keeper, stateDir, kernel, log } = start();
    say('disable', '10.1.1.2', { reason: 'broken disk' });
    const { of, notes } = book.under([bothPorts]);
    const preview = keeper.preview({ virtualServers: [bothPorts], ipvs: { exclusive: false } }, of);
    const planned = atOnce(preview).changes;
    expect(planned.join()).not.toContain('10.1.1.2:');
    expect(notes).toEqual(['disable of real server 10.1.1.2:80 of web goes on as that of 10.1.1.2 of web']);
    expect(configure([bothPorts])).toEqual(planned);
    expect(log.at(-1)).toBe(`info: ${notes[0]}`);
    expect(servers()).toEqual(onlyThree);
    const second = start([bothPorts], { stateDir, kernel });
    expect(second.servers()).toEqual(onlyThree);
    second.configure([web]);
    expect(second.servers()).toEqual(['10.1.1.3:80 1']);
    expect(second.say('enable')).toMatchObject({ was: { reason: 'broken disk', by: 'ada' } });
    expect(second.servers()).toContain('10.1.1.2:80 2');
  });

  it('goes on when the port of the real server, or the name of the service changes, also while vipward is down', () => {
    const { say, stateDir, kernel } = start();
    say('weight', '10.1.1.2', { weight: 7 });
    const moved = web.realServers.map((server) => ({ ...server, port: 8080 }));
    const second = start([{ ...web, name: 'shop', realServers: moved }], { stateDir, kernel });
    expect(second.servers()).toEqual(['10.1.1.2:8080 7', '10.1.1.3:8080 1']);
    expect(second.book.all).toMatchObject([{ service: 'shop', server: '10.1.1.2:8080' }]);
    expect(second.book.dangling).toEqual([]);
  });

  it('is that of a state file without entries, as they were written once', () => {
    const { say, stateDir, kernel } = start();
    say('disable');
    const file = join(stateDir, 'overrides.json');
    const document = JSON.parse(readFileSync(file, 'utf8'));
    for (const each of document.overrides) delete each.traces;
    writeFileSync(file, JSON.stringify(document));
    expect(start([bothPorts], { stateDir, kernel }).servers()).toEqual(onlyThree);
    expect(readFileSync(file, 'utf8')).toContain('"entries":["tcp 10.1.1.254:80","tcp 10.1.1.254:8005"]');
  });
});

describe('while a reload is under way', () => {
  it('what is disabled stays out of the table, which is still that of the old file', () => {
    const { say, servers, operator, keeper } = start();
    say('disable');
    const server = realServerAt('10.1.1.2', { port: undefined });
    const virtualServers = [{ ...web, name: 'www', realServers: [server, realServerAt('10.1.1.3')] }];
    operator.configure({ virtualServers, ipvs: { sysctl: {} } });
    keeper.reconcile();
    expect(servers()).toEqual(['10.1.1.3:80 1']);
    operator.carryOut({ service: 'www', server: '10.1.1.2', action: 'enable', by: 'ada' });
    expect(servers()).toContain('10.1.1.2:80 2');
  });
});

describe('the state file', () => {
  it('that is no good is told and put aside, and nothing is overridden', () => {
    const { stateDir, say } = start();
    say('disable');
    expect(readFileSync(join(stateDir, 'overrides.json'), 'utf8')).toContain('"by":"ada"');
    const damaged = '{"version":1,"overrides":[{"service":7}]}';
    writeFileSync(join(stateDir, 'overrides.json'), damaged);
    const { log, book, say: sayAgain } = start([web], { stateDir });
    expect(log[0]).toMatch(
      /^error: cannot use .*overrides\.json: no real server .*; it is kept as .*\.damaged-/,
    );
    expect(book.all).toEqual([]);
    sayAgain('disable', '10.1.1.3:80');
    const copy = readdirSync(stateDir).find((name) => name.startsWith('overrides.json.damaged-')) ?? '';
    expect(readFileSync(join(stateDir, copy), 'utf8')).toBe(damaged);
    expect(start([web], { stateDir }).book.all).toMatchObject([{ server: '10.1.1.3:80' }]);
  });

  it('that would be too long to be read again is not written', () => {
    const { stateDir, say } = start();
    expect(say('disable').notes).toEqual([]);
    expect(say('disable', '10.1.1.3', { reason: 'x'.repeat(2 ** 24) }).notes).toContain(
      'it is not remembered across a restart: see the log of vipward',
    );
    const { book } = start([web], { stateDir });
    expect(book.all).toMatchObject([{ server: '10.1.1.2:80', action: 'disable' }]);
  });
});
