/** Rules of the quorum, and of settings of the kernel. */
import { describe, expect, test } from 'vitest';
import { DIRECTOR, file } from './service-file.ts';
import { problemsOf } from './support.ts';

describe('quorum', () => {
  test.each<[string, string, string[]]>([
    [
      'hysteresis too large',
      file({ quorum: '{ weight: 2, hysteresis: 2 }' }),
      ['8:38: error: hysteresis 2 must be less than the weight, 2: otherwise the quorum is never lost'],
    ],
    [
      'never gained again',
      file({ quorum: '{ weight: 2, hysteresis: 1 }', real_servers: '[{ address: 10.1.1.2, weight: 2 }]' }),
      [
        '8:13: warning: quorum 2 and hysteresis 1 are more than all weights together, 2: once lost, it is never gained again',
      ],
    ],
    [
      'never reached',
      file({ quorum: '3', real_servers: '[{ address: 10.1.1.2, weight: 2 }]' }),
      ['8:13: warning: quorum 3 is more than all weights together, 2: the service would never be up'],
    ],
    [
      'never reached, since all weights are 0',
      file({ real_servers: '[{ address: 10.1.1.2, weight: 0 }, { address: 10.1.1.3, weight: 0 }]' }),
      [
        '7:19: warning: all weights are 0, so that the quorum is never reached: the service is never up; give one a weight, or take them out of use by vipward drain',
      ],
    ],
    [
      'never reached, and for the sorry server all clients are',
      file({ sorry_server: '10.1.1.9', real_servers: '[{ address: 10.1.1.2, weight: 0 }]' }),
      [
        '7:19: warning: all weights are 0, so that the quorum is never reached: clients get the sorry server alone; give one a weight, or take them out of use by vipward drain',
      ],
    ],
    [
      'a quorum of 0',
      file({ quorum: '0' }),
      ['8:13: error: quorum: expected a whole number of 1 and up, not 0'],
    ],
    [
      'the largest weights',
      file({
        quorum: '4294967294',
        real_servers:
          '[{ address: 10.1.1.2, weight: 2147483647 }, { address: 10.1.1.3, weight: 2147483647 }]',
      }),
      [],
    ],
    [
      'programs that cannot be run',
      file({ notify: '{ quorum_up: /missing, quorum_down: [/home/eve/chk] }' }),
      [
        '8:26: warning: /missing does not exist: nothing is run when the quorum changes',
        '8:49: warning: /home/eve/chk: /home/eve belongs to user 1000, and root would run it: make root the owner and take that right away, or name the user to run as; until then nothing is run when the quorum changes',
      ],
    ],
  ])('%s', (_, text, problems) => {
    expect(problemsOf(text, DIRECTOR)).toEqual(problems);
  });
});

const SYNCED = 'virtual_routers: { a: { interface: eth0, vrid: 1, addresses: [10.1.1.1/24] } }\nipvs:';
const escaped = (text: string) => text.replaceAll(/[()[\]]/g, '\\$&');

describe('settings of the kernel', () => {
  test.each<[string, string, string[]]>([
    [
      'unknown names and values out of range',
      file(
        {},
        'ipvs: { sysctl: { expire_nodest_conn: 0, sloppy_tpc: 1, conn_reuse_mode: 4, sync_threshold: [50, 3], sync_ports: 3, drop_entry: 4, est_nice: 20, backup_only: true } }',
      ),
      [
        '8:39: warning: expire_nodest_conn 0, for service "web": it leaves the clients of a removed real server hanging: use 1, or on_failure: drain',
        '8:42: error: unknown key "sloppy_tpc": did you mean "sloppy_tcp"?',
        '8:74: error: conn_reuse_mode: expected a whole number from 0 to 3, not 4',
        '8:93: error: sync_threshold: expected a threshold and a larger period such as [3, 50]; [N, 0] syncs once, not a list',
        '8:114: error: sync_ports: expected 1, 2, 4, 8, 16, 32 or 64, not 3',
        '8:129: error: drop_entry: expected a whole number from 0 to 3, not 4',
        '8:142: error: est_nice: expected a whole number from -20 to 19, not 20',
        '8:159: error: backup_only: expected 0 or 1, not true',
      ],
    ],
    [
      'those that keep clients at failed real servers',
      file(
        { on_failure: 'drain', persistence: '1m' },
        'ipvs: { sysctl: { expire_nodest_conn: 0, expire_quiescent_template: 0, conn_reuse_mode: 0 } }',
      ),
      [
        '10:69: warning: expire_quiescent_template 0, for service "web": it leaves persistent clients at a real server that has failed: use 1, or on_failure: remove',
        '10:89: warning: conn_reuse_mode 0, for service "web": it leaves clients that reuse their port at a real server that has failed: use 1',
      ],
    ],
    [
      'those that defeat connection synchronisation',
      file(
        { persistence: '1m' },
        `${SYNCED} { sync: { interface: eth0 }, sysctl: { sync_persist_mode: 1, sync_version: 0, sync_threshold: [1000, 5000] } }`,
      ),
      [
        'sync_persist_mode 1, for service "web": it has the other director know the real server of each client, but no connection: they end on a failover: use 0',
        'sync_version 0, for service "web": it keeps connections of IPv6 from being synchronised, and the marks and time-outs of all others: use 1',
        'sync_threshold 1000 5000, for service "web": it keeps connections of less than so many packets (more than 100) from being synchronised: use [3, 50]',
      ].map((message) => expect.stringMatching(new RegExp(`^\\d+:\\d+: warning: ${escaped(message)}$`))),
    ],
    [
      'periods of connection synchronisation that are too long, or none',
      file({}, `${SYNCED} { sync: { interface: eth0 }, sysctl: { sync_threshold: [3, 5000] } }`),
      [expect.stringMatching(/sync_threshold 3 5000.* learn a connection only after so many packets/)],
    ],
    [
      'connections that are synchronised once',
      file({}, `${SYNCED} { sync: { interface: eth0 }, sysctl: { sync_threshold: [3, 0] } }`),
      [expect.stringMatching(/sync_threshold 3 0.* never learn the connections that are open/)],
    ],
    [
      'connections that are synchronised once, and refreshed',
      file(
        {},
        `${SYNCED} { sync: { interface: eth0 }, sysctl: { sync_threshold: [3, 0], sync_refresh_period: 10 } }`,
      ),
      [],
    ],
    [
      'those that drop what clients send, always',
      file({ forwarding: 'nat' }, 'ipvs: { sysctl: { drop_entry: 3, drop_packet: 3, secure_tcp: 3 } }'),
      [
        expect.stringMatching(/warning: drop_entry 3, for service "web": it drops half-open connections/),
        expect.stringMatching(/warning: drop_packet 3, for service "web": it drops packets of clients/),
        expect.stringMatching(/warning: secure_tcp 3, .* forgotten after two minutes/),
      ],
    ],
    [
      'defences for when memory is short, and no rates',
      file(
        { forwarding: 'nat' },
        'ipvs: { sysctl: { drop_entry: 1, drop_packet: 1, secure_tcp: 1, run_estimation: 0, pmtu_disc: 0 } }',
      ),
      [],
    ],
    [
      'packets that are cut for a tunnel',
      file({ forwarding: 'tun' }, 'ipvs: { sysctl: { pmtu_disc: 0 } }'),
      [expect.stringMatching(/warning: pmtu_disc 0, for service "web": it cuts every full packet in two/)],
    ],
    [
      'no connection tracking for fullnat',
      file({ forwarding: 'fullnat' }, 'ipvs: { sysctl: { conntrack: 0 } }'),
      [
        '8:30: error: conntrack 0, for service "web": it does not go together with forwarding fullnat: use 1, or leave it out',
      ],
    ],
    [
      'no connection tracking for a sorry server by fullnat',
      file(
        { sorry_server: '{ address: 10.9.0.9, forwarding: fullnat }' },
        'ipvs: { sysctl: { conntrack: 0 } }',
      ),
      [
        expect.stringMatching(
          /conntrack 0, for service "web": it does not go together with forwarding fullnat/,
        ),
      ],
    ],
    [
      'no connections from their middle for mh on a pair',
      file(
        { scheduler: 'mh', scheduler_flags: 'mh-fallback' },
        'virtual_routers: { a: { interface: eth0, vrid: 1, addresses: [10.1.1.1/24] } }\nipvs: { sysctl: { sloppy_tcp: 0 } }',
      ),
      [
        '11:31: warning: sloppy_tcp 0, for service "web": it drops its connections on a failover, although mh would send them to the same real server: use 1',
      ],
    ],
    [
      'values that are lists',
      file(
        {},
        'ipvs: { sysctl: { sync_threshold: [3, 0], est_cpulist: "0-3,8", est_nice: -20, sync_ports: 64 } }',
      ),
      [],
    ],
    [
      'those that vipward is not to set, and somebody else must',
      file({ forwarding: 'nat' }, 'ipvs: { prepare: false, sysctl: { sync_retries: 2 } }'),
      [
        '8:18: warning: the services need net.ipv4.vs.sync_retries=2, net.ipv4.ip_forward=1, net.ipv4.vs.expire_nodest_conn=1, which vipward does not set then: set them in /etc/sysctl.d; `vipward doctor` tells which of them are missing',
      ],
    ],
    [
      'nothing to set where there are no services',
      'virtual_routers: { a: { interface: eth0, vrid: 1, addresses: [10.1.1.9/24] } }\nipvs: { prepare: false }',
      [],
    ],
    [
      'time-outs out of range',
      file({}, 'ipvs: { timeouts: { tcp: 0s, tcp_fin: 1.5s, udp: 2147484s } }'),
      [
        '8:26: error: tcp: expected a duration from 1s to 2147483s in steps of 1s, not "0s"',
        '8:39: error: tcp_fin: expected a duration from 1s to 2147483s in steps of 1s, not "1.5s"',
        '8:50: error: udp: expected a duration from 1s to 2147483s in steps of 1s, not "2147484s"',
      ],
    ],
    ['time-outs at their limits', file({}, 'ipvs: { timeouts: { tcp: 1s, tcp_fin: 2147483s } }'), []],
  ])('%s', (_, text, problems) => {
    expect(problemsOf(text, DIRECTOR)).toEqual(problems);
  });
});
