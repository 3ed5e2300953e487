import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { formatStatus } from '../../../src/cli/format/status.ts';
import { COLOURED, PLAIN } from '../../../src/cli/format/style.ts';
import type { IpAddress } from '../../../src/model/address.ts';
import type { Override } from '../../../src/model/override.ts';
import type { RouterStatus } from '../../../src/model/router-status.ts';
import type { StatusDocument, TableStatus, VirtualServerStatus } from '../../../src/model/status.ts';
import { ago, down, NOW, realServer, router, sampleStatus, up, virtualServer } from './sample-status.ts';

const show = (changes: Partial<StatusDocument> = {}, verbose = false): string =>
  formatStatus(sampleStatus(changes), { style: PLAIN, now: NOW, verbose }).join('\n');
const showRouter = (changes: Partial<RouterStatus>): string => show({ virtualRouters: [router(changes)] });
const showServer = (changes: Partial<VirtualServerStatus>): string =>
  show({ virtualServers: [virtualServer(changes)] });
const showTable = (changes: Partial<TableStatus>): string =>
  show({ table: { ...sampleStatus().table, ...changes } });

test('the whole of it', () => {
  expect(show()).toBe(`\
lvs1  vipward 0.1.0, up 3d5h
trouble        1 real server down: web 10.1.1.3:80
configuration  /etc/vipward/vipward.yaml (sha256 1a2b3c4d5e6f), loaded 2m5s ago
processes      manager 812 running, vrrp 813 running, checker 990 running (1 restart)
IPVS table     as configured, verified 3s ago, digest 0a1b2c3d4e5f

VIRTUAL ROUTERS
  web  MASTER  for 3m12s  eth0 vrid 51 priority 150
    because        no advert for 3.609 s
    now            sends adverts with priority 150
    active router  this director, 10.1.1.11
    addresses      10.1.1.254/24

VIRTUAL SERVERS
  web  tcp 10.1.1.254:80  wrr dr  1 of 2 serve
    real server   health  weight  active  inactive  last check
    10.1.1.2:80   up           2      12       103  L7OK status 200 in 3ms, 2s ago
    10.1.1.3:80   down         1       -         -  L4TOUT connect timed out after 1s, 1s ago
    127.0.0.1:80  idle                 -         -  sorry server`);
});

describe('what is wrong comes first, by name', () => {
  const trouble = (changes: Partial<StatusDocument>): readonly string[] =>
    show(changes)
      .split('\n')
      .slice(1)
      .filter((line) => /^(trouble {8}| {15})/.test(line))
      .map((line) => line.slice(15));
  const fine = virtualServer({ realServers: [realServer()] });
  const gone = realServer({ inTable: false, tableWeight: undefined, health: undefined });
  const servers = (...virtualServers: readonly VirtualServerStatus[]) => trouble({ virtualServers });

  test('nothing where all is well', () => {
    expect(servers(fine)).toEqual([]);
  });

  test('services that nobody serves, or the sorry server, or too few', () => {
    const sorry = { server: '127.0.0.1:80', health: undefined, connections: undefined } as const;
    expect(
      servers(
        fine,
        { ...fine, name: 'mail', realServers: [gone] },
        { ...fine, name: 'db', realServers: [gone], sorryServers: [{ ...sorry, state: 'in-use' }] },
        { ...fine, name: 'dns', quorum: { state: 'lost', healthy: 1, weight: 2, hysteresis: 0 } },
        { ...fine, name: 'rests', checks: 'resting', realServers: [gone] },
      ),
    ).toEqual(['NOBODY serves: mail', 'SORRY SERVER in use: db', 'QUORUM LOST: dns']);
  });

  test('virtual routers and their paths, and what operators said', () => {
    const path = { interface: 'eth0', transport: 'multicast', family: 'ipv4', state: 'heard' } as const;
    const paths = [
      { ...path, since: 0, reason: undefined },
      { ...path, interface: 'eth1', state: 'silent', since: 0, reason: undefined },
    ] as const;
    const override = {
      service: 'web',
      server: '10.1.1.2:80',
      action: 'disable',
      by: 'ada',
      since: 0,
    } as const;
    expect(
      trouble({
        virtualServers: [fine],
        virtualRouters: [
          router({ state: 'initialize' }),
          router({ name: 'db', paths }),
          router({ name: 'mail', state: 'backup', standby: true }),
        ],
        overrides: [
          {
            ...{ ...override, weight: undefined, reason: undefined, until: undefined, drainedAt: undefined },
            ...{ cutOff: undefined, dangling: false, connections: undefined },
          },
        ],
      }),
    ).toEqual([
      'virtual routers in FAULT: web',
      'heartbeat paths silent or down: db on eth1',
      'kept a backup by command, until vipward resume: mail',
      'overridden by command: web 10.1.1.2:80',
    ]);
  });

  test('no table, which is why nobody serves', () => {
    const virtualServers = [{ ...fine, realServers: [gone] }];
    const table = { ...sampleStatus().table, unavailable: 'no IPVS in the kernel' };
    expect(trouble({ virtualServers, table })).toEqual(['no IPVS TABLE, so no service is balanced']);
    expect(trouble({ virtualServers: [], table })).toEqual([]);
  });

  test('of many the first', () => {
    const many = Array.from({ length: 12 }, (_, i) => ({ ...fine, name: `s${i}`, realServers: [gone] }));
    expect(servers(...many)).toEqual(['NOBODY serves: s0, s1, s2, s3, s4, s5, s6, s7 and 4 more']);
  });
});

test('colours change nothing but colours', () => {
  const coloured = formatStatus(sampleStatus(), { style: COLOURED, now: NOW, verbose: true }).join('\n');
  expect(coloured).not.toBe(show({}, true));
  expect(stripVTControlCharacters(coloured)).toBe(show({}, true));
});

test('an empty director', () => {
  expect(show({ virtualRouters: [], virtualServers: [] })).toMatch(
    /ROUTERS\n {2}none\n\nVIRTUAL SERVERS\n {2}none$/,
  );
});

test('a refused reload is loud and says why', () => {
  const refused = {
    at: ago(30),
    problems: [
      { severity: 'error', file: 'v.yaml', line: 3, column: 5, message: 'vrid is 0: 1 to 255' } as const,
    ],
  };
  const text = show({ configuration: { ...sampleStatus().configuration, refused } });
  expect(text).toContain('RELOAD REFUSED 30s ago: what runs is not what the file says');
  expect(text).toContain('v.yaml:3:5: error: vrid is 0: 1 to 255');
});

test('a damaged state file is told', () => {
  expect(show()).not.toContain('damaged');
  expect(show({ damagedFiles: ['standby.json was damaged: \x1b[2J'] })).toContain(
    'state files:\n    standby.json was damaged:  [2J\n',
  );
});

test('a daemon of before tells less, and is shown all the same', () => {
  const { damagedFiles: _, ...older } = sampleStatus();
  const routers = older.virtualRouters.map(({ paths: __, ...rest }) => rest);
  const status = JSON.parse(JSON.stringify({ ...older, virtualRouters: routers })) as StatusDocument;
  const lines = formatStatus(status, { style: PLAIN, now: NOW, verbose: true });
  expect(lines).toEqual(expect.arrayContaining([expect.stringContaining('VIRTUAL SERVERS')]));
  expect(lines.join('\n')).not.toContain('damaged');
});

test('a process that is being restarted', () => {
  const text = show({ processes: [{ name: 'vrrp', pid: undefined, state: 'restarting', restarts: 2 }] });
  expect(text).toContain('vrrp restarting (2 restarts)');
});

test('a process that has died: since when, when it is tried again, and what is not done until then', () => {
  const processes = (nextAt: number) => ({
    processes: [
      {
        name: 'checker',
        pid: undefined,
        state: 'restarting',
        restarts: 4,
        lost: { at: NOW - 3_500, nextAt },
      },
    ] as const,
  });
  expect(show(processes(NOW + 1_500))).toContain(
    'the checker process died 3s ago: the next try is in 1s; until then real servers are not checked',
  );
  expect(show(processes(NOW - 10))).toContain(
    'the checker process died 3s ago: it is being started; until then',
  );
});

describe('a virtual router', () => {
  test('in backup shows whom it heard', () => {
    expect(showRouter({ state: 'backup' })).toMatch(
      /BACKUP[\s\S]*active router {2}10\.1\.1\.11 priority 150/,
    );
  });

  test('in fault shows why', () => {
    const text = showRouter({
      state: 'initialize',
      reason: 'interface eth0 is down',
      activeRouter: undefined,
    });
    expect(text).toMatch(/FAULT[\s\S]*because +interface eth0 is down[\s\S]*active router {2}none heard/);
  });

  test('that waits for a first result is in no fault', () => {
    const waiting = { state: 'initialize', waiting: true, activeRouter: undefined } as const;
    expect(showRouter(waiting)).toContain('INIT');
    expect(showRouter(waiting)).not.toContain('FAULT');
  });

  test('shows its heartbeat paths where there are several', () => {
    const path = { interface: 'eth0', transport: 'multicast', family: 'ipv4', state: 'heard' } as const;
    const eth0 = { ...path, since: ago(60), reason: undefined };
    const eth1 = { ...eth0, interface: 'eth1', transport: 'udp', state: 'silent' } as const;
    const eth2 = { ...eth1, interface: 'eth2', state: 'down', reason: 'interface eth2 is down' } as const;
    expect(showRouter({ paths: [eth0] })).not.toContain('path');
    expect(showRouter({ paths: [eth0, eth1, eth2, { ...eth0, family: 'ipv6', state: 'sending' }] })).toMatch(
      new RegExp(
        [
          'path +eth0 multicast IPv4: heard\n',
          ' +path +eth1 udp IPv4: SILENT for 1m0s\n',
          ' +path +eth2 udp IPv4: DOWN for 1m0s: interface eth2 is down\n',
          ' +path +eth0 multicast IPv6: sending\n',
        ].join(''),
      ),
    );
  });

  test('that hands over says so', () => {
    expect(showRouter({ releasing: true })).toContain('MASTER (handing over)');
  });

  test('shows trouble unasked, and counters when asked', () => {
    const counters = {
      ...router().counters,
      rejected: { ttl: 3, checksum: 0 },
      addressesRestored: 2,
      sendErrors: 4,
    };
    const text = showRouter({ counters });
    expect(text).toMatch(/rejected +ttl 3$/m);
    expect(text).toMatch(/restored +addresses that somebody removed: 2$/m);
    expect(text).toMatch(/send errors +4$/m);
    expect(text).not.toContain('adverts sent');
    expect(show({}, true)).toContain('adverts sent 192, received 7; became MASTER 1 time');
  });
});

describe('a virtual router beyond the protocol', () => {
  test('shows its priority beside the configured one, its group, and what is tracked', () => {
    const chk = { kind: 'script', name: 'chk', value: 1, weight: -20 } as const;
    const eth1 = { kind: 'interface', name: 'eth1', value: 1, weight: undefined } as const;
    const text = showRouter({
      priority: 130,
      group: 'both',
      tracked: [
        { ...chk, state: 'down', reason: 'exit code 1' },
        { ...eth1, state: 'up', reason: 'has a carrier' },
      ],
    });
    expect(text).toContain('eth0 vrid 51 priority 130 (150 configured) group both');
    expect(text).toMatch(/^ +tracked +script chk down \(weight -20\): exit code 1$/m);
    expect(text).toMatch(/^ +tracked +interface eth1 up \(fault when down\): has a carrier$/m);
  });

  test('says why it stays as it is', () => {
    const explanation = 'heard 10.1.1.2 priority 150 0.4 s ago; preempt is off; own priority 200';
    expect(showRouter({ state: 'backup', explanation })).toMatch(/^ +now +heard 10\.1\.1\.2 .* is off;/m);
  });

  test.each([
    ['won', 'which gave way'],
    ['lost', 'which went on: it preempted, or a partition healed'],
  ] as const)('that was active beside another and %s', (outcome, words) => {
    const rival = { address: '10.1.1.11' as IpAddress, at: ago(60), outcome };
    const text = showRouter({ rival, counters: { ...router().counters, rivals: 2, conflicts: 1 } });
    expect(text).toContain(`active beside this one: 2 times, the last 10.1.1.11, ${words}`);
    expect(text).toContain('another host answered for an address: 1 time');
  });
});

test('sync groups have a section of their own', () => {
  const both = {
    name: 'both',
    members: ['web', 'db'],
    state: 'active',
    started: true,
    waiting: false,
  } as const;
  const text = show({ syncGroups: [{ ...both, priority: 150, since: ago(5), reason: 'web: started' }] });
  expect(text).toMatch(/SYNC GROUPS\n {2}both {2}MASTER {2}for 5s {2}web, db {2}web: started\n/);
});

test('guards show what they hold, did and lack', () => {
  const units = [
    { unit: 'router/web', state: 'held', holder: 'lvs1', remaining: 3200 },
    { unit: 'router/db', state: 'waiting', holder: undefined, remaining: undefined },
  ] as const;
  const text = show({
    guards: {
      arbiter: { endpoint: 'https://e1:2379', problem: undefined, units },
      fencing: {
        agent: 'fence_ipmilan',
        running: false,
        last: { done: false, reason: 'timed out', at: ago(9) },
      },
      sync: { role: 'master', problem: 'no such device', foreign: ['backup daemon, id 7'] },
    },
  });
  expect(text).toContain('arbiter  etcd https://e1:2379 reachable');
  expect(text).toMatch(/router\/web: held, for another 3s, holder lvs1\n +router\/db: waiting\n/);
  expect(text).toContain('fencing  fence_ipmilan: FAILED 9s ago: timed out');
  expect(text).toContain('connection synchronisation  master: no such device');
  expect(text).toContain('not ours: backup daemon, id 7');
});

describe('a real server', () => {
  const healthOf = (changes: Parameters<typeof realServer>[0]): string => {
    const text = showServer({ realServers: [realServer(changes)], sorryServers: [] });
    return /^ +10\.1\.1\.2:80 {2}(.+?) {2}/m.exec(text)?.[1] ?? text;
  };

  test.each([
    ['up', { health: up }],
    ['up, 1 bad', { health: { ...up, against: 1 } }],
    ['up, not in table', { health: up, inTable: false }],
    ['down', { health: down, inTable: false }],
    ['down, 2 good', { health: { ...down, against: 2 }, inTable: false }],
    ['down, still in table', { health: down }],
    ['checking', { health: { healthy: undefined, against: 0, last: undefined }, inTable: false }],
    ['unchecked', { health: undefined }],
    ['unchecked, not in table', { health: undefined, inTable: false }],
  ])('%s', (words, changes) => {
    expect(healthOf(changes)).toBe(words);
  });

  test('cannot steer the terminal by what it answers', () => {
    const last = { ...(up.last ?? expect.fail()), good: false, text: 'status line \x1b[2J' };
    expect(showServer({ realServers: [realServer({ health: { ...up, last } })] })).not.toContain('\x1b');
  });
});

describe('a virtual server says whether clients are served', () => {
  const verdict = (changes: Partial<VirtualServerStatus>): string =>
    /wrr dr {2}(.+)$/m.exec(showServer(changes))?.[1] ?? '';

  test.each([
    ['2 of 2 serve', { realServers: [realServer(), realServer({ server: '10.1.1.3:80' })] }],
    [
      '1 of 2 serve',
      { realServers: [realServer(), realServer({ server: '10.1.1.3:80', weight: 0, tableWeight: 0 })] },
    ],
    ['NOBODY serves', { realServers: [realServer({ inTable: false, tableWeight: undefined })] }],
    [
      'SORRY SERVER in use',
      {
        realServers: [realServer({ inTable: false, tableWeight: undefined })],
        sorryServers: [
          { server: '127.0.0.1:80', state: 'in-use', health: undefined, connections: undefined },
        ] as const,
      },
    ],
  ])('%s', (words, changes) => {
    expect(verdict(changes)).toBe(words);
  });
});

describe('the table', () => {
  test('that cannot be reached says how to get it', () => {
    expect(showTable({ unavailable: 'the kernel has no IPVS: modprobe ip_vs' })).toContain(
      'UNAVAILABLE: the kernel has no IPVS: modprobe ip_vs',
    );
  });

  test('that was never compared', () => {
    expect(showTable({ verifiedAt: undefined })).toContain('not yet compared with the configuration');
  });

  test('that nobody wants', () => {
    const table = { ...sampleStatus().table, verifiedAt: undefined };
    expect(show({ virtualServers: [], table })).toContain(
      'IPVS table     not looked at: there are no services',
    );
  });

  test('with long lists of which the first lines are shown, unless asked for', () => {
    const found = Array.from({ length: 30 }, (_, i) => `tcp 10.1.1.254:${i + 1} was gone`);
    const table = { ...sampleStatus().table, repairs: 1, lastRepair: { at: ago(1), found } };
    expect(show({ table })).toContain(
      '    tcp 10.1.1.254:10 was gone\n    and 20 more: vipward status --verbose\n',
    );
    expect(show({ table }, true)).toContain('tcp 10.1.1.254:30 was gone');
  });

  test('with repairs, refusals and what is not ours', () => {
    const text = showTable({
      repairs: 2,
      lastRepair: { at: ago(4000), found: ['tcp 10.1.1.254:80 was gone'] },
      refused: ['add real server: EEXIST'],
      foreign: ['tcp 192.0.2.1:443'],
    });
    expect(text).toContain('NOT as configured, verified 3s ago');
    expect(text).toContain('2 repairs, the last 1h6m ago:\n    tcp 10.1.1.254:80 was gone');
    expect(text).toContain('refused by the kernel:\n    add real server: EEXIST');
    expect(text).toContain('not ours and left alone:\n    tcp 192.0.2.1:443');
  });
});

describe('what is tracked and who is told', () => {
  const fine = {
    kind: 'INSTANCE',
    name: 'web',
    told: 'MASTER',
    telling: undefined,
    waiting: 0,
    dropped: 0,
  } as const;
  const script = { kind: 'script', name: 'chk', looks: 40, skipped: 0 } as const;
  const activity = {
    trackers: [script],
    notify: [fine],
    mail: { sent: 3, failed: 0, dropped: 0, waiting: 1 },
  };

  test('is shown when asked for', () => {
    expect(show({ activity })).not.toContain('TRACKING AND NOTIFICATION');
    expect(show({ activity }, true)).toContain(`\
TRACKING AND NOTIFICATION
  script chk: looked at 40 times
  notify INSTANCE web: told MASTER
  mail: 3 sent, 0 failed, 0 dropped, 1 waiting
`);
  });

  test('is shown unasked where something is slow or was lost', () => {
    const slow = { ...fine, telling: 'BACKUP', waiting: 2, dropped: 1 } as const;
    const text = show({
      activity: {
        trackers: [{ ...script, skipped: 12 }],
        notify: [fine, slow],
        mail: { sent: 0, failed: 1, dropped: 0, waiting: 0 },
      },
    });
    expect(text).toContain(`\
TRACKING AND NOTIFICATION
  script chk: looked at 40 times, left out 12 times since the look before was still under way
  notify INSTANCE web: told MASTER, tells BACKUP now, 2 states waiting, 1 state never told
  mail: 0 sent, 1 failed, 0 dropped, 0 waiting
`);
  });
});

describe('what operators said', () => {
  const said = {
    ...{ service: 'web', server: '10.1.1.2:80', weight: undefined, reason: 'new\nkernel', by: 'ada' },
    ...{ since: ago(120), until: undefined, drainedAt: undefined, cutOff: undefined },
  } as const;

  test.each<[string, Partial<Override>]>([
    ['10.1.1.2:80 draining, 3m0s left, asked for by ada 2m0s ago: new kernel', { until: ago(-180) }],
    ['10.1.1.2:80 draining, its time is over, asked for by ada 2m0s ago: new kernel', { until: ago(1) }],
    ['10.1.1.2:80 drained, asked for by ada 2m0s ago: new kernel', { drainedAt: ago(60), cutOff: 0 }],
    [
      '10.1.1.2:80 drained (7 connections cut off), asked for by ada 2m0s ago: new kernel',
      { drainedAt: ago(60), cutOff: 7 },
    ],
    ['10.1.1.2:80 disabled by ada 2m0s ago: new kernel', { action: 'disable' }],
    ['10.1.1.2:80 given weight 5 by ada 2m0s ago', { action: 'weight', weight: 5, reason: undefined }],
  ])('%s', (words, changes) => {
    const override = { ...said, action: 'drain', ...changes } as const;
    const text = showServer({ realServers: [realServer({ override })] });
    expect(text.split('\n').map((line) => line.trim())).toContain(words);
  });

  test('of a real server that is not in the file', () => {
    const text = show({
      overrides: [{ ...said, action: 'disable', dangling: true, connections: undefined }],
    });
    expect(text).toContain(
      'web: 10.1.1.2:80 disabled by ada 2m0s ago: new kernel; not in the file: vipward enable web',
    );
  });
});

describe('a pool', () => {
  test('that has lost its quorum says by how much', () => {
    const quorum = { state: 'lost', healthy: 2, weight: 3, hysteresis: 0 } as const;
    expect(showServer({ quorum, sorryServers: [] })).toContain(
      '1 of 2 serve, QUORUM LOST: healthy weight 2 of 3',
    );
  });

  test('whose checks rest says so', () => {
    const text = showServer({ checks: 'resting' });
    expect(text).toContain('checks rest while not active here');
    expect(text).toMatch(/10\.1\.1\.3:80 +resting, not in table/);
  });

  test('behind mh shows what directors must agree on', () => {
    expect(showServer({ scheduler: 'mh' })).toContain('digest 99b2c3d4e5f6');
  });

  test('with thresholds shows them', () => {
    const realServers = [realServer({ upperThreshold: 1000, lowerThreshold: 800 }), realServer()];
    expect(showServer({ realServers })).toMatch(/ thresholds +last check\n.* 1000\/800 .*\n.* - /);
  });

  test('shows the weight in the table beside the one in the file', () => {
    expect(showServer({ realServers: [realServer({ tableWeight: 0 })] })).toMatch(/ 0 \(2\) /);
  });
});
