/**
 * An IPVS table without a kernel, for tests of what drives one. It refuses what the kernel refuses, with the same errno
 * and in the same words; `ipvs-contract.ts` holds both to the same behaviour.
 */
import type { ConnectionTimeouts, Ipvs } from '../../src/kernel/ipvs.ts';
import { attemptOf, explainRefusal, explainTableRefusal } from '../../src/kernel/ipvs-refusal.ts';
import { KernelError } from '../../src/kernel/kernel-error.ts';
import { familyOf, isNotUnicast } from '../../src/model/address.ts';
import {
  type ActualTable,
  type ConnectionCounts,
  type CountedVirtualServer,
  type OperationOutcome,
  realServerKey,
  type Statistics,
  type TableKey,
  type TableOperation,
  type TableRealServer,
  type TableSettings,
  tableKeyText,
  tunnelOf,
} from '../../src/model/ipvs-table.ts';
import { SERVICE_FLAG } from '../../src/model/service-flags.ts';
import { eachOf, type Steps } from '../../src/model/steps.ts';
import { SCHEDULERS } from '../../src/model/virtual-server.ts';
import { encodeOperation } from '../../src/netlink/ipvs/command.ts';
import { keyFamily } from '../../src/netlink/ipvs/service.ts';
import { encodeSetTimeouts } from '../../src/netlink/ipvs/timeouts.ts';
import { ERRNO } from '../../src/sys/errors.ts';

type Errno = keyof typeof ERRNO;

interface FakeServer {
  readonly key: TableKey;
  readonly settings: TableSettings;
  readonly realServers: Map<string, TableRealServer>;
}

export interface FakeIpvsOptions {
  /** Schedulers that this kernel has; all that we know unless given. */
  readonly schedulers?: readonly string[];
  /** Asked first about every operation: an errno's name makes the fake refuse it. */
  readonly refuse?: (operation: TableOperation) => Errno | undefined;
}

const IDLE: ConnectionCounts = { active: 0, inactive: 0, persistent: 0 };
const NO_TRAFFIC = {
  connections: 0,
  incomingPackets: 0,
  outgoingPackets: 0,
  incomingBytes: 0,
  outgoingBytes: 0,
};
const NO_STATISTICS: Statistics = { total: NO_TRAFFIC, perSecond: NO_TRAFFIC };
/** The kernel's own, and where it ends with 100 ticks a second. */
const TIMEOUTS: ConnectionTimeouts = { tcp: 900, tcpFin: 120, udp: 300 };
const MOST_TIMEOUT = Math.floor(0x7fffffff / 100);

export class FakeIpvs implements Ipvs {
  /** Every operation that was asked for, refused ones too. */
  readonly applied: TableOperation[] = [];
  readonly #table = new Map<string, FakeServer>();
  readonly #connections = new Map<string, ConnectionCounts>();
  readonly #options: FakeIpvsOptions;
  #timeouts = TIMEOUTS;

  constructor(options: FakeIpvsOptions = {}) {
    this.#options = options;
  }

  info(): { version: string; connectionTableSize: number } {
    return { version: '1.2.1', connectionTableSize: 4096 };
  }

  /** Newest first, as the kernel lists real servers: nobody may rely on an order. */
  dump(): ActualTable {
    return [...this.#table.values()].map(({ key, settings, realServers }) => ({
      key,
      settings,
      realServers: [...realServers.values()].reverse().map((server) => ({
        ...server,
        connections: this.#connections.get(connectionKey(key, server)) ?? IDLE,
      })),
    }));
  }

  *dumpSteps(): Steps<ActualTable> {
    const table = this.dump();
    // A rest for each piece, as the kernel's has.
    yield* eachOf(table, () => undefined);
    return table;
  }

  /** No packet ever passes here. */
  dumpCounted(): readonly CountedVirtualServer[] {
    return this.dump().map(({ realServers, ...server }) => ({
      ...server,
      statistics: NO_STATISTICS,
      realServers: realServers.map((each) => ({ ...each, statistics: NO_STATISTICS })),
    }));
  }

  find(key: TableKey): CountedVirtualServer | undefined {
    return this.dumpCounted().find((server) => tableKeyText(server.key) === tableKeyText(key));
  }

  flush(): void {
    this.#table.clear();
  }

  zero(key?: TableKey): void {
    if (key === undefined || this.#table.has(tableKeyText(key))) return;
    const attempt = { operation: 'zero the counters of', object: `virtual server ${tableKeyText(key)}` };
    throw explainTableRefusal(new KernelError(attempt, ERRNO.ESRCH));
  }

  timeouts(): ConnectionTimeouts {
    return this.#timeouts;
  }

  setTimeouts(timeouts: Partial<ConnectionTimeouts>): void {
    encodeSetTimeouts(timeouts);
    const { tcp = 0, tcpFin = 0, udp = 0 } = timeouts;
    if ([tcp, tcpFin, udp].some((seconds) => seconds > MOST_TIMEOUT))
      throw explainTableRefusal(
        new KernelError({ operation: 'set', object: 'connection time-outs' }, ERRNO.EINVAL),
      );
    const was = this.#timeouts;
    this.#timeouts = { tcp: tcp || was.tcp, tcpFin: tcpFin || was.tcpFin, udp: udp || was.udp };
  }

  apply(operations: readonly TableOperation[]): readonly OperationOutcome[] {
    return operations.map((operation) => {
      this.applied.push(operation);
      const errno = this.#options.refuse?.(operation) ?? this.#make(operation);
      if (errno === undefined) return { operation, error: undefined, errno: undefined };
      const error = explainRefusal(operation, new KernelError(attemptOf(operation), ERRNO[errno]));
      return { operation, error, errno };
    });
  }

  close(): void {
    // Holds nothing of the system's.
  }

  /** Stands in for traffic. */
  setConnections(key: TableKey, server: TableRealServer, counts: ConnectionCounts): void {
    this.#connections.set(connectionKey(key, server), counts);
  }

  /** Stands in for somebody who runs `ipvsadm -C`. */
  clear(): void {
    this.#table.clear();
  }

  #make(operation: TableOperation): Errno | undefined {
    const { op, key } = operation;
    // What does not fit into a message is refused before any kernel sees it.
    encodeOperation(operation);
    const text = tableKeyText(key);
    const server = this.#table.get(text);
    if (op === 'add-virtual-server') {
      const errno = server === undefined ? this.#badSettings(key, operation.settings) : 'EEXIST';
      if (errno === undefined)
        this.#table.set(text, { key, settings: kept(operation.settings), realServers: new Map() });
      return errno;
    }
    if (server === undefined) return 'ESRCH';
    switch (op) {
      case 'edit-virtual-server': {
        const errno = this.#badSettings(key, operation.settings);
        if (errno === undefined) this.#table.set(text, { ...server, settings: kept(operation.settings) });
        return errno;
      }
      case 'remove-virtual-server':
        this.#table.delete(text);
        return undefined;
      default:
        return changeRealServer(server, operation);
    }
  }

  #badSettings(key: TableKey, settings: TableSettings): Errno | undefined {
    const { schedulers = SCHEDULERS } = this.#options;
    if (settings.scheduler.length > 15) return 'EINVAL';
    if (settings.scheduler !== 'none' && !schedulers.includes(settings.scheduler)) return 'ENOENT';
    if (settings.engine !== '' && settings.engine !== 'sip') return 'ENOENT';
    const { granularity } = settings;
    return keyFamily(key) === 'ipv6' && (granularity === 0 || granularity > 128) ? 'EINVAL' : undefined;
  }
}

const connectionKey = (key: TableKey, server: TableRealServer): string =>
  `${tableKeyText(key)} ${realServerKey(server)}`;

const kept = (settings: TableSettings): TableSettings => ({
  ...settings,
  flags: (settings.flags & ~SERVICE_FLAG.hashed) >>> 0,
});

type RealServerOperation = Extract<TableOperation, { realServer: TableRealServer }>;

/** The checks are in the kernel's order. */
function changeRealServer(server: FakeServer, { op, realServer }: RealServerOperation): Errno | undefined {
  const id = realServerKey(realServer);
  const exists = server.realServers.has(id);
  if (op === 'remove-real-server') return server.realServers.delete(id) ? undefined : 'ENOENT';
  if (familyOf(realServer.address) !== keyFamily(server.key) && realServer.forwarding !== 'tun')
    return 'EINVAL';
  const { kind, port } = tunnelOf(realServer);
  if (realServer.weight > 0x7fffffff || realServer.lowerThreshold > realServer.upperThreshold)
    return 'ERANGE';
  if (kind === 'gue' && port === 0) return 'EINVAL';
  if (op === 'edit-real-server' && !exists) return 'ENOENT';
  if (op === 'add-real-server' && exists) return 'EEXIST';
  if (isNotUnicast(realServer.address)) return 'EINVAL';
  const { tunnel: _, ...plain } = realServer;
  server.realServers.set(id, kind === 'ipip' ? plain : realServer);
  return undefined;
}
