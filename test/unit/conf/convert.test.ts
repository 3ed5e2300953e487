import { describe, expect, test } from 'vitest';
import { configOf } from './support.ts';

const BASE = 'interface: eth0, vrid: 51, addresses: [10.1.1.254/24]';
const routerOf = (keys: string, rest = '') => {
  const [router] = configOf(`virtual_routers: { web: { ${BASE}, ${keys} } }\n${rest}`).virtualRouters;
  if (router === undefined) throw new Error('no virtual router');
  return router;
};

const PEERS = 'peers: [10.1.1.2, { address: 10.1.1.3, min_ttl: 255 }]';
const PEER_MODEL = [
  { address: '10.1.1.2', leastTtl: undefined },
  { address: '10.1.1.3', leastTtl: 255 },
];
const script = (path: string, rest: object = {}) => ({
  command: [path],
  user: undefined,
  group: undefined,
  timeout: 60_000,
  ...rest,
});

describe('virtual routers', () => {
  test.each<[string, object]>([
    ['preempt: false', { preempt: false, preemptDelay: 0 }],
    ['preempt: { delay: 30s }', { preempt: true, preemptDelay: 30_000 }],
    ['preempt:', { preempt: true, preemptDelay: 0 }],
    ['startup_delay: 10s', { startupDelay: 10_000 }],
    ['vmac: true', { vmac: { device: 'vrrp.51' } }],
    ['vmac: false', { vmac: undefined }],
    ['vmac: { device: vip0 }', { vmac: { device: 'vip0' } }],
    ['vmac: {}', { vmac: { device: 'vrrp.51' } }],
    ['accept: false, probe: off', { accept: false, probe: 'off' }],
    ['announce: { refresh: 1m }', { announce: { count: 5, refresh: 60_000 } }],
    [
      'notify: /bin/true',
      { notify: { all: script('/bin/true'), active: undefined, stop: undefined, mail: false } },
    ],
    ['notify: [/bin/echo, "two words"]', { notify: { all: { command: ['/bin/echo', 'two words'] } } }],
    [
      'notify: { active: { command: /bin/true, user: nobody, timeout: 1s }, fault: [/bin/true, x] }',
      {
        notify: {
          all: undefined,
          active: script('/bin/true', { user: 'nobody', timeout: 1000 }),
          fault: { command: ['/bin/true', 'x'] },
        },
      },
    ],
    [
      'track: { interfaces: [eth1, { name: eth0, weight: -20 }], services: [] }',
      {
        track: [
          { kind: 'interface', name: 'eth1', weight: undefined, inverse: false },
          { kind: 'interface', name: 'eth0', weight: -20, inverse: false },
        ],
      },
    ],
  ])('%s', (keys, model) => {
    expect(routerOf(keys)).toMatchObject(model);
  });

  test('the start is delayed for all where the section vrrp says so', () => {
    expect(routerOf('priority: 1', 'vrrp: { startup_delay: 3s }').startupDelay).toBe(3000);
    expect(routerOf('startup_delay: 0s', 'vrrp: { startup_delay: 3s }').startupDelay).toBe(0);
  });

  test('both families, in the order of the file, each with its full length unless given', () => {
    const text = `virtual_routers:
  web:
    interface: eth0
    vrid: 1
    addresses: ['FE80::0:10/64', 10.1.1.254, '2001:db8::1', { address: 10.1.1.9/24, device: eth1, label: 'eth1:v', scope: link, excluded: true }, { address: 10.1.1.8 }]`;
    expect(configOf(text).virtualRouters[0]?.addresses).toEqual([
      { address: 'fe80::10', length: 64 },
      { address: '10.1.1.254', length: 32 },
      { address: '2001:db8::1', length: 128 },
      { address: '10.1.1.9', length: 24, device: 'eth1', label: 'eth1:v', scope: 'link', excluded: true },
      { address: '10.1.1.8', length: 32 },
    ]);
  });
});

describe('the ways of adverts', () => {
  const own = { interface: 'eth0', transport: 'vrrp', peers: PEER_MODEL, source: [], port: 61112 };
  const plain = { interface: 'eth1', transport: 'vrrp', peers: [], source: [], port: 61112 };
  test.each<[string, readonly object[]]>([
    [PEERS, [own]],
    [`${PEERS}, source: 10.1.1.1`, [{ ...own, source: ['10.1.1.1'] }]],
    [`${PEERS}, heartbeat: [eth1]`, [own, plain]],
    [`${PEERS}, heartbeat: [eth1, eth0]`, [own, plain]],
    [
      `${PEERS}, heartbeat: [{ interface: eth0, source: 10.1.1.1 }, { interface: eth1, peers: [10.2.2.2] }]`,
      [
        { ...own, source: ['10.1.1.1'] },
        { ...plain, peers: [{ address: '10.2.2.2', leastTtl: undefined }] },
      ],
    ],
  ])('%s', (keys, paths) => {
    expect(routerOf(keys).heartbeat).toEqual(paths);
  });

  const KEY = 'k'.repeat(32);
  const hex = (text: string): string => Buffer.from(text).toString('hex');
  test.each<[string, unknown]>([
    ['version: 2, authentication: { text: "1111" }', { type: 'text', password: '1111' }],
    [
      `authentication: { hmac: [{ id: 1, key: ${KEY} }] }`,
      { type: 'hmac', keys: [{ id: 1, secret: hex(KEY) }] },
    ],
    [
      `authentication: { hmac: [{ id: 1, key: ${KEY} }, { id: 7, key_file: /etc/vipward/web.key, active: true }] }`,
      {
        type: 'hmac',
        keys: [
          { id: 7, secret: '0a'.repeat(32) },
          { id: 1, secret: hex(KEY) },
        ],
      },
    ],
  ])('%s', (keys, authentication) => {
    expect(routerOf(keys).authentication).toEqual(authentication);
  });
});

describe('routes and rules', () => {
  test.each<[string, object]>([
    [
      '{ to: default, via: 10.1.1.9, device: eth0 }',
      {
        family: 'ipv4',
        destination: 'default',
        type: 'unicast',
        nextHops: [{ via: '10.1.1.9', device: 'eth0' }],
      },
    ],
    [
      "{ to: default, via: '2001:db8::9', table: 100, metric: 5, mtu: 1400, scope: 7 }",
      {
        family: 'ipv6',
        destination: 'default',
        type: 'unicast',
        nextHops: [{ via: '2001:db8::9' }],
        table: 100,
        metric: 5,
        mtu: 1400,
        scope: 7,
      },
    ],
    [
      "{ to: 0.0.0.0/0, via: 'fe80::1', device: eth0, onlink: true, table: local }",
      {
        family: 'ipv4',
        destination: 'default',
        type: 'unicast',
        nextHops: [{ via: 'fe80::1', device: 'eth0' }],
        table: 255,
        onlink: true,
      },
    ],
    [
      '{ to: 10.0.0.0/8, next_hops: [{ via: 10.1.1.8, weight: 3 }, { device: eth1 }], source: 10.1.1.254 }',
      {
        family: 'ipv4',
        destination: { address: '10.0.0.0', length: 8 },
        type: 'unicast',
        nextHops: [
          { via: '10.1.1.8', weight: 3 },
          { device: 'eth1', weight: 1 },
        ],
        source: '10.1.1.254',
      },
    ],
    [
      '{ to: 10.9.9.9, type: blackhole }',
      { family: 'ipv4', destination: { address: '10.9.9.9', length: 32 }, type: 'blackhole', nextHops: [] },
    ],
  ])('route %s', (route, spec) => {
    expect(configOf(`static: { routes: [${route}] }`).fixed.routes).toEqual([spec]);
    expect(routerOf(`routes: [${route}]`).routes).toEqual([spec]);
  });

  test.each<[string, object]>([
    [
      '{ from: 10.1.1.254, table: 100, priority: 0 }',
      { family: 'ipv4', from: { address: '10.1.1.254', length: 32 }, priority: 0, action: { table: 100 } },
    ],
    [
      "{ to: '2001:db8::/32', table: main }",
      { family: 'ipv6', to: { address: '2001:db8::', length: 32 }, action: { table: 254 } },
    ],
    [
      '{ fwmark: "0x1/0xff", iif: eth0, family: ipv6, action: prohibit }',
      { family: 'ipv6', fwmark: { mark: 1, mask: 255 }, iif: 'eth0', action: 'prohibit' },
    ],
    ['{ fwmark: 7, table: default }', { family: 'ipv4', fwmark: { mark: 7 }, action: { table: 253 } }],
  ])('rule %s', (rule, spec) => {
    expect(routerOf(`rules: [${rule}]`).rules).toEqual([spec]);
  });
});

describe('sections', () => {
  const ROUTER = `virtual_routers: { web: { ${BASE} } }`;
  const sectionOf = (text: string) => configOf(`${ROUTER}\n${text}`);

  test('trackers', () => {
    const { trackers } = sectionOf(`track:
  scripts: { a: { command: /bin/true }, b: { command: [/bin/true, x], interval: 10s }, c: { command: /bin/true, timeout: 9s, initial: up } }
  processes: { nginx: { process: nginx } }
  files: { maint: { path: /run/maint } }
  gateways: { gw: { interface: eth0 }, v6: { interface: eth0, address: 'fe80::1' } }`);
    expect(trackers.scripts).toMatchObject([
      { name: 'a', command: ['/bin/true'], interval: 2000, timeout: 2000, rise: 1, fall: 1, initial: 'wait' },
      { name: 'b', command: ['/bin/true', 'x'], timeout: 5000, user: undefined },
      { name: 'c', timeout: 9000, initial: 'up' },
    ]);
    expect(trackers.processes).toEqual([
      { name: 'nginx', process: 'nginx', arguments: [], least: 1, most: undefined, interval: 1000, grace: 0 },
    ]);
    expect(trackers.files).toEqual([{ name: 'maint', path: '/run/maint', interval: 1000 }]);
    expect(trackers.gateways).toEqual([
      { name: 'gw', interface: 'eth0', address: undefined, interval: 1000, rise: 1, fall: 3 },
      { name: 'v6', interface: 'eth0', address: 'fe80::1', interval: 1000, rise: 1, fall: 3 },
    ]);
  });

  test('sync groups', () => {
    expect(
      sectionOf('sync_groups: { site: { members: [web], notify: /bin/true } }').syncGroups,
    ).toMatchObject([{ name: 'site', members: ['web'], track: [], notify: { all: script('/bin/true') } }]);
  });

  test('arbiter', () => {
    expect(sectionOf('arbiter: { etcd: https://etcd1:2379/ }').arbiter).toEqual({
      etcd: ['https://etcd1:2379'],
      lease: 5,
      prefix: '/vipward/',
      directors: 2,
      caFile: undefined,
      certFile: undefined,
      keyFile: undefined,
      login: undefined,
    });
    const password = 'user: u, password_file: /etc/vipward/password';
    expect(
      sectionOf(`arbiter: { etcd: ["https://[2001:db8::1]:2379"], lease: 1m, ${password} }`).arbiter,
    ).toMatchObject({
      lease: 60,
      login: { user: 'u', password: 'sesame' },
    });
  });

  test('fencing', () => {
    expect(
      sectionOf('fencing: { agent: fence_x, options: { ip: 10.3.3.2, plug: 3, ssl: true } }').fencing,
    ).toEqual({
      agent: 'fence_x',
      options: { ip: '10.3.3.2', plug: '3', ssl: 'true' },
      timeout: 30_000,
      takeOverAfter: undefined,
    });
    const after = sectionOf('fencing: { agent: /sbin/fence_x, on_failure: { take_over_after: 1m } }').fencing;
    expect(after?.takeOverAfter).toBe(60_000);
  });

  test.each([
    ['starttls', 587],
    ['tls', 465],
    ['none', 25],
  ])('mail by %s goes to port %i', (security, port) => {
    const { mail } = configOf(`virtual_routers: { web: { ${BASE}, notify: { mail: true } } }
mail: { smtp: mail.example.com, security: ${security}, from: a@b, to: c@d }`);
    expect(mail).toEqual({
      host: 'mail.example.com',
      port,
      security,
      login: undefined,
      from: 'a@b',
      to: ['c@d'],
      timeout: 30_000,
    });
  });

  test('connection synchronisation never has the id 0', () => {
    expect(sectionOf('ipvs: { sync: { interface: eth1 } }').ipvs.sync).toMatchObject({
      id: 51,
      follow: undefined,
    });
    expect(sectionOf('ipvs: { sync: { interface: eth1, id: 9, follow: web, ttl: 2 } }').ipvs.sync).toEqual({
      interface: 'eth1',
      id: 9,
      follow: 'web',
      maxLength: undefined,
      group: undefined,
      port: undefined,
      ttl: 2,
    });
  });

  test('static addresses', () => {
    const text = 'static: { addresses: [{ address: 10.9.9.1/24, device: eth1, label: x }] }';
    expect(configOf(text).fixed.addresses).toEqual([
      { address: '10.9.9.1', length: 24, device: 'eth1', label: 'x' },
    ]);
  });
});
