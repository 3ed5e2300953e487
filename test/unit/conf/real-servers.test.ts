/** Rules of real servers, sorry servers and their checks. */
import { describe, expect, test } from 'vitest';
import { BOTH, DIRECTOR, file, MARK, V6S } from './service-file.ts';
import { problemsOf } from './support.ts';

describe('real servers', () => {
  test.each<[string, string, string[]]>([
    ['IPv6', file(V6S), []],
    [
      'impossible IPv6 addresses',
      file({
        ...V6S,
        real_servers:
          '[{ address: "fe80::2" }, { address: "::1" }, { address: "2001:db8::1" }, { address: "::ffff:1.2.3.4" }]',
      }),
      [
        '7:31: error: fe80::2 means something on one link only, and IPVS knows no links: give another',
        '7:55: error: ::1 is this director itself: a real server needs an address of its network (a sorry_server may be at 127.0.0.1)',
        "7:75: error: 2001:db8::1 is the service's own address (VIP): give the real server's own (RIP)",
        '7:103: error: ::ffff:102:304 is an IPv4 address written as IPv6: write it as IPv4',
      ],
    ],
    [
      'a sorry server that is a real server at one of the ports',
      file({
        port: '[80, 443]',
        forwarding: 'nat',
        check: '{ tcp: {}, port: 80 }',
        sorry_server: '[10.1.1.2, 10.1.1.3]',
        real_servers: '[{ address: 10.1.1.2, port: 443 }, { address: 10.1.1.3, port: 81 }]',
      }),
      [
        '8:20: error: 10.1.1.2 is a real server of this service too: the sorry server stands in when all of them are down, so give another',
      ],
    ],
    [
      'sorry servers of IPv6 whose port has no brackets',
      file({
        ...V6S,
        sorry_server: '["::1:80", "2001:db8::9:80", "2001:db8::80", "2001:db8::a:81", "fe80::9"]',
      }),
      [
        '8:20: error: ::1:80 is no address of a host, and with a port IPv6 is written in brackets: [::1]:80',
        '8:30: warning: 2001:db8::9:80 is read as an address without a port: write [2001:db8::9]:80 if 80 is the port, or [2001:db8::9:80]:80',
        '8:82: error: fe80::9 means something on one link only, and IPVS knows no links: give another',
      ],
    ],
    [
      'one in two spellings',
      file({ ...V6S, real_servers: '[{ address: "2001:db8::2" }, { address: "2001:DB8::0:2", port: 80 }]' }),
      [
        '7:48: error: [2001:db8::2]:80 is in this list already, as number 1: remove one, or add up their weights',
      ],
    ],
    [
      'the other family by dr',
      file({ real_servers: '[{ address: "2001:db8::2" }]' }),
      [
        '7:31: error: 2001:db8::2 is IPv6, but the service is IPv4: only forwarding tun leads from one to the other, not dr',
      ],
    ],
    ['the other family by tun', file({ real_servers: '[{ address: "2001:db8::2", forwarding: tun }]' }), []],
    [
      'the other family with connection synchronisation',
      file(
        { real_servers: '[{ address: "2001:db8::2", forwarding: tun }]' },
        'virtual_routers: { a: { interface: eth0, vrid: 1, addresses: [10.1.1.1/24] } }\nipvs: { sync: { interface: eth1 } }',
      ),
      [
        '7:31: error: 2001:db8::2 is IPv6, but the service is IPv4: the kernel does not allow that together with ipvs.sync, remove one of them',
      ],
    ],
    ['of both families', file(BOTH), []],
    [
      'of one family out of two',
      file({ ...BOTH, real_servers: '[{ address: 10.1.1.2 }]' }),
      [
        '7:5: warning: the service has IPv6 too, but none of its real servers: each family has its own, so add one',
      ],
    ],
    [
      'one with and without its port',
      file({
        port: '[80, 443]',
        forwarding: 'nat',
        real_servers:
          '[{ address: 10.1.1.2 }, { address: 10.1.1.2, port: 443 }, { address: 10.1.1.2, port: 81 }]',
      }),
      ['7:43: error: 10.1.1.2 is in this list with every port, as number 1: remove one'],
    ],
    [
      'a port under several that cannot be mapped',
      file({ port: '[80, 443]', real_servers: '[{ address: 10.1.1.2, port: 443 }]' }),
      [
        '7:47: error: forwarding dr cannot map ports: remove the port (the real server listens on the port that the client asked for), or use forwarding nat',
      ],
    ],
    [
      'a port under fullnat',
      file({ forwarding: 'fullnat', real_servers: '[{ address: 10.1.1.2, port: 8080 }]' }),
      [],
    ],
    [
      'a tunnel for nobody',
      file({ tunnel: 'gue' }),
      ['8:5: error: tunnel is for forwarding tun, which nothing here has: remove it'],
    ],
    [
      'a tunnel for one',
      file({ tunnel: 'gue', real_servers: '[{ address: 10.1.1.2, forwarding: tun }]' }),
      [],
    ],
    [
      'a tunnel under dr',
      file({ real_servers: '[{ address: 10.1.1.2, tunnel: gre }]' }),
      ['7:41: error: tunnel is for forwarding tun, not dr: remove it'],
    ],
    [
      'options that ipip does not have',
      file({ forwarding: 'tun', tunnel: '{ type: ipip, port: 1, checksum: none }' }),
      [
        '8:27: error: a tunnel of type ipip has no port: remove it, or use gue',
        '8:36: error: a tunnel of type ipip has no checksum: remove it, or use gre or gue',
      ],
    ],
    [
      'an option that gre does not have',
      file({ forwarding: 'tun', tunnel: '{ type: gre, checksum: remote }' }),
      ['8:36: error: remote checksum offload is of gue only: use plain or none'],
    ],
    [
      'a port of gue too large',
      file({ forwarding: 'tun', tunnel: '{ type: gue, port: 65536 }' }),
      ['8:32: error: port: expected a whole number from 1 to 65535, not 65536'],
    ],
    [
      'a lower threshold above the upper one',
      file({ thresholds: '{ upper: 5, lower: 6 }' }),
      ['8:36: error: lower 6 is more than upper 5: give 5 or less'],
    ],
    ['the largest thresholds', file({ thresholds: '{ upper: 4294967295, lower: 4294967295 }' }), []],
    [
      'a threshold too large',
      file({ thresholds: '{ upper: 4294967296 }' }),
      ['8:26: error: upper: expected a whole number from 0 to 4294967295, not 4294967296'],
    ],
    [
      'a lower threshold without an upper one',
      file({
        thresholds: '{ upper: 5 }',
        real_servers: '[{ address: 10.1.1.2, thresholds: { upper: 0, lower: 3 } }]',
      }),
      ['7:72: error: lower 3 has no meaning without a limit: give upper more than 0, or remove thresholds'],
    ],
    [
      'no upper threshold',
      file({ thresholds: '{ lower: 6 }' }),
      ['8:5: error: services.web.thresholds: missing key "upper": a whole number from 0 to 4294967295'],
    ],
  ])('%s', (_, text, problems) => {
    expect(problemsOf(text, DIRECTOR)).toEqual(problems);
  });
});

describe('sorry servers and checks', () => {
  test.each<[string, string, string[]]>([
    [
      'a port of this director for a mark',
      file({ ...MARK, sorry_server: '127.0.0.1:80' }),
      [
        '7:19: error: a sorry server on this director cannot have another port: the kernel delivers unchanged, so it must listen at the ports of the service, and is written 127.0.0.1',
      ],
    ],
    [
      'this director for every port',
      file({ port: 'any', persistence: '5m', check: '{ tcp: {}, port: 80 }', sorry_server: '127.0.0.1' }),
      [],
    ],
    [
      'a port for every port',
      file({
        port: 'any',
        persistence: '5m',
        check: '{ tcp: {}, port: 80 }',
        forwarding: 'nat',
        sorry_server: '10.1.1.9:80',
      }),
      ['9:19: error: port: any leaves every packet its port: write 10.1.1.9 alone'],
    ],
    [
      'this director by the other family',
      file({ ...V6S, sorry_server: '127.0.0.1:80' }),
      ['8:19: error: 127.0.0.1 is IPv4, but the service is IPv6: this director itself is written ::1'],
    ],
    [
      'one twice',
      file({ ...V6S, sorry_server: '["[::1]:80", "[2001:db8::9]", "[2001:db8::9]:80"]' }),
      ['8:49: error: [2001:db8::9]:80 is a sorry server of this service already: remove one'],
    ],
    [
      'one family out of two',
      file({ ...BOTH, sorry_server: '127.0.0.1' }),
      [
        '8:5: warning: the service has IPv6 too, but no sorry server of it: add one (this director itself is ::1)',
      ],
    ],
    [
      'several with faults',
      file({
        sorry_server:
          '[127.0.0.1, { address: 10.1.1.9, port: 81, check: { tcp: {}, http: {} } }, { address: 10.1.1.3, port: 81, forwarding: nat }]',
      }),
      [
        '8:31: error: forwarding dr cannot map ports: the sorry server must listen on 80, and is written 10.1.1.9:80',
        '8:80: error: check has tcp already: a service has one kind of check, keep one of them',
      ],
    ],
    [
      'a check without a port',
      file({ ...MARK, sorry_server: '{ address: 10.1.1.9, check: { tcp: {} } }' }),
      ['7:40: error: the check does not know where to connect, since the service has a mark: add port'],
    ],
    [
      'an unknown key',
      file({ sorry_server: '[{ address: 10.1.1.9, prot: 81 }]' }),
      ['8:41: error: unknown key "prot": did you mean "port"?'],
    ],
    [
      'one in its long form with a misspelt key',
      file({ sorry_server: '{ addres: 10.1.1.9 }' }),
      [
        '8:5: error: services.web.sorry_server: missing key "address": an IPv4 or IPv6 address such as 10.1.1.2 or 2001:db8::2, without a prefix length',
        '8:21: error: unknown key "addres": did you mean "address"?',
      ],
    ],
    [
      'a name',
      file({ sorry_server: '[127.0.0.1:80, localhost]' }),
      [
        '8:34: error: sorry_server[1]: expected an address and a port from 1 to 65535 such as 127.0.0.1:80 or "[::1]:80", not "localhost"',
      ],
    ],
    [
      'the VIP itself',
      file({ ...V6S, sorry_server: '"2001:db8::1"' }),
      [
        "8:19: error: 2001:db8::1 is the service's own address (VIP), which moves: this director itself is written ::1",
      ],
    ],
    [
      'the other family by dr',
      file({ sorry_server: '"2001:db8::9"' }),
      [
        '8:19: error: 2001:db8::9 is IPv6, but the service is IPv4: only forwarding tun leads from one to the other, not dr',
      ],
    ],
    [
      'a check of SCTP',
      file({ protocol: 'sctp' }),
      [
        '6:5: warning: the check asks over TCP, but the service is SCTP: add port if the real servers answer TCP elsewhere',
      ],
    ],
    [
      'checks while no virtual router is active',
      file({ check_while: 'active' }),
      [
        '8:18: error: no virtual router holds an address of this service, so it would never be checked: add one to the addresses of a virtual router, or use always',
      ],
    ],
    [
      'checks while unknown addresses are here',
      file({ ...MARK, check_while: 'active' }),
      [
        '7:18: error: no virtual router holds an address of this service, so it would never be checked: the addresses of a mark are known by match only: add it, or use always',
      ],
    ],
    [
      'checks while a virtual router is active',
      file(
        { check_while: 'active' },
        'virtual_routers: { a: { interface: eth0, vrid: 1, addresses: [10.1.1.1/24] } }',
      ),
      [],
    ],
  ])('%s', (_, text, problems) => {
    expect(problemsOf(text, DIRECTOR)).toEqual(problems);
  });
});
