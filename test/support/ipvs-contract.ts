/**
 * What every IPVS table does: run against the fake in the unit tests and against the kernel's own in the lab. Each case
 * starts with an empty table, on a machine where 10.1.1.1/24 and fd00::1/64 are addresses of a link and lo is up.
 */
import assert from 'node:assert/strict';
import type { Ipvs } from '../../src/kernel/ipvs.ts';
import type { IpAddress } from '../../src/model/address.ts';
import {
  type ActualTable,
  realServerKey,
  type TableKey,
  type TableOperation,
  type TableRealServer,
  type TableSettings,
  tableKeyText,
} from '../../src/model/ipvs-table.ts';

export interface ContractCase {
  readonly name: string;
  /** Throws AssertionError. */
  readonly run: (ipvs: Ipvs) => void;
}

const ip = (text: string): IpAddress => text as IpAddress;

export const tcp = (address: string, port: number): TableKey => ({
  kind: 'address',
  protocol: 'tcp',
  address: ip(address),
  port,
});
const WEB = tcp('10.1.1.254', 80);
const WEB6 = tcp('fd00::fe', 80);
export const PLAIN: TableSettings = { scheduler: 'wrr', flags: 0, timeout: 0, granularity: 32, engine: '' };
const PLAIN6: TableSettings = { ...PLAIN, granularity: 128 };

export const real = (
  address: string,
  port = 80,
  more: Partial<Omit<TableRealServer, 'address' | 'port'>> = {},
): TableRealServer => ({
  forwarding: 'dr',
  weight: 1,
  upperThreshold: 0,
  lowerThreshold: 0,
  ...more,
  address: ip(address),
  port,
});

const addServer = (key: TableKey, settings = PLAIN): TableOperation => ({
  op: 'add-virtual-server',
  key,
  settings,
});
const addReal = (key: TableKey, realServer: TableRealServer): TableOperation => ({
  op: 'add-real-server',
  key,
  realServer,
});

/** Makes the operations and gives the errno of each, undefined where it was made. */
const errnos = (ipvs: Ipvs, ...operations: TableOperation[]): (string | undefined)[] =>
  ipvs.apply(operations).map(({ operation, error, errno }, i) => {
    assert.equal(operation, operations[i]);
    assert.equal(error === undefined, errno === undefined, `${error}`);
    return errno;
  });

function succeed(ipvs: Ipvs, ...operations: TableOperation[]): void {
  for (const { error } of ipvs.apply(operations)) assert.equal(error, undefined);
}

/** The table without connections and without an order, to be compared with what was asked for. */
const contents = (table: ActualTable) =>
  table
    .map(({ key, settings, realServers }) => ({
      key,
      settings,
      realServers: realServers
        .map(({ connections: _, ...server }) => server)
        .sort((a, b) => (realServerKey(a) < realServerKey(b) ? -1 : 1)),
    }))
    .sort((a, b) => (tableKeyText(a.key) < tableKeyText(b.key) ? -1 : 1));

const holds = (ipvs: Ipvs, key: TableKey, settings: TableSettings, ...realServers: TableRealServer[]): void =>
  assert.deepEqual(contents(ipvs.dump()), contents([{ key, settings, realServers: realServers.map(idle) }]));

const idle = (server: TableRealServer) => ({
  ...server,
  connections: { active: 0, inactive: 0, persistent: 0 },
});

const virtualServers: readonly ContractCase[] = [
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

const realServers: readonly ContractCase[] = [
  ...(['dr', 'nat', 'tun', 'local', 'bypass'] as const).map((forwarding) => ({
    name: `${forwarding}: dumped as added, on a real server, on loopback and on an address of the director, any port`,
    run: (ipvs: Ipvs) => {
      const servers = ['10.1.1.2', '127.0.0.1', '10.1.1.1', '8.8.8.8'].flatMap((address) => [
        real(address, 80, { forwarding }),
        real(address, 8080, { forwarding }),
      ]);
      succeed(ipvs, addServer(WEB), ...servers.map((server) => addReal(WEB, server)));
      holds(ipvs, WEB, PLAIN, ...servers);
    },
  })),
  {
    name: 'weights and thresholds, added and edited',
    run: (ipvs) => {
      const before = real('10.1.1.2', 80, { weight: 65535, upperThreshold: 20, lowerThreshold: 10 });
      const afterwards = real('10.1.1.2', 80, { weight: 0, forwarding: 'nat' });
      succeed(ipvs, addServer(WEB), addReal(WEB, before));
      holds(ipvs, WEB, PLAIN, before);
      succeed(ipvs, { op: 'edit-real-server', key: WEB, realServer: afterwards, was: before });
      holds(ipvs, WEB, PLAIN, afterwards);
    },
  },
  {
    name: 'a lower threshold above the upper one is ERANGE',
    run: (ipvs) => {
      succeed(ipvs, addServer(WEB));
      assert.deepEqual(
        errnos(
          ipvs,
          addReal(WEB, real('10.1.1.2', 80, { upperThreshold: 3, lowerThreshold: 5 })),
          addReal(WEB, real('10.1.1.2', 80, { lowerThreshold: 5 })),
          addReal(WEB, real('10.1.1.2', 80, { weight: 0x80000000 })),
        ),
        ['ERANGE', 'ERANGE', 'ERANGE'],
      );
      holds(ipvs, WEB, PLAIN);
    },
  },
  {
    name: 'one that exists is EEXIST, one that does not is ENOENT',
    run: (ipvs) => {
      const server = real('10.1.1.2');
      const other = real('10.1.1.2', 81);
      succeed(ipvs, addServer(WEB), addReal(WEB, server));
      assert.deepEqual(
        errnos(
          ipvs,
          addReal(WEB, { ...server, weight: 9 }),
          { op: 'edit-real-server', key: WEB, realServer: other, was: other },
          { op: 'remove-real-server', key: WEB, realServer: other },
        ),
        ['EEXIST', 'ENOENT', 'ENOENT'],
      );
      holds(ipvs, WEB, PLAIN, server);
    },
  },
  {
    name: 'removed and added again',
    run: (ipvs) => {
      const server = real('10.1.1.2', 80, { weight: 3 });
      succeed(
        ipvs,
        addServer(WEB),
        addReal(WEB, server),
        { op: 'remove-real-server', key: WEB, realServer: server },
        addReal(WEB, { ...server, weight: 5 }),
      );
      holds(ipvs, WEB, PLAIN, { ...server, weight: 5 });
    },
  },
  {
    name: 'an address of no host is EINVAL',
    run: (ipvs) => {
      succeed(ipvs, addServer(WEB), addServer(WEB6, PLAIN6));
      assert.deepEqual(
        errnos(
          ipvs,
          addReal(WEB, real('224.0.0.1')),
          addReal(WEB, real('0.0.0.0')),
          addReal(WEB, real('255.255.255.255')),
          addReal(WEB6, real('ff02::5')),
        ),
        Array(4).fill('EINVAL'),
      );
    },
  },
  {
    name: "another family than the virtual server's goes by tun only",
    run: (ipvs) => {
      succeed(ipvs, addServer(WEB));
      const six = real('fd00::2', 80, { forwarding: 'tun' });
      assert.deepEqual(
        errnos(
          ipvs,
          addReal(WEB, real('fd00::2')),
          addReal(WEB, { ...six, forwarding: 'nat' }),
          addReal(WEB, six),
        ),
        ['EINVAL', 'EINVAL', undefined],
      );
      holds(ipvs, WEB, PLAIN, six);
    },
  },
];

const batches: readonly ContractCase[] = [
  {
    name: 'no operations, no outcomes',
    run: (ipvs) => assert.deepEqual(ipvs.apply([]), []),
  },
  {
    name: 'one that is refused does not stop the rest, and each outcome is at its place',
    run: (ipvs) => {
      assert.deepEqual(
        errnos(
          ipvs,
          addServer(WEB),
          addServer(WEB),
          addReal(WEB, real('224.0.0.1')),
          addReal(WEB, real('10.1.1.2')),
          { op: 'remove-virtual-server', key: WEB6 },
          addReal(WEB, real('10.1.1.3')),
        ),
        [undefined, 'EEXIST', 'EINVAL', undefined, 'ESRCH', undefined],
      );
      holds(ipvs, WEB, PLAIN, real('10.1.1.2'), real('10.1.1.3'));
    },
  },
  {
    name: 'a thousand operations at once, every tenth refused',
    run: (ipvs) => {
      const servers = Array.from({ length: 1000 }, (_, i) =>
        i % 10 === 9 ? real('224.0.0.1') : real(`10.2.${i >> 8}.${i & 255}`, 80, { weight: i }),
      );
      succeed(ipvs, addServer(WEB));
      assert.deepEqual(
        errnos(ipvs, ...servers.map((server) => addReal(WEB, server))),
        servers.map((_, i) => (i % 10 === 9 ? 'EINVAL' : undefined)),
      );
      holds(ipvs, WEB, PLAIN, ...servers.filter((_, i) => i % 10 !== 9));
    },
  },
  {
    name: 'the virtual server of every address and port cannot be asked for by mark 0',
    run: (ipvs) => {
      assert.throws(() => ipvs.apply([addServer({ kind: 'mark', mark: 0, family: 'ipv4' })]), RangeError);
      assert.deepEqual(ipvs.dump(), []);
    },
  },
];

export const IPVS_CONTRACT: readonly ContractCase[] = [...virtualServers, ...realServers, ...batches];
