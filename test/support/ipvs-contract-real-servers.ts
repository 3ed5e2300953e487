/** The parts of the contract that are about real servers, and about many operations at once. */
import assert from 'node:assert/strict';
import type { Ipvs } from '../../src/kernel/ipvs.ts';
import { PLAIN_TUNNEL } from '../../src/model/virtual-server.ts';
import {
  addReal,
  addServer,
  type ContractCase,
  errnos,
  holds,
  PLAIN,
  PLAIN6,
  real,
  succeed,
  WEB,
  WEB6,
} from './ipvs-contract-tools.ts';

export const REAL_SERVER_CASES: readonly ContractCase[] = [
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
  ...(
    [
      { kind: 'gue', port: 1, checksum: 'none' },
      { kind: 'gue', port: 65535, checksum: 'plain' },
      { kind: 'gue', port: 6080, checksum: 'remote' },
      { kind: 'gre', port: 0, checksum: 'none' },
      { kind: 'gre', port: 0, checksum: 'plain' },
    ] as const
  ).map((tunnel) => ({
    name: `tunnel ${tunnel.kind}, port ${tunnel.port}, checksum ${tunnel.checksum}: added, and edited to plain and back`,
    run: (ipvs: Ipvs) => {
      const wrapped = real('10.1.1.2', 80, { forwarding: 'tun', tunnel });
      const plain = real('10.1.1.2', 80, { forwarding: 'tun' });
      succeed(ipvs, addServer(WEB), addReal(WEB, wrapped));
      holds(ipvs, WEB, PLAIN, wrapped);
      succeed(ipvs, {
        op: 'edit-real-server',
        key: WEB,
        realServer: { ...plain, tunnel: PLAIN_TUNNEL },
        was: wrapped,
      });
      holds(ipvs, WEB, PLAIN, plain);
      succeed(ipvs, { op: 'edit-real-server', key: WEB, realServer: wrapped, was: plain });
      holds(ipvs, WEB, PLAIN, wrapped);
    },
  })),
  {
    name: 'a gue tunnel without a port is EINVAL, and the error says so',
    run: (ipvs) => {
      succeed(ipvs, addServer(WEB));
      const tunnel = { kind: 'gue', port: 0, checksum: 'none' } as const;
      const [outcome] = ipvs.apply([addReal(WEB, real('10.1.1.2', 80, { forwarding: 'tun', tunnel }))]);
      assert.equal(outcome?.errno, 'EINVAL');
      assert.match(String(outcome?.error), /a gue tunnel needs a port/);
    },
  },
  {
    name: 'a tunnel means nothing to other forwarding methods, and is not kept',
    run: (ipvs) => {
      const tunnel = { kind: 'gue', port: 6080, checksum: 'none' } as const;
      succeed(ipvs, addServer(WEB), addReal(WEB, real('10.1.1.2', 80, { tunnel })));
      holds(ipvs, WEB, PLAIN, real('10.1.1.2'));
    },
  },
  {
    name: 'weights of every size, up to 2^31 - 1',
    run: (ipvs) => {
      const servers = [0, 1, 65535, 65536, 0x7fffffff].map((weight, i) =>
        real(`10.1.1.${2 + i}`, 80, { weight }),
      );
      succeed(ipvs, addServer(WEB), ...servers.map((server) => addReal(WEB, server)));
      holds(ipvs, WEB, PLAIN, ...servers);
    },
  },
  {
    name: 'thresholds up to 2^32 - 1, the lower as high as the upper, or none',
    run: (ipvs) => {
      const servers = [
        real('10.1.1.2', 80, { upperThreshold: 0xffffffff, lowerThreshold: 0xffffffff }),
        real('10.1.1.3', 80, { upperThreshold: 1, lowerThreshold: 1 }),
        real('10.1.1.4', 80, { upperThreshold: 1 }),
      ];
      succeed(ipvs, addServer(WEB), ...servers.map((server) => addReal(WEB, server)));
      holds(ipvs, WEB, PLAIN, ...servers);
    },
  },
  {
    name: 'a number past 32 bits, or a port past 16, never reaches the kernel',
    run: (ipvs) => {
      succeed(ipvs, addServer(WEB));
      for (const server of [
        real('10.1.1.2', 80, { weight: 2 ** 32 }),
        real('10.1.1.2', 80, { upperThreshold: 2 ** 32 }),
        real('10.1.1.2', 80, { weight: -1 }),
        real('10.1.1.2', 65536),
      ])
        assert.throws(() => ipvs.apply([addReal(WEB, server)]), RangeError);
      holds(ipvs, WEB, PLAIN);
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
      const [thresholds, weight] = ipvs.apply([
        addReal(WEB, real('10.1.1.2', 80, { upperThreshold: 3, lowerThreshold: 5 })),
        addReal(WEB, real('10.1.1.2', 80, { weight: 0x80000000 })),
      ]);
      assert.match(
        String(thresholds?.error),
        /the lower threshold \(5\) must not exceed the upper one \(3\)/,
      );
      assert.match(String(weight?.error), /a weight is 0 to 2147483647, not 2147483648/);
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

export const BATCH_CASES: readonly ContractCase[] = [
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
