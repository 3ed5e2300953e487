/** What the cases of `ipvs-contract.ts` are written with. */
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

/** An address that is known to be one. */
export const ip = (text: string): IpAddress => text as IpAddress;

export const tcp = (address: string, port: number): TableKey => ({
  kind: 'address',
  protocol: 'tcp',
  address: ip(address),
  port,
});
export const WEB = tcp('10.1.1.254', 80);
export const WEB6 = tcp('fd00::fe', 80);
export const PLAIN: TableSettings = { scheduler: 'wrr', flags: 0, timeout: 0, granularity: 32, engine: '' };
export const PLAIN6: TableSettings = { ...PLAIN, granularity: 128 };

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

export const addServer = (key: TableKey, settings = PLAIN): TableOperation => ({
  op: 'add-virtual-server',
  key,
  settings,
});
export const addReal = (key: TableKey, realServer: TableRealServer): TableOperation => ({
  op: 'add-real-server',
  key,
  realServer,
});

/** Makes the operations and gives the errno of each, undefined where it was made. */
export const errnos = (ipvs: Ipvs, ...operations: TableOperation[]): (string | undefined)[] =>
  ipvs.apply(operations).map(({ operation, error, errno }, i) => {
    assert.equal(operation, operations[i]);
    assert.equal(error === undefined, errno === undefined, `${error}`);
    return errno;
  });

/** Makes the operations, none of which may be refused. */
export function succeed(ipvs: Ipvs, ...operations: TableOperation[]): void {
  for (const { error } of ipvs.apply(operations)) assert.equal(error, undefined);
}

/** The table without connections and without an order, to be compared with what was asked for. */
export const contents = (table: ActualTable) =>
  table
    .map(({ key, settings, realServers }) => ({
      key,
      settings,
      realServers: realServers
        .map(({ connections: _, ...server }) => server)
        .sort((a, b) => (realServerKey(a) < realServerKey(b) ? -1 : 1)),
    }))
    .sort((a, b) => (tableKeyText(a.key) < tableKeyText(b.key) ? -1 : 1));

/** Fails unless the table is this virtual server and nothing else. */
export const holds = (
  ipvs: Ipvs,
  key: TableKey,
  settings: TableSettings,
  ...realServers: TableRealServer[]
): void =>
  assert.deepEqual(contents(ipvs.dump()), contents([{ key, settings, realServers: realServers.map(idle) }]));

/** A real server as a dump gives it before any traffic. */
export const idle = (server: TableRealServer) => ({
  ...server,
  connections: { active: 0, inactive: 0, persistent: 0 },
});
