/** What a definition of a virtual server stands for, and how definitions meet. */
import { describe, expect, test } from 'vitest';
import { DIRECTOR, file, MARK, one, TWO_FAMILIES, V6S } from './service-file.ts';
import { problemsOf } from './support.ts';

describe('what a definition stands for', () => {
  test.each<[string, string, string[]]>([
    [
      'no port',
      file({ port: undefined }),
      [
        '2:3: error: services.web: missing key "port": the port that clients use, a list of ports and ranges, or any',
      ],
    ],
    [
      'neither address nor mark',
      file({ port: undefined, address: undefined }),
      [
        '2:3: error: services.web: missing key "address": the address that clients use such as 10.1.1.254 (or a mark instead of address and port)',
        '2:3: error: services.web: missing key "port": the port that clients use, a list of ports and ranges, or any',
      ],
    ],
    [
      'a mark with address and port',
      file({ mark: '7' }),
      [
        '3:5: error: address does not go together with mark: what gets the mark is said by match, so remove one of the two',
        '4:5: error: port does not go together with mark: what gets the mark is said by match, so remove one of the two',
      ],
    ],
    [
      'match and family without a mark',
      file({ match: '{ address: 10.1.1.1 }', family: 'both' }),
      [
        '8:5: error: match belongs to a mark: add mark, or remove it',
        '9:5: error: family belongs to a mark: add mark, or remove it',
      ],
    ],
    [
      'an address of one link',
      file({ ...V6S, address: '["2001:db8::1", "fe80::1"]' }),
      ['3:30: error: fe80::1 means something on one link only, and IPVS knows no links: give another'],
    ],
    ['a mark', file(MARK), []],
    [
      'mark 0',
      file({ ...MARK, mark: '0' }),
      ['6:11: error: mark: expected a whole number from 1 to 4294967295, not 0'],
    ],
    ['the largest mark', file({ ...MARK, mark: '4294967295' }), []],
    [
      'a mark too large',
      file({ ...MARK, mark: '4294967296' }),
      ['6:11: error: mark: expected a whole number from 1 to 4294967295, not 4294967296'],
    ],
    [
      'port 0',
      file({ port: '0' }),
      [
        '4:11: error: port: expected a port from 1 to 65535 such as 80, a range such as 8000-8010, or a list of them, or any, not 0',
      ],
    ],
    [
      'a forwarding method as ldirectord calls it',
      file({ forwarding: 'masq' }),
      ['5:17: error: forwarding: expected nat, as that is called here, not "masq"'],
    ],
    [
      'a forwarding method as keepalived writes it',
      file({ forwarding: 'DR' }),
      ['5:17: error: forwarding: expected dr in small letters, not "DR"'],
    ],
    [
      'a forwarding method that nobody has',
      file({ forwarding: 'dnat' }),
      ['5:17: error: forwarding: expected dr, nat, tun or fullnat, not "dnat"'],
    ],
    [
      'port 65536',
      file({ port: '65536' }),
      [
        '4:11: error: port: expected a port from 1 to 65535 such as 80, a range such as 8000-8010, or a list of them, or any, not 65536',
      ],
    ],
    ['the first and the last port', file({ port: '[1, 65535]' }), []],
    [
      'a range past the last port',
      file({ port: '65535-65536' }),
      [
        '4:11: error: port: expected a port from 1 to 65535 such as 80, a range such as 8000-8010, or a list of them, or any, not "65535-65536"',
      ],
    ],
    [
      'a range from high to low',
      file({ port: '90-80' }),
      [
        '4:11: error: port: expected a port from 1 to 65535 such as 80, a range such as 8000-8010, or a list of them, or any, not "90-80"',
      ],
    ],
    [
      'a port twice',
      file({ port: '[80, 443, 79-81]' }),
      ['4:11: error: port 80 is in this list twice: remove it from one of the ranges'],
    ],
    [
      'an address twice',
      file({ address: '[10.1.1.1, 10.1.1.1]' }),
      ['3:25: error: 10.1.1.1 is in this list already: remove one of them'],
    ],
    [
      'every port one by one',
      file({ port: '1-65535' }),
      [
        '4:11: warning: these are 65535 virtual servers to the kernel, each with its own real servers: use a mark that match gives to the ports, which is a single one',
      ],
    ],
    ['many ports, not too many', file({ port: '[1-998, 1000]' }), []],
    [
      'too many entries',
      file({ address: '[10.1.1.1, "2001:db8::1"]', port: '[1-32768, 40000]', real_servers: TWO_FAMILIES }),
      [
        '4:11: error: 65538 addresses and ports here make 65538 virtual servers in all, and 65536 are the most: use port: any with persistence, or a mark that match gives to the ports',
      ],
    ],
    [
      'too many real servers of all entries',
      file({
        port: '1-65535',
        real_servers: `[${Array.from({ length: 17 }, (_, i) => `{ address: 10.1.1.${i + 2} }`).join()}]`,
      }),
      [
        '4:11: error: 65535 addresses and ports with 17 real servers each make 1114095 of those in all, and 1048576 are the most: use port: any with persistence, or a mark that match gives to the ports',
      ],
    ],
    [
      'two definitions that meet in some ports',
      file({ port: '80-90' }, one('b', { port: '[70, 85-95]' })),
      [
        '8:3: error: tcp 10.1.1.1:85 is service "web" already (and 5 more): change the address, port or protocol of one',
      ],
    ],
    [
      'one mark in two definitions',
      file(MARK, one('b', { ...MARK, family: 'both' })),
      [
        '7:3: error: fwmark 7 ipv4 is service "web" already: give one another mark',
        '10:5: warning: the service has IPv6 too, but none of its real servers: each family has its own, so add one',
      ],
    ],
    [
      'one IPv6 address in two spellings',
      file(V6S, one('b', { ...V6S, address: '"2001:DB8:0:0::1"' })),
      [
        '8:3: error: tcp [2001:db8::1]:80 is service "web" already: change the address, port or protocol of one',
      ],
    ],
    [
      'a static address',
      file(
        { address: '[10.1.1.77, 10.1.1.78]' },
        'static: { addresses: [{ address: 10.1.1.77/24, device: eth0 }] }',
      ),
      [expect.stringMatching(/warning: no virtual router and no interface here holds 10\.1\.1\.78:/)],
    ],
    [
      'every port by nat, which may be FTP',
      file({ port: 'any', persistence: '1m', forwarding: 'nat', check: '{ tcp: {}, port: 80 }' }),
      [expect.stringMatching(/^2:3: warning: if there is FTP behind it.*give FTP a service of its own/)],
    ],
    [
      'every port by nat, with FTP beside it',
      file(
        { port: 'any', persistence: '1m', forwarding: 'nat', check: '{ tcp: {}, port: 80 }' },
        one('ftp', { port: '21', forwarding: 'nat' }),
      ),
      [],
    ],
    [
      'an IPv4 address in IPv6',
      file({ ...V6S, address: '"::ffff:10.1.1.1"' }),
      [
        '3:14: error: ::ffff:a01:101 is an IPv4 address written as IPv6: write it as IPv4',
        '3:14: warning: no virtual router and no interface here holds ::ffff:a01:101: add it to the addresses of a virtual router, or no client reaches this service',
      ],
    ],
    [
      'addresses of groups',
      file({ ...V6S, address: '["ff02::1", 224.0.0.1]' }),
      [
        '3:15: error: ff02::1 is no address of a host: give a unicast address',
        '3:26: error: 224.0.0.1 is no address of a host: give a unicast address',
        '7:5: warning: the service has IPv4 too, but none of its real servers: each family has its own, so add one',
      ],
    ],
  ])('%s', (_, text, problems) => {
    expect(problemsOf(text, DIRECTOR)).toEqual(problems);
  });
});

describe('firewall marks', () => {
  test.each<[string, string, string[]]>([
    [
      'an address of the other family',
      file({ ...MARK, family: 'ipv4', match: '{ address: [10.1.1.1, "2001:db8::1"] }' }),
      ['8:34: error: 2001:db8::1 is IPv6, but family is ipv4: write family: both, or remove it'],
    ],
    [
      'a family without packets',
      file({ ...MARK, family: 'both', match: '{ address: 10.1.1.1 }' }),
      [
        '5:5: warning: the service has IPv6 too, but none of its real servers: each family has its own, so add one',
        '7:13: warning: match gives the mark to nothing of IPv6: add an address, or remove family',
      ],
    ],
    [
      'one port in two matches',
      file({
        ...MARK,
        match: '[{ address: 10.1.1.1, ports: [80, 443] }, { address: 10.1.1.1, ports: 400-500 }]',
      }),
      ['7:65: error: tcp port 443 of 10.1.1.1 gets a mark here already: remove it from one of them'],
    ],
    [
      'one port twice in a match',
      file({ ...MARK, match: '[{ address: 10.1.1.1, ports: [80, 80] }]' }),
      ['7:41: error: port 80 is in this list twice: remove it from one of the ranges'],
    ],
    [
      'one port with two marks',
      file(
        { ...MARK, match: '{ address: 10.1.1.1 }' },
        one('b', { ...MARK, mark: '8', match: '{ address: 10.1.1.1, ports: [80] }' }),
      ),
      [
        '13:23: error: tcp port 80 of 10.1.1.1 gets a mark from service "web" already: remove it from one of them',
      ],
    ],
    [
      'a mark that takes packets from another service',
      file({ ...MARK, match: '{ address: 10.1.1.1, ports: [80, 443] }' }, one('b', {})),
      [
        '7:23: warning: tcp port 80 of 10.1.1.1 gets mark 7, so it never reaches service "b": remove it from one of them',
      ],
    ],
    [
      'a mark for two ports, and a service for the rest',
      file(
        { ...MARK, match: '{ address: 10.1.1.1, ports: [80, 443] }' },
        one('b', { port: 'any', persistence: '5m', check: '{ tcp: {}, port: 80 }' }),
      ),
      [],
    ],
    [
      'fullnat of packets at unknown addresses',
      file({ ...MARK, forwarding: 'fullnat' }),
      [
        '3:17: error: fullnat of a mark needs to know the addresses behind it: add match, or use another forwarding',
      ],
    ],
    [
      'fullnat of packets at known addresses',
      file({ ...MARK, forwarding: 'fullnat', match: '{ address: 10.1.1.1 }' }),
      [],
    ],
    [
      'the engine sip of what is TCP',
      file({ ...MARK, persistence: '{ engine: sip }', match: '{ address: 10.1.1.1 }' }),
      ['7:28: error: the engine sip reads UDP only: use protocol udp, or remove it'],
    ],
    ['one packet of what may be UDP', file({ ...MARK, one_packet: 'true', scheduler: 'rr' }), []],
    [
      'a check without a port',
      file({ ...MARK, check: '{ tcp: {} }' }),
      ['4:5: error: the check does not know where to connect, since the service has a mark: add port'],
    ],
    [
      'a check of real servers with ports',
      file({
        ...MARK,
        check: '{ tcp: {} }',
        forwarding: 'nat',
        real_servers: '[{ address: 10.1.1.2, port: 80 }]',
      }),
      [],
    ],
    [
      'ports under a persistent mark',
      file({
        ...MARK,
        persistence: '5m',
        forwarding: 'nat',
        real_servers: '[{ address: 10.1.1.2, port: 80 }]',
      }),
      [
        '5:47: warning: a persistent mark leaves every packet its port: remove it (for the check, give check.port)',
      ],
    ],
    [
      'a port under a method that cannot map it',
      file({ ...MARK, real_servers: '[{ address: 10.1.1.2, port: 80 }]' }),
      [
        '5:47: error: forwarding dr cannot map ports: remove the port (the real server listens on the port that the client asked for), or use forwarding nat',
      ],
    ],
  ])('%s', (_, text, problems) => {
    expect(problemsOf(text, DIRECTOR)).toEqual(problems);
  });
});

describe('every port', () => {
  test.each<[string, string, string[]]>([
    [
      'without persistence',
      file({ port: 'any' }),
      [
        '4:11: error: port: any needs persistence, since the kernel balances clients there, not connections: add persistence: 5m',
        '6:5: error: the check does not know where to connect, since the service has port: any: add port',
      ],
    ],
    ['with persistence', file({ port: 'any', persistence: '5m', check: '{ tcp: {}, port: 80 }' }), []],
    [
      'a real server with a port',
      file({
        port: 'any',
        persistence: '5m',
        forwarding: 'nat',
        real_servers: '[{ address: 10.1.1.2, port: 80 }]',
      }),
      ['7:47: error: port: any leaves every packet its port: remove it (for the check, give check.port)'],
    ],
  ])('%s', (_, text, problems) => {
    expect(problemsOf(text, DIRECTOR)).toEqual(problems);
  });
});
