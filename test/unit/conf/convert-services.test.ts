import { describe, expect, test } from 'vitest';
import { tableKeyText } from '../../../src/model/ipvs-table.ts';
import { realServerAt, sorryServerAt } from '../../support/virtual-server.ts';
import { CHECKED, configOf, service } from './support.ts';

const script = (path: string, rest: object = {}) => ({
  command: [path],
  user: undefined,
  group: undefined,
  timeout: 60_000,
  ...rest,
});

describe('virtual servers', () => {
  const serverOf = (...lines: string[]) => {
    const [server] = configOf(service('check: { tcp: {}, port: 80 }', ...lines)).virtualServers;
    if (server === undefined) throw new Error('no virtual server');
    return server;
  };
  const gue = { kind: 'gue', port: 6080, checksum: 'none' };

  test.each<[string, object]>([
    ['protocol: sctp', { entries: [{ kind: 'address', protocol: 'sctp', address: '10.1.1.1', port: 80 }] }],
    ['scheduler_flags: flag-3', { schedulerFlags: ['flag-3'] }],
    ['scheduler_flags: [flag-1, flag-2, flag-1]', { schedulerFlags: ['flag-1', 'flag-2'] }],
    ['initial: up', { initial: 'up', checkWhile: 'always', onePacket: false }],
    ['scheduler: mh', { onFailure: 'drain' }],
    ['scheduler: sh', { onFailure: 'remove' }],
    ['on_failure: drain', { onFailure: 'drain' }],
    ['quorum: 1', { quorum: { weight: 1, hysteresis: 0 } }],
    ['persistence: 1s', { persistence: { timeout: 1, ipv4Prefix: 32, ipv6Prefix: 128, engine: undefined } }],
    ['persistence:', { persistence: { timeout: 300 } }],
    [
      'persistence: { timeout: 1h, netmask: 255.255.254.0, prefix: 64 }',
      { persistence: { timeout: 3600, ipv4Prefix: 23, ipv6Prefix: 64 } },
    ],
    ['persistence: { netmask: 1 }', { persistence: { ipv4Prefix: 1 } }],
    ['thresholds: { upper: 10, lower: 8 }', { realServers: [{ upperThreshold: 10, lowerThreshold: 8 }] }],
    ['sorry_server: 127.0.0.1', { sorryServers: [sorryServerAt('127.0.0.1')] }],
    [
      'sorry_server: [127.0.0.1:80, { address: 10.1.1.9, forwarding: nat, port: 81, check: { tcp: {} } }]',
      {
        sorryServers: [
          sorryServerAt('127.0.0.1'),
          { address: '10.1.1.9', port: 81, forwarding: 'nat', check: { probe: { kind: 'tcp' }, rise: 2 } },
        ],
      },
    ],
    [
      'notify: { quorum_up: /bin/true, quorum_down: { command: [/bin/true, x], user: nobody, timeout: 1s } }',
      {
        notify: {
          quorumUp: script('/bin/true'),
          quorumDown: script('/bin/true', { command: ['/bin/true', 'x'], user: 'nobody', timeout: 1000 }),
        },
      },
    ],
  ])('%s', (keys, model) => {
    expect(serverOf(keys)).toMatchObject(model);
  });

  test.each<[string, object]>([
    ['gre', { kind: 'gre', port: 0, checksum: 'none' }],
    ['gue', gue],
    ['{ type: gue }', gue],
    ['{ type: gue, port: 1, checksum: remote }', { kind: 'gue', port: 1, checksum: 'remote' }],
    ['{ type: gre, checksum: plain }', { kind: 'gre', port: 0, checksum: 'plain' }],
  ])('tunnel %s', (tunnel, model) => {
    const text = service('check: { tcp: {} }', `tunnel: ${tunnel}`).replace(
      'forwarding: dr',
      'forwarding: tun',
    );
    expect(configOf(text).virtualServers[0]?.realServers[0]?.tunnel).toEqual(model);
  });

  test('addresses and ports of both families, in the order of the file', () => {
    const text = service('check: { tcp: {} }')
      .replace('10.1.1.1', '[10.1.1.1, "2001:DB8::0:1"]')
      .replace('port: 80', 'port: [443, 8000-8001]')
      .replace('10.1.1.2', '10.1.1.2 }, { address: "2001:db8::2"');
    const [server] = configOf(text).virtualServers;
    expect(server?.entries.map(tableKeyText)).toEqual([
      'tcp 10.1.1.1:443',
      'tcp 10.1.1.1:8000',
      'tcp 10.1.1.1:8001',
      'tcp [2001:db8::1]:443',
      'tcp [2001:db8::1]:8000',
      'tcp [2001:db8::1]:8001',
    ]);
    expect(server?.realServers.map(({ port }) => port)).toEqual([undefined, undefined]);
  });

  test('every port is port 0, and a real server has that of the client', () => {
    const [server] = configOf(
      service('check: { tcp: {}, port: 80 }', 'persistence: 1m').replace('port: 80', 'port: any'),
    ).virtualServers;
    expect(server?.entries.map(tableKeyText)).toEqual(['tcp 10.1.1.1:0']);
    expect(server?.realServers).toMatchObject([{ port: undefined }]);
  });

  test.each<[string, string[]]>([
    ['', ['fwmark 7 ipv4']],
    ['family: ipv6', ['fwmark 7 ipv6']],
    ['family: both', ['fwmark 7 ipv4', 'fwmark 7 ipv6']],
    ['match: { address: "2001:db8::1" }', ['fwmark 7 ipv6']],
    ['match: { address: ["2001:db8::1", 10.1.1.1] }', ['fwmark 7 ipv4', 'fwmark 7 ipv6']],
  ])('a mark with "%s"', (keys, entries) => {
    const text = service('check: { tcp: {}, port: 80 }', keys).replace(
      'address: 10.1.1.1\n    port: 80\n    forwarding: dr',
      'mark: 7\n    forwarding: tun',
    );
    expect(configOf(text).virtualServers[0]?.entries.map(tableKeyText)).toEqual(entries);
  });

  test('what gets a mark: each address by itself', () => {
    const text = service(
      'check: { tcp: {}, port: 80 }',
      'match: [{ address: [10.1.1.1, 10.1.1.9], ports: [80, 443-444] }, { address: 10.1.1.1, protocol: udp }]',
    ).replace('address: 10.1.1.1\n    port: 80', 'mark: 7');
    const ports = [
      { from: 80, to: 80 },
      { from: 443, to: 444 },
    ];
    expect(configOf(text).virtualServers[0]?.match).toEqual([
      { address: '10.1.1.1', protocol: 'tcp', ports },
      { address: '10.1.1.9', protocol: 'tcp', ports },
      { address: '10.1.1.1', protocol: 'udp', ports: [] },
    ]);
  });

  test('what a real server says goes before what its service says', () => {
    const text = service('check: { tcp: {} }', 'tunnel: gre', 'thresholds: { upper: 9, lower: 3 }').replace(
      '[{ address: 10.1.1.2 }]',
      '[{ address: 10.1.1.2, weight: 2147483647, forwarding: nat, port: 8080, thresholds: { upper: 4294967295 } }, { address: 10.1.1.3, forwarding: tun }]',
    );
    expect(configOf(text).virtualServers[0]?.realServers).toEqual([
      realServerAt('10.1.1.2', {
        port: 8080,
        weight: 2_147_483_647,
        forwarding: 'nat',
        tunnel: { kind: 'gre', port: 0, checksum: 'none' },
        upperThreshold: 4_294_967_295,
      }),
      realServerAt('10.1.1.3', {
        forwarding: 'tun',
        tunnel: { kind: 'gre', port: 0, checksum: 'none' },
        upperThreshold: 9,
        lowerThreshold: 3,
      }),
    ]);
  });
});

test('the table as a whole', () => {
  const ipvsOf = (keys: string) => configOf(`${CHECKED}\nipvs: { ${keys} }`).ipvs;
  expect(ipvsOf('exclusive: true')).toEqual({
    exclusive: true,
    sync: undefined,
    timeouts: { tcp: undefined, tcpFin: undefined, udp: undefined },
    sysctl: {},
    prepare: true,
  });
  expect(ipvsOf('prepare: false, timeouts: { tcp: 15m, tcp_fin: 2m, udp: 1s }')).toMatchObject({
    prepare: false,
    timeouts: { tcp: 900, tcpFin: 120, udp: 1 },
  });
  expect(ipvsOf('sysctl: { sloppy_tcp: 1, sync_threshold: [3, 50], est_cpulist: "0-3" }').sysctl).toEqual({
    sloppy_tcp: '1',
    sync_threshold: '3 50',
    est_cpulist: '0-3',
  });
});
