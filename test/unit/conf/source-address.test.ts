/** The address that real servers behind fullnat see. */
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/conf/load.ts';
import { BOTH, DIRECTOR, file, type Keys } from './service-file.ts';
import { problemsOf } from './support.ts';

const VIP: Keys = { address: '10.1.1.254', forwarding: 'fullnat' };
/** The services of `file` first, so that its lines keep their numbers. */
const routers = (web: string, rest = ''): string =>
  `virtual_routers:\n  web: { interface: eth0, vrid: 51, priority: 100, addresses: [${web}] }\n${rest}`;
const INSIDE = '  inside: { interface: eth1, vrid: 52, priority: 100, addresses: [10.2.0.100/24] }\n';
const at = (source: string, keys: Keys = {}): string => file({ ...VIP, ...keys, source_address: source });
const SYNC = 'ipvs: { sync: { interface: eth1 } }\n';
const TOGETHER = routers('10.1.1.254/24, { address: 10.2.0.100/24, device: eth1 }', SYNC);

describe('source_address', () => {
  test.each<[string, string, string[]]>([
    ['one that the virtual router of the VIP holds', at('10.2.0.100') + TOGETHER, []],
    ['the VIP itself', at('10.1.1.254') + TOGETHER, []],
    ['one that this director always has', at('10.1.1.1') + TOGETHER, []],
    [
      'one of another virtual router',
      at('10.2.0.100') + routers('10.1.1.254/24', INSIDE + SYNC),
      [
        '8:21: warning: 10.2.0.100 moves with virtual router "inside", but the VIP 10.1.1.254 with virtual router "web": while they are on different directors this service does not answer, so put both virtual routers into one sync group',
      ],
    ],
    [
      'one that floats, where the other director is not told of connections',
      at('10.2.0.100', {}) + routers('10.1.1.254/24, { address: 10.2.0.100/24, device: eth1 }'),
      [
        '2:3: warning: the source_address of service web floats, but there is no ipvs.sync: its established connections end at a failover, since the director that takes over does not know them; add `ipvs: { sync: { interface: … } }` with the link between the directors, on each of them',
      ],
    ],
    [
      'one of a virtual router in the same sync group',
      `${at('10.2.0.100') + routers('10.1.1.254/24', INSIDE + SYNC)}sync_groups: { site: { members: [web, inside] } }\n`,
      [],
    ],
    [
      'one that nobody holds',
      at('10.2.0.99') + TOGETHER,
      [
        '8:21: error: no virtual router and no interface here holds 10.2.0.99, so no answer of a real server would come back: add it to the addresses of the virtual router that holds the VIP, or of one in a sync group with it',
      ],
    ],
    [
      'where nothing is by fullnat, or not this one',
      at('10.2.0.100', {
        forwarding: 'nat',
        real_servers: '[{ address: 10.1.1.2, source_address: 10.2.0.100 }]',
      }) + TOGETHER,
      [
        '7:41: error: source_address is for forwarding fullnat, not nat: remove it',
        '8:5: error: source_address is for forwarding fullnat, which nothing here has: remove it',
      ],
    ],
    [
      'of the wrong families',
      at('[10.2.0.100, 10.1.1.1, "2001:db8::1"]', {
        real_servers: '[{ address: 10.1.1.2, source_address: "2001:db8::1" }]',
      }) + TOGETHER,
      [
        '7:57: error: 2001:db8::1 is IPv6, but the real server is IPv4: give an address of its family',
        '8:34: error: 10.2.0.100 is IPv4 as well, and there is one address of each family: remove one, or give each real server its own',
        '8:44: error: no real server of this service is IPv6: remove it, or add one',
      ],
    ],
    [
      'no addresses of hosts that answer',
      at('127.0.0.1', {
        real_servers:
          '[{ address: 10.1.1.2, source_address: 224.0.0.1 }, { address: 10.1.1.3, source_address: nowhere }]',
      }) + TOGETHER,
      [
        '7:57: error: 224.0.0.1 is no address of a host: give a unicast address',
        '7:107: error: source_address: expected an IPv4 or IPv6 address such as 10.1.1.2 or 2001:db8::2, without a prefix length, not "nowhere"',
        '8:21: error: 127.0.0.1 is a loopback address: no real server can answer it',
      ],
    ],
  ])('%s', (_, text, expected) => {
    expect(problemsOf(text, DIRECTOR)).toEqual(expected);
  });

  test('is that of the family of each, unless it has its own; and of fullnat alone', () => {
    const servers = `[{ address: 10.1.1.2 }, { address: "2001:db8::2" }, { address: 10.1.1.3, source_address: 10.1.1.254 }, { address: 10.1.1.4, forwarding: nat }]`;
    const text = file({
      ...BOTH,
      forwarding: 'fullnat',
      source_address: '[10.1.1.1, "2001:db8::1"]',
      sorry_server: '10.1.1.9:80',
      real_servers: servers,
    });
    const { config } = loadConfig(`${text}${TOGETHER}`, 'web.yaml', DIRECTOR);
    const [service] = config?.virtualServers ?? [];
    expect(service?.realServers.map(({ sourceAddress }) => sourceAddress)).toEqual([
      '10.1.1.1',
      '2001:db8::1',
      '10.1.1.254',
      undefined,
    ]);
    expect(service?.sorryServers.map(({ sourceAddress }) => sourceAddress)).toEqual(['10.1.1.1']);
  });
});
