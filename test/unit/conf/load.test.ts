import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/conf/load.ts';
import { realServerAt, sorryServerAt } from '../../support/virtual-server.ts';
import { configOf, LVS1, problemsOf, service } from './support.ts';

const example = readFileSync(new URL('example.yaml.txt', import.meta.url), 'utf8');

const NOBODY = {
  all: undefined,
  active: undefined,
  backup: undefined,
  fault: undefined,
  stop: undefined,
  mail: false,
};

describe('a right file', () => {
  test('the example is accepted as it stands, without a warning', () => {
    expect(loadConfig(example, 'f', LVS1)).toEqual({
      problems: [],
      config: {
        director: { name: 'lvs1' },
        vrrp: { realtime: false },
        ipvs: {
          exclusive: false,
          sync: undefined,
          timeouts: { tcp: undefined, tcpFin: undefined, udp: undefined },
          sysctl: {},
          prepare: true,
        },
        virtualRouters: [
          {
            name: 'web',
            interface: 'eth0',
            vrid: 51,
            version: 3,
            priority: 150,
            advertInterval: 100,
            downAdverts: 3,
            preempt: true,
            preemptDelay: 0,
            startupDelay: 0,
            checksum: 'legacy',
            authentication: undefined,
            heartbeat: [{ interface: 'eth0', transport: 'vrrp', peers: [], source: [], port: 61112 }],
            addresses: [{ address: '10.1.1.254', length: 24 }],
            routes: [],
            rules: [],
            vmac: undefined,
            accept: true,
            announce: {
              count: 5,
              spacing: 100,
              delay: 5000,
              delayedCount: 5,
              refresh: 0,
              addressSpacing: 0,
            },
            track: [],
            probe: 'beside',
            notify: NOBODY,
          },
        ],
        syncGroups: [],
        trackers: { scripts: [], processes: [], files: [], gateways: [] },
        arbiter: undefined,
        fencing: undefined,
        mail: undefined,
        fixed: { addresses: [], routes: [], rules: [] },
        virtualServers: [
          {
            name: 'web',
            entries: [{ kind: 'address', address: '10.1.1.254', port: 80, protocol: 'tcp' }],
            match: [],
            scheduler: 'wrr',
            schedulerFlags: [],
            persistence: undefined,
            onePacket: false,
            check: {
              probe: {
                kind: 'http',
                tls: undefined,
                path: '/',
                host: undefined,
                status: [{ from: 200, to: 299 }],
              },
              interval: 3000,
              connectTimeout: 1000,
              timeout: 2000,
              rise: 1,
              fall: 1,
              port: undefined,
            },
            checkWhile: 'always',
            initial: 'down',
            onFailure: 'remove',
            quorum: { weight: 1, hysteresis: 0 },
            notify: { quorumUp: undefined, quorumDown: undefined },
            sorryServers: [sorryServerAt('127.0.0.1')],
            realServers: [realServerAt('10.1.1.2', { weight: 2 }), realServerAt('10.1.1.3')],
          },
        ],
      },
    });
  });

  test('both directors may differ in priority alone', () => {
    expect(problemsOf(example.replace('priority: 150', 'priority: 100'))).toEqual([]);
  });

  test('what is not given has its default', () => {
    const config = configOf(
      `${service('check: { https: { host: www.example.com } }')}
virtual_routers: { web: { interface: eth0, vrid: 1, addresses: [10.1.1.254] } }`,
    );
    expect(config.director.name).toBe('lvs1.example.com');
    expect(config.virtualRouters).toMatchObject([
      {
        priority: 100,
        advertInterval: 100,
        preempt: true,
        addresses: [{ address: '10.1.1.254', length: 32 }],
      },
    ]);
    expect(config.virtualServers).toMatchObject([
      {
        entries: [{ protocol: 'tcp' }],
        scheduler: 'wlc',
        sorryServers: [],
        realServers: [{ port: 80, weight: 1 }],
        check: {
          probe: {
            tls: { verify: true },
            host: 'www.example.com',
            path: '/',
            status: [{ from: 200, to: 299 }],
          },
          interval: 3000,
          connectTimeout: 1000,
          timeout: 2000,
          rise: 2,
          fall: 3,
        },
      },
    ]);
  });

  test.each([
    ['', 1000],
    ['timeout: 500ms', 500],
    ['timeout: 5s', 1000],
    ['timeout: 500ms, connect_timeout: 200ms', 200],
  ])('connect_timeout of { %s } is %i ms', (keys, connectTimeout) => {
    const [server] = configOf(service(`check: { tcp: {}, ${keys} }`)).virtualServers;
    expect(server?.check).toMatchObject({ connectTimeout });
  });

  test.each([
    ['200', [{ from: 200, to: 200 }]],
    ['"204"', [{ from: 204, to: 204 }]],
    [
      "[200, 204, '300-399']",
      [
        { from: 200, to: 200 },
        { from: 204, to: 204 },
        { from: 300, to: 399 },
      ],
    ],
  ])('status: %s', (status, ranges) => {
    const [server] = configOf(service(`check: { http: { status: ${status} } }`)).virtualServers;
    expect(server?.check?.probe).toMatchObject({ kind: 'http', tls: undefined, status: ranges });
  });

  test('nothing differs with a byte order mark, CRLF, or an alias in the place of a value', () => {
    const config = configOf(example);
    expect(configOf(`\ufeff${example}`)).toEqual(config);
    expect(configOf(example.replaceAll('\n', '\r\n'))).toEqual(config);
    const aliased = example.replace('interval: 3s', 'interval: &t 2s').replace('timeout: 2s', 'timeout: *t');
    const spelled = example.replace('interval: 3s', 'interval: 2s');
    expect(configOf(aliased)).toEqual(configOf(spelled));
  });

  test('a name that looks like a number is a name', () => {
    expect(configOf(service('check: { tcp: {} }').replace('web:', '80:')).virtualServers).toMatchObject([
      { name: '80', check: { probe: { kind: 'tcp' } } },
    ]);
  });

  test('a section whose keys are all commented out is an empty section', () => {
    expect(
      problemsOf(`director:\nvrrp:\n  # realtime: true\nvirtual_routers:\n${service('check: { tcp: }')}`),
    ).toEqual([]);
  });

  test.each(['sorry_server: { address: 10.1.1.9, check: { tcp: } }', 'persistence:', 'quorum:', 'notify:'])(
    'what needs no setting may have none: %s',
    (line) => {
      expect(problemsOf(service('check: { tcp: }', line))).toEqual([]);
    },
  );

  test('a sorry server has the port of the service unless it is given', () => {
    const [server] = configOf(service('check: { tcp: {} }', 'sorry_server: 127.0.0.1')).virtualServers;
    expect(server?.sorryServers).toEqual([sorryServerAt('127.0.0.1')]);
  });
});

describe('a file in which everything is wrong', () => {
  test('all of it is reported in one go, in the order of the file', () => {
    const text = `director: { nam: lvs1 }
virtual_routers:
  web:
    interface: eth0
    vrid: 300
    advert_interval: 5ms
    addresses: [10.1.1.300/24, 10.1.1.254/24, 10.1.1.254]
services:
  web:
    address: 10.1.1.254
    port: "http"
    check:
      http: { status: 299-200 }
      interval: 3
      connect_timeout: 3s
    real_servers:
      - { address: 10.1.1.2, wieght: 2 }
      - { address: 10.1.1.2 }
      - {}
`;
    expect(problemsOf(text)).toEqual([
      '1:13: error: unknown key "nam": did you mean "name"?',
      '5:11: error: vrid: expected a whole number from 1 to 255, not 300',
      '6:22: error: advert_interval: expected a duration from 10ms to 40.95s in steps of 10ms, not "5ms"',
      '7:17: error: addresses[0]: expected an address with a prefix length (1 to 32, or 1 to 128 for IPv6) such as 10.1.1.254/24 or 2001:db8::1/64, not "10.1.1.300/24"',
      '7:47: error: 10.1.1.254 is an address of this virtual router already (as /24, and here as /32): remove one of them',
      '9:3: error: services.web: missing key "forwarding": dr, nat, tun or fullnat',
      '11:11: error: port: expected a port from 1 to 65535 such as 80, a range such as 8000-8010, or a list of them, or any, not "http"',
      '13:23: error: status: expected a status from 100 to 599 such as 200, a range such as 200-299, or a list of them, not "299-200"',
      '14:17: error: interval: expected a duration with a unit such as 1s or 100ms, not the bare number 3',
      '15:24: error: connect_timeout 3s is more than timeout allows for the whole probe, 2s: make timeout 3s or more, or connect_timeout 2s or less',
      '17:30: error: unknown key "wieght": did you mean "weight"?',
      '19:9: error: services.web.real_servers[2]: missing key "address": an IPv4 or IPv6 address such as 10.1.1.2 or 2001:db8::2, without a prefix length',
    ]);
  });

  test('an error leaves no configuration, a warning does', () => {
    const warned = loadConfig(service(), 'f', LVS1);
    expect(warned.config).toBeDefined();
    expect(warned.problems).toMatchObject([{ severity: 'warning', file: 'f', line: 2, column: 3 }]);
    expect(loadConfig(`${service()}\nx: 1`, 'f', LVS1).config).toBeUndefined();
  });
});

test('a secret is read once, so that a file that is replaced meanwhile cannot be half checked', () => {
  const answers = [{ text: 'sesame', exposed: false }, { problem: 'does not exist' }];
  const readSecret = () => answers.shift() ?? { problem: 'was read a third time' };
  const text = `virtual_routers: { web: { interface: eth0, vrid: 1, addresses: [10.1.1.9/24] } }
arbiter: { etcd: https://etcd1, user: u, password_file: /p }`;
  expect(configOf(text, { ...LVS1, readSecret }).arbiter?.login?.password).toBe('sesame');
});
