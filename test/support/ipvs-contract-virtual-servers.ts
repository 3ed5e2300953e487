/** The part of the contract that is about virtual servers. */
import assert from 'node:assert/strict';
import type { Ipvs } from '../../src/kernel/ipvs.ts';
import type { TableKey } from '../../src/model/ipvs-table.ts';
import {
  addReal,
  addServer,
  type ContractCase,
  contents,
  errnos,
  holds,
  idle,
  ip,
  PLAIN,
  PLAIN6,
  real,
  succeed,
  tcp,
  WEB,
  WEB6,
} from './ipvs-contract-tools.ts';

export const VIRTUAL_SERVER_CASES: readonly ContractCase[] = [
  {
    name: 'an empty table is an empty list',
    run: (ipvs) => assert.deepEqual(ipvs.dump(), []),
  },
  {
    name: 'tells its version and the size of its connection table',
    run: (ipvs) => {
      assert.match(ipvs.info().version, /^\d+\.\d+\.\d+$/);
      assert.ok(ipvs.info().connectionTableSize >= 256);
    },
  },
  {
    name: 'a virtual server is dumped as it was added',
    run: (ipvs) => {
      succeed(ipvs, addServer(WEB));
      holds(ipvs, WEB, PLAIN);
    },
  },
  ...['rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'dh', 'sh', 'mh', 'sed', 'nq', 'fo', 'ovf'].map(
    (scheduler) => ({
      name: `scheduler ${scheduler}`,
      run: (ipvs: Ipvs) => {
        succeed(ipvs, addServer(WEB, { ...PLAIN, scheduler }));
        holds(ipvs, WEB, { ...PLAIN, scheduler });
      },
    }),
  ),
  {
    name: 'one that exists is not added again, and stays as it is',
    run: (ipvs) => {
      succeed(ipvs, addServer(WEB));
      assert.deepEqual(errnos(ipvs, addServer(WEB, { ...PLAIN, scheduler: 'rr' })), ['EEXIST']);
      holds(ipvs, WEB, PLAIN);
    },
  },
  {
    name: 'an unknown scheduler is ENOENT, and the error names its module',
    run: (ipvs) => {
      const [outcome] = ipvs.apply([addServer(WEB, { ...PLAIN, scheduler: 'nosuch' })]);
      assert.equal(outcome?.errno, 'ENOENT');
      assert.match(String(outcome?.error), /tcp 10\.1\.1\.254:80.*modprobe ip_vs_nosuch/);
      assert.deepEqual(ipvs.dump(), []);
    },
  },
  {
    name: 'an unknown persistence engine is ENOENT, and the error names its module',
    run: (ipvs) => {
      const [outcome] = ipvs.apply([addServer(WEB, { ...PLAIN, engine: 'nosuch' })]);
      assert.equal(outcome?.errno, 'ENOENT');
      assert.match(String(outcome?.error), /modprobe ip_vs_pe_nosuch/);
    },
  },
  {
    name: 'flags, persistence and its granularity, all at once and off again',
    run: (ipvs) => {
      const persistent = { ...PLAIN, scheduler: 'mh', flags: 1 | 8 | 16, timeout: 300, granularity: 24 };
      succeed(ipvs, addServer(WEB, persistent));
      holds(ipvs, WEB, persistent);
      succeed(ipvs, { op: 'edit-virtual-server', key: WEB, settings: PLAIN, was: persistent });
      holds(ipvs, WEB, PLAIN);
    },
  },
  {
    name: 'every scheduler flag, alone and together, and one-packet scheduling',
    run: (ipvs) => {
      for (const flags of [8, 16, 32, 56, 4, 60]) {
        const settings = { ...PLAIN, scheduler: 'mh', flags };
        succeed(ipvs, addServer(WEB, settings));
        holds(ipvs, WEB, settings);
        succeed(ipvs, { op: 'remove-virtual-server', key: WEB });
      }
    },
  },
  ...[1, 300, 2_678_400].map((timeout) => ({
    name: `persistent for ${timeout} s, by every length of an IPv4 prefix`,
    run: (ipvs: Ipvs) => {
      const settings = { ...PLAIN, flags: 1, timeout, granularity: 0 };
      succeed(ipvs, addServer(WEB, settings));
      holds(ipvs, WEB, settings);
      for (let granularity = 1; granularity <= 32; granularity++) {
        const other = { ...settings, granularity };
        succeed(ipvs, { op: 'edit-virtual-server', key: WEB, settings: other, was: settings });
        holds(ipvs, WEB, other);
      }
    },
  })),
  {
    name: 'a granularity past the length of an IPv4 address never reaches the kernel',
    run: (ipvs) => {
      assert.throws(() => ipvs.apply([addServer(WEB, { ...PLAIN, granularity: 33 })]), RangeError);
      assert.deepEqual(ipvs.dump(), []);
    },
  },
  {
    name: 'a mask with holes, as others set it, is shown and can be set',
    run: (ipvs) => {
      const settings = { ...PLAIN, flags: 1, timeout: 60, granularity: 17, mask: ip('255.0.255.128') };
      succeed(ipvs, addServer(WEB, settings));
      holds(ipvs, WEB, settings);
    },
  },
  {
    name: 'IPv6 granularities of 1 and 128 are taken, 129 is EINVAL',
    run: (ipvs) => {
      for (const granularity of [1, 128]) {
        const settings = { ...PLAIN6, flags: 1, timeout: 9, granularity };
        succeed(ipvs, addServer(WEB6, settings));
        holds(ipvs, WEB6, settings);
        succeed(ipvs, { op: 'remove-virtual-server', key: WEB6 });
      }
      assert.deepEqual(errnos(ipvs, addServer(WEB6, { ...PLAIN6, granularity: 129 })), ['EINVAL']);
    },
  },
  {
    name: 'the name of a scheduler has up to 15 letters',
    run: (ipvs) =>
      assert.deepEqual(
        errnos(
          ipvs,
          addServer(WEB, { ...PLAIN, scheduler: 'x'.repeat(15) }),
          addServer(WEB, { ...PLAIN, scheduler: 'x'.repeat(16) }),
        ),
        ['ENOENT', 'EINVAL'],
      ),
  },
  {
    name: "the kernel's own hashed flag is neither set nor shown",
    run: (ipvs) => {
      succeed(ipvs, addServer(WEB, { ...PLAIN, flags: 4 | 2 }));
      holds(ipvs, WEB, { ...PLAIN, flags: 4 });
    },
  },
  {
    name: 'SIP persistence engine',
    run: (ipvs) => {
      const key: TableKey = { kind: 'address', protocol: 'udp', address: ip('10.1.1.254'), port: 5060 };
      const settings = { ...PLAIN, flags: 1 | 4, timeout: 60, engine: 'sip' };
      succeed(ipvs, addServer(key, settings));
      holds(ipvs, key, settings);
    },
  },
  {
    name: 'an edit that is refused changes nothing',
    run: (ipvs) => {
      succeed(ipvs, addServer(WEB), addReal(WEB, real('10.1.1.2')));
      const settings = { ...PLAIN, scheduler: 'nosuch' };
      assert.deepEqual(errnos(ipvs, { op: 'edit-virtual-server', key: WEB, settings, was: PLAIN }), [
        'ENOENT',
      ]);
      holds(ipvs, WEB, PLAIN, real('10.1.1.2'));
    },
  },
  {
    name: 'an edit keeps the real servers',
    run: (ipvs) => {
      succeed(ipvs, addServer(WEB), addReal(WEB, real('10.1.1.2')));
      const settings = { ...PLAIN, scheduler: 'lc' };
      succeed(ipvs, { op: 'edit-virtual-server', key: WEB, settings, was: PLAIN });
      holds(ipvs, WEB, settings, real('10.1.1.2'));
    },
  },
  {
    name: 'what does not exist cannot be edited, removed or given real servers: ESRCH',
    run: (ipvs) =>
      assert.deepEqual(
        errnos(
          ipvs,
          { op: 'edit-virtual-server', key: WEB, settings: PLAIN, was: PLAIN },
          { op: 'remove-virtual-server', key: WEB },
          addReal(WEB, real('10.1.1.2')),
          { op: 'edit-real-server', key: WEB, realServer: real('10.1.1.2'), was: real('10.1.1.2') },
          { op: 'remove-real-server', key: WEB, realServer: real('10.1.1.2') },
        ),
        Array(5).fill('ESRCH'),
      ),
  },
  {
    name: 'tcp, udp, sctp, every port and marks are virtual servers of their own',
    run: (ipvs) => {
      const keys: TableKey[] = [
        WEB,
        { kind: 'address', protocol: 'udp', address: ip('10.1.1.254'), port: 80 },
        { kind: 'address', protocol: 'sctp', address: ip('10.1.1.254'), port: 80 },
        tcp('10.1.1.254', 0),
        tcp('10.1.1.254', 65535),
        { kind: 'mark', mark: 80, family: 'ipv4' },
        { kind: 'mark', mark: 0xffffffff, family: 'ipv4' },
      ];
      const settings = { ...PLAIN, flags: 1, timeout: 60 };
      succeed(ipvs, ...keys.map((key) => addServer(key, settings)));
      const wanted = keys.map((key) => ({ key, settings, realServers: [] }));
      assert.deepEqual(contents(ipvs.dump()), contents(wanted));
    },
  },
  {
    name: 'the same mark for both families',
    run: (ipvs) => {
      const four: TableKey = { kind: 'mark', mark: 7, family: 'ipv4' };
      const six: TableKey = { kind: 'mark', mark: 7, family: 'ipv6' };
      succeed(ipvs, addServer(four), addServer(six, PLAIN6), addReal(six, real('fd00::2', 0)));
      assert.deepEqual(
        contents(ipvs.dump()),
        contents([
          { key: four, settings: PLAIN, realServers: [] },
          { key: six, settings: PLAIN6, realServers: [idle(real('fd00::2', 0))] },
        ]),
      );
    },
  },
  {
    name: 'IPv6, persistent by a prefix of 64',
    run: (ipvs) => {
      const settings = { ...PLAIN6, flags: 1, timeout: 9, granularity: 64 };
      succeed(ipvs, addServer(WEB6, settings), addReal(WEB6, real('fd00::2')));
      holds(ipvs, WEB6, settings, real('fd00::2'));
    },
  },
  {
    name: 'IPv6 without a granularity is EINVAL',
    run: (ipvs) => assert.deepEqual(errnos(ipvs, addServer(WEB6, { ...PLAIN, granularity: 0 })), ['EINVAL']),
  },
  {
    name: 'removal takes the real servers along',
    run: (ipvs) => {
      succeed(ipvs, addServer(WEB), addReal(WEB, real('10.1.1.2')), {
        op: 'remove-virtual-server',
        key: WEB,
      });
      assert.deepEqual(ipvs.dump(), []);
      succeed(ipvs, addServer(WEB));
      holds(ipvs, WEB, PLAIN);
    },
  },
];
