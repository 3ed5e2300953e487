/** The part of the contract that is about the table as a whole: time-outs, counters, and its end. */
import assert from 'node:assert/strict';
import { isKernelError } from '../../src/kernel/kernel-error.ts';
import {
  addReal,
  addServer,
  type ContractCase,
  PLAIN,
  real,
  succeed,
  WEB,
  WEB6,
} from './ipvs-contract-tools.ts';

const NO_TRAFFIC = {
  connections: 0,
  incomingPackets: 0,
  outgoingPackets: 0,
  incomingBytes: 0,
  outgoingBytes: 0,
};
const NO_STATISTICS = { total: NO_TRAFFIC, perSecond: NO_TRAFFIC };

const refused = (code: string, advice: RegExp) => (error: unknown) =>
  isKernelError(error, code) && advice.test(error.message);

export const WHOLE_TABLE_CASES: readonly ContractCase[] = [
  {
    name: 'time-outs are set, each by itself; 0 and what is not given stay',
    run: (ipvs) => {
      ipvs.setTimeouts({ tcp: 900, tcpFin: 120, udp: 300 });
      assert.deepEqual(ipvs.timeouts(), { tcp: 900, tcpFin: 120, udp: 300 });
      ipvs.setTimeouts({ tcpFin: 1 });
      assert.deepEqual(ipvs.timeouts(), { tcp: 900, tcpFin: 1, udp: 300 });
      ipvs.setTimeouts({ tcp: 0, tcpFin: 0, udp: 2_678_400 });
      assert.deepEqual(ipvs.timeouts(), { tcp: 900, tcpFin: 1, udp: 2_678_400 });
    },
  },
  {
    name: 'time-outs past what the kernel counts to are EINVAL, and change nothing',
    run: (ipvs) => {
      ipvs.setTimeouts({ tcp: 900, tcpFin: 120, udp: 300 });
      for (const seconds of [0x7fffffff, 0xffffffff])
        assert.throws(
          () => ipvs.setTimeouts({ tcp: 60, udp: seconds }),
          refused('EINVAL', /a time-out is up to/),
        );
      assert.throws(() => ipvs.setTimeouts({ tcp: 1.5 }), RangeError);
      assert.deepEqual(ipvs.timeouts(), { tcp: 900, tcpFin: 120, udp: 300 });
    },
  },
  {
    name: 'counters begin at zero, of the whole table and of one virtual server',
    run: (ipvs) => {
      succeed(ipvs, addServer(WEB), addReal(WEB, real('10.1.1.2')));
      const server = ipvs.find(WEB);
      assert.deepEqual(server, {
        key: WEB,
        settings: PLAIN,
        statistics: NO_STATISTICS,
        realServers: [
          {
            ...real('10.1.1.2'),
            connections: { active: 0, inactive: 0, persistent: 0 },
            statistics: NO_STATISTICS,
          },
        ],
      });
      assert.deepEqual(ipvs.dumpCounted(), [server]);
      assert.equal(ipvs.find(WEB6), undefined);
    },
  },
  {
    name: 'counters are set to zero; of a virtual server that does not exist it is ESRCH',
    run: (ipvs) => {
      succeed(ipvs, addServer(WEB));
      ipvs.zero();
      ipvs.zero(WEB);
      assert.throws(() => ipvs.zero(WEB6), refused('ESRCH', /the table has no such virtual server/));
    },
  },
  {
    name: 'a flush leaves an empty table, and an empty one can be flushed',
    run: (ipvs) => {
      succeed(ipvs, addServer(WEB), addReal(WEB, real('10.1.1.2')));
      ipvs.flush();
      assert.deepEqual(ipvs.dump(), []);
      ipvs.flush();
    },
  },
];
