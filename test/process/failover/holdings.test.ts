/** What a virtual router puts into the kernel while it is active: addresses of every kind, routes, rules, and static ones. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Daemon, startDaemon } from '../../lab/support/daemon.ts';
import { until } from '../../support/until.ts';
import { advertsOf, becomes, createStage, held, routerOf, type Stage } from './stage.ts';

/** The second address of `many` and those after it. */
const MANY = Array.from({ length: 300 }, (_, i) => `10.3.${Math.floor(i / 200)}.${1 + (i % 200)}`);

const yaml = `
virtual_routers:
  web:
    interface: eth0
    vrid: 1
    # Whoever stands still for three intervals gives up, and a busy machine does for a second or two.
    advert_interval: 1s
    addresses:
      - { address: 10.1.1.201/24, label: "eth0:vip" }
      - { address: 10.1.1.202/32, scope: link, excluded: true }
      - { address: 10.2.2.203/24, device: eth1, excluded: true }
      - { address: "fd51::1/64", device: eth1, excluded: true }
    routes:
      - { to: 10.50.0.0/16, via: 10.1.1.9, source: 10.1.1.201 }
      - { to: 10.51.0.0/16, type: blackhole, table: 100 }
      - { to: 10.52.0.0/16, via: 10.1.1.9 }
      - { to: "fd50::/64", device: eth0, mtu: 1400 }
    rules:
      - { from: 10.1.1.201, table: 100, priority: 1000 }
  many:
    interface: eth0
    vrid: 2
    advert_interval: 1s
    # One after the other: the observer's buffer does not hold so many at once.
    announce: { address_spacing: 1ms }
    addresses: [${MANY.map((address) => `${address}/32`).join(', ')}]
static:
  addresses: [{ address: 10.9.9.1/24, device: eth1 }]
  routes: [{ to: 10.60.0.0/16, via: 10.9.9.9, device: eth1 }]
  rules: [{ to: 10.60.0.0/16, table: 101, priority: 2000 }]
`;

/** Whether addresses of a network outlive the first of them. */
const SECONDARIES = (link: string): string => `net.ipv4.conf.${link}.promote_secondaries`;

let stage: Stage;
let daemon: Daemon;

beforeAll(async () => {
  stage = await createStage();
  await stage.one.run(`sysctl -qw ${SECONDARIES('eth0')}=0 ${SECONDARIES('eth1')}=1`);
  daemon = await startDaemon(stage.one, yaml);
  await becomes(daemon, 'web', 'MASTER');
  await becomes(daemon, 'many', 'MASTER');
  // On a busy machine 300 addresses may take longer than `web` can do without an advert.
  await until(async () => (await daemon.status()).virtualRouters.every(({ state }) => state === 'active'));
});
afterAll(() => stage?.lab.close());

const secondaries = (): Promise<string> =>
  stage.one.run(`sysctl -n ${SECONDARIES('eth0')} ${SECONDARIES('eth1')}`);
const ip = (command: string): Promise<string> => stage.one.run(`ip ${command}`);

describe('addresses', () => {
  it('have the link, label and scope that they are to have', async () => {
    expect(await ip('-o address show to 10.1.1.201')).toMatch(/eth0 .*scope global .*eth0:vip\b/);
    expect(await ip('-o address show to 10.1.1.202')).toMatch(/eth0 .*10\.1\.1\.202\/32 scope link/);
    expect(await ip('-o address show to 10.2.2.203')).toMatch(/: eth1 /);
  });

  it('outlive each other, on a link that was set up otherwise, too', async () => {
    expect(await secondaries()).toBe('1\n1\n');
  });

  it('are advertised unless they are excluded', async () => {
    await stage.wire.events.waitFor(() => advertsOf(stage, '10.1.1.4', 1).length > 0);
    expect(advertsOf(stage, '10.1.1.4', 1).at(-1)?.addresses).toEqual(['10.1.1.201']);
  });

  it('are all put and announced where an advert has no room for all of them', async () => {
    expect(await held(stage.one, ...MANY)).toEqual(MANY);
    const announced = () =>
      new Set(
        stage.wire.events.all.flatMap((seen) => (seen.kind === 'arp' && seen.gratuitous ? seen.sender : [])),
      );
    await stage.wire.events.waitFor(() => MANY.every((address) => announced().has(address)));
    await stage.wire.events.waitFor(() => advertsOf(stage, '10.1.1.4', 2).length > 0);
    const told = advertsOf(stage, '10.1.1.4', 2).at(-1)?.addresses ?? [];
    expect(told.length).toBeGreaterThan(0);
    expect(told.length).toBeLessThan(MANY.length);
    expect((await routerOf(daemon, 'many')).counters.sendErrors).toBe(0);
  });
});

describe('routes and rules', () => {
  it('are there while it is active, and static ones always', async () => {
    expect(await ip('route show 10.50.0.0/16')).toMatch(/via 10\.1\.1\.9 dev eth0 .*src 10\.1\.1\.201/);
    expect(await ip('route show table 100')).toMatch(/blackhole 10\.51\.0\.0\/16/);
    expect(await ip('rule show priority 1000')).toMatch(/from 10\.1\.1\.201 lookup 100/);
    expect(await ip('route show 10.60.0.0/16')).toMatch(/via 10\.9\.9\.9 dev eth1/);
    expect(await ip('rule show priority 2000')).toMatch(/to 10\.60\.0\.0\/16 lookup 101/);
  });
});

describe('a reload while it is active', () => {
  const OURS = ['-4 route show table all proto 112', 'rule show', '-6 route show table all proto 112'];
  /** What is ours, in words that do not depend on the kernel's version. */
  const ours = async (): Promise<readonly string[]> => {
    const listings = await Promise.all(OURS.map(ip));
    const lines = listings.join('').split('\n');
    const words = /^(?:blackhole )?\S+|via \S+|src \S+|mtu \d+|(?:table|lookup) 10\d|from \S+|\bto \S+/g;
    return lines
      .filter((line) => /10\.[56][0-2]\.|10\.1\.1\.20|fd50/.test(line))
      .map((line) => (line.match(words) ?? []).join(' '))
      .sort();
  };
  const changed = (text: string): string =>
    text
      .replace('10.50.0.0/16, via: 10.1.1.9', '10.50.0.0/16, via: 10.1.1.8')
      .replace('table: 100, priority: 1000', 'table: 102, priority: 1001')
      .replace('mtu: 1400', 'mtu: 1300')
      .replace('fd51::1/64', 'fd51::1/128')
      .replace('[{ address: 10.9.9.1/24, device: eth1 }]', '[]')
      .replace('10.2.2.203/24, device: eth1, excluded: true }', (text) =>
        [text, '      - { address: 10.9.9.1/24, device: eth1, excluded: true }'].join('\n'),
      )
      .replace('10.52.0.0/16, via: 10.1.1.9', '10.52.0.0/16, via: 10.1.1.9, source: 10.1.1.201, mtu: 1300')
      .replace('via: 10.9.9.9, device: eth1', 'via: 10.9.9.8')
      .replace('type: blackhole, table: 100', 'type: blackhole, table: 102');
  const CHANGED = [
    '10.50.0.0/16 via 10.1.1.8 src 10.1.1.201',
    '10.52.0.0/16 via 10.1.1.9 src 10.1.1.201 mtu 1300',
    '10.60.0.0/16 via 10.9.9.8',
    '1001: from 10.1.1.201 lookup 102',
    '2000: from all to 10.60.0.0/16 lookup 101',
    'blackhole 10.51.0.0/16 table 102',
    'fd50::/64 mtu 1300',
  ];

  it('has the addresses, routes and rules of the new file, and no others; and those of the old one after another', async () => {
    const before = await ours();
    const watch = await stage.one.spawn(['ip', 'monitor', 'route']);
    // It says nothing when it begins to hear.
    const heard = async (): Promise<number> => {
      await ip('route add blackhole 10.54.0.0/16');
      await ip('route del blackhole 10.54.0.0/16');
      return watch.stdout.all.length;
    };
    await expect.poll(heard, { timeout: 60_000 }).toBeGreaterThan(0);
    const since = daemon.log.mark;
    for (const [file, wanted] of [
      [changed(yaml), CHANGED],
      [yaml, before],
    ] as const) {
      await daemon.configure(file);
      expect((await daemon.reload()).applied).toBe(true);
      expect(await ours()).toEqual(wanted);
      expect(await held(stage.one, '10.9.9.1')).toEqual(['10.9.9.1']);
      expect(await ip('-o address show to fd51::1')).toContain(/fd51::1\/\d+/.exec(file)?.[0]);
    }
    expect(daemon.log.all.slice(since).filter(({ message }) => message.includes('put back'))).toEqual([]);
    const back = '10.50.0.0/16 via 10.1.1.9';
    await watch.stdout.waitFor((line) => line.startsWith('Deleted 10.50.0.0/16 via 10.1.1.8'));
    const seen = watch.stdout.all.filter((line) => /^(Deleted )?10\.50\.0\.0/.test(line));
    expect(seen.map((line) => line.replace(/ dev .*/, ''))).toEqual([
      '10.50.0.0/16 via 10.1.1.8',
      `Deleted ${back}`,
      back,
      'Deleted 10.50.0.0/16 via 10.1.1.8',
    ]);
    await watch.stop();
  });
});

/** How each is taken away by somebody else, and how it is seen. */
const REMOVALS = [
  ['an address', 'address del 10.1.1.201/24 dev eth0', 'address show to 10.1.1.201', '10.1.1.201/24'],
  ['an address elsewhere', 'address del 10.2.2.203/24 dev eth1', 'address show to 10.2.2.203', '10.2.2.203'],
  ['a route', 'route del 10.50.0.0/16', 'route show 10.50.0.0/16', 'via 10.1.1.9'],
  ['a route of a table', 'route flush table 100', 'route show table 100', 'blackhole'],
  ['a rule', 'rule del priority 1000', 'rule show priority 1000', 'lookup 100'],
  ['a static address', 'address del 10.9.9.1/24 dev eth1', 'address show to 10.9.9.1', '10.9.9.1/24'],
  ['a static route', 'route del 10.60.0.0/16', 'route show 10.60.0.0/16', 'via 10.9.9.9'],
  ['a static rule', 'rule del priority 2000', 'rule show priority 2000', 'lookup 101'],
] as const;

describe('what somebody else removes is put back', () => {
  it.each(REMOVALS)('%s', async (_, removal, show, wanted) => {
    expect(await ip(show)).toContain(wanted);
    await ip(removal);
    await expect.poll(() => ip(show), { timeout: 60_000 }).toContain(wanted);
    expect((await routerOf(daemon, 'web')).state).toBe('active');
  });

  it('and a static route comes back after the address that it needed', async () => {
    // Not `flush`, which goes on until the address is gone and fails where it is put back each time.
    await ip('address del 10.9.9.1/24 dev eth1');
    await expect.poll(() => ip('route show 10.60.0.0/16'), { timeout: 60_000 }).toContain('via 10.9.9.9');
  });
});

describe('the end of being active', () => {
  it('takes them away, static ones stay', async () => {
    const since = daemon.log.mark;
    await stage.one.ports[0]?.power(false);
    await becomes(daemon, 'web', 'FAULT', since);
    await becomes(daemon, 'many', 'FAULT', since);
    const virtual = ['10.1.1.201', '10.1.1.202', '10.2.2.203', ...MANY];
    await expect.poll(() => held(stage.one, ...virtual), { timeout: 60_000 }).toEqual([]);
    expect(await ip('route show table all')).not.toMatch(/10\.5[01]\.0\.0/);
    expect(await ip('rule show')).not.toMatch(/^1000:/m);
    expect(await held(stage.one, '10.9.9.1')).toEqual(['10.9.9.1']);
    const back = daemon.log.mark;
    await stage.one.ports[0]?.power(true);
    await becomes(daemon, 'web', 'MASTER', back);
    expect(await ip('route show 10.50.0.0/16')).toContain('via 10.1.1.9');
  });

  it('and the end of the daemon takes the static ones too', async () => {
    expect(await daemon.stop()).toEqual({ code: 0 });
    expect(await held(stage.one, '10.1.1.201', '10.9.9.1', ...MANY)).toEqual([]);
    expect(await ip('route show table all')).not.toMatch(/10\.(50|51|60)\.0\.0/);
    expect(await ip('rule show')).not.toMatch(/^[12]000:/m);
    // As each was before.
    expect(await secondaries()).toBe('0\n1\n');
  });
});
