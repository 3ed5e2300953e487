/** Rules of schedulers, flags, persistence and one-packet scheduling. */
import { describe, expect, test } from 'vitest';
import { DIRECTOR, file, V6S } from './service-file.ts';
import { problemsOf } from './support.ts';

describe('scheduling', () => {
  test.each<[string, string, string[]]>([
    [
      'a flag of another scheduler',
      file({ scheduler: 'sh', scheduler_flags: '[mh-port, flag-2, sh-port]' }),
      ['9:23: error: mh-port is for scheduler mh, not sh: remove it, or use scheduler mh'],
    ],
    [
      'no flags',
      file({ scheduler: 'sh', scheduler_flags: '[]' }),
      [
        '9:22: error: scheduler_flags: expected a list of sh-fallback, sh-port, mh-fallback, mh-port, flag-1, flag-2 or flag-3, not an empty list',
      ],
    ],
    [
      'mh without a fallback',
      file({ scheduler: 'mh' }),
      [
        '8:16: warning: mh refuses the clients of a failed or drained real server: add scheduler_flags: [mh-fallback]',
      ],
    ],
    ['mh with its fallback', file({ scheduler: 'mh', scheduler_flags: 'mh-fallback' }), []],
    [
      'mh that removes',
      file({ scheduler: 'mh', on_failure: 'remove' }),
      [
        '9:17: warning: with scheduler mh, a removed real server moves the clients of others too, and two directors disagree meanwhile: use drain',
      ],
    ],
    [
      'sh that drains',
      file({ scheduler: 'sh', on_failure: 'drain' }),
      [
        '8:16: warning: sh refuses the clients of a failed or drained real server: add scheduler_flags: [sh-fallback]',
      ],
    ],
    [
      'dh that drains',
      file({ scheduler: 'dh', on_failure: 'drain' }),
      ['8:16: warning: dh refuses the clients of a real server that is drained: use on_failure: remove'],
    ],
    [
      'weights under rr',
      file({ scheduler: 'rr', real_servers: '[{ address: 10.1.1.2, weight: 2 }, { address: 10.1.1.3 }]' }),
      ['8:16: warning: rr takes no account of weights, and here they differ: use wrr'],
    ],
    [
      'weight 0 under rr',
      file({ scheduler: 'rr', real_servers: '[{ address: 10.1.1.2, weight: 0 }, { address: 10.1.1.3 }]' }),
      [],
    ],
    [
      'weights under lc',
      file({ scheduler: 'lc', real_servers: '[{ address: 10.1.1.2, weight: 2 }, { address: 10.1.1.3 }]' }),
      ['8:16: warning: lc takes no account of weights, and here they differ: use wlc'],
    ],
    [
      'weights too large for sh',
      file({ scheduler: 'sh', real_servers: '[{ address: 10.1.1.2, weight: 256 }, { address: 10.1.1.3 }]' }),
      [
        '8:16: warning: sh has 256 places for real servers, and the weights here sum up to 257, so that some get none: give smaller ones',
      ],
    ],
    [
      'weights too small for ovf',
      file({ scheduler: 'ovf' }),
      [
        '8:16: warning: ovf takes the weight for the connections that a real server may have, and here that is 1: give larger weights',
      ],
    ],
    [
      'huge weights without a common divisor under wrr',
      file({
        scheduler: 'wrr',
        real_servers:
          '[{ address: 10.1.1.2, weight: 2147483647 }, { address: 10.1.1.3, weight: 1073741824 }]',
      }),
      [
        '8:16: warning: wrr goes from weight 2147483647 down in steps of 1, the greatest common divisor, so that the shares are those of the weights only after 3221225471 connections, and up to 1073741823 in a row go to one real server: give small weights such as 2 and 1',
      ],
    ],
    [
      'huge weights under wrr that are small ones many times',
      file({
        scheduler: 'wrr',
        real_servers:
          '[{ address: 10.1.1.2, weight: 2000000000 }, { address: 10.1.1.3, weight: 1000000000 }, { address: 10.1.1.4, weight: 0 }]',
      }),
      [],
    ],
    [
      'the same huge weight under wrr',
      file({
        scheduler: 'wrr',
        real_servers: '[{ address: 10.1.1.2, weight: 9999 }, { address: 10.1.1.3, weight: 9999 }]',
      }),
      [],
    ],
    [
      'persistence of several ports',
      file({ port: '[80, 443]', persistence: '5m' }),
      [
        '8:5: warning: each port is persistent by itself, so that HTTP and HTTPS of a client may reach two real servers: where they belong together, use a mark that match gives to the ports',
      ],
    ],
    ['persistence of one port', file({ port: '[80]', persistence: '5m' }), []],
    [
      'persistence of every port',
      file({ port: 'any', check: '{ tcp: {}, port: 80 }', persistence: '5m' }),
      [],
    ],
    [
      'an engine that there is none of',
      file({ persistence: '{ timeout: 5m, engine: sap }' }),
      ['8:41: error: engine: expected sip, not "sap"'],
    ],
    ['the longest persistence', file({ persistence: '2147483s' }), []],
    [
      'a persistence too long',
      file({ persistence: '2147484s' }),
      ['8:18: error: persistence: expected a duration from 1s to 2147483s in steps of 1s, not "2147484s"'],
    ],
    [
      'a persistence of no whole seconds',
      file({ persistence: '1500ms' }),
      ['8:18: error: persistence: expected a duration from 1s to 2147483s in steps of 1s, not "1500ms"'],
    ],
    [
      'no persistence',
      file({ persistence: '0s' }),
      ['8:18: error: persistence: expected a duration from 1s to 2147483s in steps of 1s, not "0s"'],
    ],
    [
      'a persistence without unit',
      file({ persistence: '300' }),
      [
        '8:18: error: persistence: expected a duration such as 5m, or a mapping of timeout, netmask, prefix and engine, not 300',
      ],
    ],
    [
      'a netmask too long',
      file({ persistence: '{ timeout: 1s, netmask: 33 }' }),
      [
        '8:42: error: netmask: expected a prefix length from 1 to 32, or a netmask such as 255.255.255.0, not 33',
      ],
    ],
    [
      'a netmask with a hole',
      file({ persistence: '{ netmask: 255.0.255.0 }' }),
      [
        '8:29: error: netmask: expected a prefix length from 1 to 32, or a netmask such as 255.255.255.0, not "255.0.255.0"',
      ],
    ],
    [
      'a netmask of nothing',
      file({ persistence: '{ netmask: 0.0.0.0 }' }),
      [
        '8:29: error: netmask: expected a prefix length from 1 to 32, or a netmask such as 255.255.255.0, not "0.0.0.0"',
      ],
    ],
    [
      'a prefix too long',
      file({ ...V6S, persistence: '{ prefix: 129 }' }),
      ['8:28: error: prefix: expected a whole number from 1 to 128, not 129'],
    ],
    [
      'a prefix of IPv6 for IPv4',
      file({ persistence: '{ prefix: 64, netmask: 24 }' }),
      ['8:20: warning: prefix is for IPv6, and the service is IPv4: it has no effect'],
    ],
    [
      'a netmask for IPv6',
      file({ ...V6S, persistence: '{ prefix: 64, netmask: 24 }' }),
      ['8:32: warning: netmask is for IPv4, and the service is IPv6: it has no effect'],
    ],
    [
      'the engine sip over TCP',
      file({ persistence: '{ engine: sip }' }),
      ['8:28: error: the engine sip reads UDP only: use protocol udp, or remove it'],
    ],
    [
      'the engine sip over UDP, one packet',
      file({
        protocol: 'udp',
        check: '{ tcp: {}, port: 1 }',
        one_packet: 'true',
        scheduler: 'rr',
        persistence: '{ engine: sip }',
      }),
      [],
    ],
    [
      'one packet of TCP',
      file({ one_packet: 'true' }),
      ['8:17: error: one_packet is for UDP, and nothing here is: use protocol udp, or remove it'],
    ],
    [
      'one packet under wlc',
      file({ protocol: 'udp', check: '{ tcp: {}, port: 1 }', one_packet: 'true' }),
      [
        '9:17: warning: wlc counts connections, of which one_packet leaves none, so that one real server gets everything: use rr, wrr, sh or mh',
      ],
    ],
    [
      'one packet under nat, with persistence',
      file({
        protocol: 'udp',
        check: '{ tcp: {}, port: 1 }',
        one_packet: 'true',
        forwarding: 'nat',
        scheduler: 'rr',
        persistence: '1m',
      }),
      [
        "9:17: warning: one_packet leaves no connection by which nat translates the answers, which keep the real server's address: use dr or tun",
        '11:5: warning: persistence sends all datagrams of a client to one real server: remove it, or one_packet',
      ],
    ],
  ])('%s', (_, text, problems) => {
    expect(problemsOf(text, DIRECTOR)).toEqual(problems);
  });
});
