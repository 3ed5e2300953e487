import { describe, expect, test } from 'vitest';
import { LVS1, problemsOf, service, serviceOf } from './support.ts';

const CHECK = 'check: { tcp: {} }';

/** Virtual routers, one a line from line 2 on, each named by its letter. */
const routers = (...lines: string[]): string =>
  ['virtual_routers:', ...lines.map((line, i) => `  ${'abcdef'[i]}: { ${line} }`)].join('\n');

describe('virtual routers', () => {
  test.each<[string, string, string[]]>([
    [
      'the same VRID twice on one interface',
      routers(
        'interface: eth0, vrid: 7, addresses: [10.1.1.10]',
        'interface: eth1, vrid: 7, addresses: [10.1.1.11]',
        'vrid: 7, interface: eth0, addresses: [10.1.1.12]',
      ),
      ['4:14: error: vrid 7 on eth0 belongs to virtual router "a" already: choose another from 1 to 255'],
    ],
    [
      'an address in two virtual routers',
      routers(
        'interface: eth0, vrid: 7, addresses: [10.1.1.10/24]',
        'interface: eth0, vrid: 8, addresses: [10.1.1.9/24, 10.1.1.10/25]',
      ),
      [
        '3:59: error: 10.1.1.10 is an address of virtual router "a" already (as /24, and here as /25): remove one of them',
      ],
    ],
    [
      'addresses that no host can have',
      routers('interface: eth0, vrid: 7, addresses: [127.0.0.1, 224.0.0.18, 10.1.1.0/24, 10.1.1.255/24]'),
      [
        '2:46: error: 127.0.0.1 is a loopback address: no other host can reach it',
        '2:57: error: 224.0.0.18 is no address of a host: give a unicast address',
        "2:69: error: 10.1.1.0 is the network address of its /24: give a host's, or another length",
        "2:82: error: 10.1.1.255 is the broadcast address of its /24: give a host's, or another length",
      ],
    ],
    [
      'both addresses of a /31',
      routers('interface: eth0, vrid: 7, addresses: [10.1.1.0/31, 10.1.1.3/31]'),
      [],
    ],
    [
      'an interface that is not there',
      routers('interface: bond0, vrid: 7, addresses: [10.1.1.10]'),
      [
        '2:19: warning: interface bond0 does not exist here: the virtual router waits in FAULT until it appears (there are eth0, eth1)',
      ],
    ],
    [
      'the loopback interface',
      routers('interface: lo, vrid: 7, addresses: [10.1.1.10]'),
      [
        '2:19: error: interface lo reaches no other director: give the interface of the network that they share',
      ],
    ],
    [
      'priority 255 without the addresses',
      routers(
        'interface: eth0, vrid: 7, priority: 255, addresses: [10.1.1.1]',
        'interface: eth0, vrid: 8, priority: 255, addresses: [10.1.1.2]',
      ),
      [
        '3:44: warning: priority 255 is for the owner of the addresses, but eth0 does not have 10.1.1.2: use 254 at most',
      ],
    ],
    [
      'priority 255 on an interface whose addresses are not known',
      routers('interface: eth1, vrid: 7, priority: 255, addresses: [10.1.1.1]'),
      [],
    ],
    [
      'no addresses',
      routers('interface: eth0, vrid: 7, addresses: []'),
      ['2:45: error: addresses: expected at least one address such as 10.1.1.254/24, not an empty list'],
    ],
    [
      'an IPv6 prefix that is too long',
      routers('interface: eth0, vrid: 7, addresses: ["2001:db8::1/129"]'),
      [
        '2:46: error: addresses[0]: expected an address with a prefix length (1 to 32, or 1 to 128 for IPv6) such as 10.1.1.254/24 or 2001:db8::1/64, not "2001:db8::1/129"',
      ],
    ],
  ])('%s', (_, text, problems) => {
    expect(problemsOf(text)).toEqual(problems);
  });

  test.each(['10ms', '40.95s', '1.5s', '0.25s'])('advert_interval: %s is right', (interval) => {
    const router = `interface: eth0, vrid: 7, advert_interval: ${interval}, addresses: [10.1.1.10]`;
    expect(problemsOf(routers(router))).toEqual([]);
  });

  test.each(['9ms', '15ms', '40.96s', '1m', '1.001s', '0s'])('advert_interval: %s is not', (interval) => {
    const router = `interface: eth0, vrid: 7, advert_interval: ${interval}, addresses: [10.1.1.10]`;
    expect(problemsOf(routers(router))).toEqual([
      `2:51: error: advert_interval: expected a duration from 10ms to 40.95s in steps of 10ms, not "${interval}"`,
    ]);
  });

  test.each(['eth0/1', 'a-name-of-sixteen', 'eth 0', '..', '""'])('interface: %s is no name', (name) => {
    const problems = problemsOf(routers(`interface: ${name}, vrid: 7, addresses: [10.1.1.10]`));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain('2:19: error: interface: expected the name of a network interface');
  });
});

describe('services', () => {
  test('the same address, port and protocol twice', () => {
    const text = `services:
  a: &a { address: 10.1.1.1, port: 80, forwarding: dr, check: { tcp: {} }, real_servers: [{ address: 10.1.1.2 }] }
  b: { address: 10.1.1.1, port: 80, protocol: udp, forwarding: dr, check: { tcp: {}, port: 1 }, real_servers: [{ address: 10.1.1.2 }] }
  c: *a
`;
    expect(problemsOf(text)).toEqual([
      '4:3: error: tcp 10.1.1.1:80 is service "a" already: change the address, port or protocol of one',
    ]);
  });

  test('an address that nobody holds, unless a virtual router could not be read', () => {
    const text = service(CHECK).replace('10.1.1.1', '10.1.1.254');
    expect(problemsOf(text)).toEqual([
      '3:14: warning: no virtual router and no interface here holds 10.1.1.254: add it to the addresses of a virtual router, or no client reaches this service',
    ]);
    const held = routers('interface: eth0, vrid: 7, addresses: [10.1.1.254/24]');
    expect(problemsOf(`${text}\n${held}`)).toEqual([]);
    const broken = problemsOf(`${text}\n${held.replace('/24', '/33')}`);
    expect(broken).toHaveLength(1);
    expect(broken[0]).toContain('addresses[0]: expected an address with a prefix length');
  });

  test.each<[string, string, string[]]>([
    [
      'a real server twice, its port given or not',
      serviceOf('dr', '[{ address: 10.1.1.2 }, { address: 10.1.1.3 }, { address: 10.1.1.2, port: 80 }]'),
      ['6:66: error: 10.1.1.2:80 is in this list already, as number 1: remove one, or add up their weights'],
    ],
    [
      'two ports of one real server',
      serviceOf('nat', '[{ address: 10.1.1.2 }, { address: 10.1.1.2, port: 81 }]'),
      [],
    ],
    [
      'a port under a method that cannot map it',
      serviceOf('tun', '[{ address: 10.1.1.2, port: 8080 }]'),
      [
        '6:47: error: forwarding tun cannot map ports: remove the port (the real server listens on 80), or use forwarding nat',
      ],
    ],
    [
      'real servers at impossible addresses',
      serviceOf('dr', '[{ address: 10.1.1.1 }, { address: 127.0.0.1 }, { address: 0.0.0.0 }]'),
      [
        "6:31: error: 10.1.1.1 is the service's own address (VIP): give the real server's own (RIP)",
        '6:54: error: 127.0.0.1 is this director itself: a real server needs an address of its network (a sorry_server may be at 127.0.0.1)',
        '6:78: error: 0.0.0.0 is no address of a host: give a unicast address',
      ],
    ],
    [
      'no real servers',
      serviceOf('dr', '[]'),
      [
        '6:19: error: real_servers: expected at least one real server such as { address: 10.1.1.2 }, not an empty list',
      ],
    ],
    [
      'weights from end to end',
      serviceOf('dr', '[{ address: 10.1.1.2, weight: 0 }, { address: 10.1.1.3, weight: 2147483647 }]'),
      [],
    ],
    [
      'a weight too large',
      serviceOf('dr', '[{ address: 10.1.1.2, weight: 2147483648 }]'),
      ['6:49: error: weight: expected a whole number from 0 to 2147483647, not 2147483648'],
    ],
  ])('%s', (_, text, problems) => {
    expect(problemsOf(text)).toEqual(problems);
  });
});

describe('sorry servers', () => {
  const LOOPBACK =
    '8:19: error: a sorry server on this director cannot have another port: the kernel delivers unchanged, so it must listen on 0.0.0.0:80 or on the VIP, and is written 127.0.0.1:80';
  test.each<[string, string, string[]]>([
    ['dr', '127.0.0.1:80', []],
    ['dr', '127.0.0.1:8080', [LOOPBACK]],
    ['nat', '127.0.0.1:8080', [LOOPBACK]],
    ['nat', '10.1.1.9:8080', []],
    [
      'tun',
      '10.1.1.9:8080',
      [
        '8:19: error: forwarding tun cannot map ports: the sorry server must listen on 80, and is written 10.1.1.9:80',
      ],
    ],
    [
      'dr',
      '10.1.1.2:80',
      [
        '8:19: error: 10.1.1.2:80 is a real server of this service too: the sorry server stands in when all of them are down, so give another',
      ],
    ],
    [
      'nat',
      '10.1.1.1:8080',
      [
        "8:19: error: 10.1.1.1 is the service's own address (VIP), which moves: this director itself is written 127.0.0.1",
      ],
    ],
    ['dr', '0.0.0.0:80', ['8:19: error: 0.0.0.0 is no address of a host: give a unicast address']],
    [
      'dr',
      '127.0.0.1:65536',
      [
        '8:19: error: sorry_server: expected an address and a port from 1 to 65535 such as 127.0.0.1:80 or "[::1]:80", not "127.0.0.1:65536"',
      ],
    ],
    [
      'dr',
      '"[::1]:80"',
      ['8:19: error: ::1 is IPv6, but the service is IPv4: this director itself is written 127.0.0.1'],
    ],
  ])('forwarding %s, sorry server %s', (forwarding, sorry, problems) => {
    expect(problemsOf(serviceOf(forwarding, '[{ address: 10.1.1.2 }]', `sorry_server: ${sorry}`))).toEqual(
      problems,
    );
  });
});

describe('checks', () => {
  test.each<[number, string[]]>([
    [20, []],
    [21, ['service "s20" has no check: its real servers always count as up']],
    [100, ['service "s20" and 79 more services have no check: their real servers always count as up']],
  ])('%d services without one: twenty are named, and the others counted', (count, last) => {
    const services = Array.from(
      { length: count },
      (_, i) => `  s${i}: { address: 10.0.0.1, port: ${i + 1}, real_servers: [{ address: 10.1.1.2 }] }\n`,
    );
    const warnings = problemsOf(`services:\n${services.join('')}`);
    expect(warnings.filter((text) => text.includes('no check'))).toEqual([
      ...Array.from(
        { length: 20 },
        (_, i) => `${i + 2}:3: warning: service "s${i}" has no check: its real servers always count as up`,
      ),
      ...last.map((message) => `22:3: warning: ${message}`),
    ]);
  });

  test.each<[string, string[]]>([
    ['# none', ['2:3: warning: service "web" has no check: its real servers always count as up']],
    [
      'check: {}',
      ['7:5: error: check does not say what to ask: add one of tcp, http or https, such as tcp: {}'],
    ],
    [
      'check: { tcp: {}, http: {} }',
      ['7:23: error: check has tcp already: a service has one kind of check, keep one of them'],
    ],
    [
      'check: { tcp: {}, connect_timeout: 2s, timeout: 1500ms }',
      [
        '7:40: error: connect_timeout 2s is more than timeout allows for the whole probe, 1.5s: make timeout 2s or more, or connect_timeout 1.5s or less',
      ],
    ],
    [
      'check: { https: {} }',
      [
        "7:14: warning: without host, the certificate must name the real server's IP address: add host, or verify: false to accept any certificate",
      ],
    ],
    ['check: { https: { verify: false } }', []],
    [
      'check: { http: { path: index.html } }',
      [
        '7:28: error: path: expected a path that begins with a slash, without blanks, # or letters outside ASCII (write them as %20 and the like), not "index.html"',
      ],
    ],
    [
      'check: { http: { status: [200, 2000] } }',
      [
        '7:36: error: status[1]: expected a status from 100 to 599 such as 200, a range such as 200-299, or a list of them, not 2000',
      ],
    ],
    ['check: { tcp: {}, rise: 0 }', ['7:29: error: rise: expected a whole number from 1 to 1000, not 0']],
    ['check: { tcp: {}, fall: 1.5 }', ['7:29: error: fall: expected a whole number from 1 to 1000, not 1.5']],
    [
      'check: tcp',
      [
        '7:12: error: check: expected a mapping of one of tcp, http and https with interval, timeout, rise and fall, not "tcp"',
      ],
    ],
  ])('%s', (line, problems) => {
    expect(problemsOf(service(line))).toEqual(problems);
  });

  test('a check of a UDP service asks over TCP', () => {
    expect(problemsOf(service(CHECK, 'protocol: udp'))).toEqual([
      '7:5: warning: the check asks over TCP, but the service is UDP: add port if the real servers answer TCP elsewhere',
    ]);
    expect(problemsOf(service('check: { tcp: {}, port: 53 }', 'protocol: udp'))).toEqual([]);
  });
});

describe('the file as a whole', () => {
  const nothing = 'there is nothing to do: define virtual_routers, services or both';
  test.each(['director: { name: lvs1 }', 'services: {}', 'services:\nvirtual_routers:'])(
    '%j does nothing',
    (text) => {
      expect(problemsOf(text)).toEqual([`1:1: error: ${nothing}`]);
    },
  );

  test('either section is enough', () => {
    expect(problemsOf(routers('interface: eth0, vrid: 7, addresses: [10.1.1.10]'))).toEqual([]);
    expect(problemsOf(service(CHECK))).toEqual([]);
  });

  test('a machine without interfaces has none to name', () => {
    const none = { ...LVS1, interfaces: [] };
    expect(problemsOf(routers('interface: eth0, vrid: 7, addresses: [10.1.1.10]'), none)).toEqual([
      '2:19: warning: interface eth0 does not exist here: the virtual router waits in FAULT until it appears',
    ]);
  });
});
