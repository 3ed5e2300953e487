/**
 * An IPVS table without a kernel, for tests of what drives one. It refuses what the kernel refuses, with the same errno
 * and in the same words; `ipvs-contract.ts` holds both to the same behaviour.
 */
import type { Ipvs } from '../../src/kernel/ipvs.ts';
import { attemptOf, explainRefusal } from '../../src/kernel/ipvs-refusal.ts';
import { KernelError } from '../../src/kernel/kernel-error.ts';
import { familyOf, isNotUnicast } from '../../src/model/address.ts';
import {
  type ActualTable,
  type ConnectionCounts,
  type OperationOutcome,
  realServerKey,
  type TableKey,
  type TableOperation,
  type TableRealServer,
  type TableSettings,
  tableKeyText,
} from '../../src/model/ipvs-table.ts';
import { SCHEDULERS } from '../../src/model/virtual-server.ts';
import { HASHED } from '../../src/netlink/ipvs/numbers.ts';
import { keyFamily } from '../../src/netlink/ipvs/service.ts';
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

export class FakeIpvs implements Ipvs {
  /** Every operation that was asked for, refused ones too. */
  readonly applied: TableOperation[] = [];
  readonly #table = new Map<string, FakeServer>();
  readonly #connections = new Map<string, ConnectionCounts>();
  readonly #options: FakeIpvsOptions;

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
    if (key.kind === 'mark' && key.mark === 0) throw new RangeError('a firewall mark is 1 and up');
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
    return keyFamily(key) === 'ipv6' && settings.granularity === 0 ? 'EINVAL' : undefined;
  }
}

const connectionKey = (key: TableKey, server: TableRealServer): string =>
  `${tableKeyText(key)} ${realServerKey(server)}`;

const kept = (settings: TableSettings): TableSettings => ({
  ...settings,
  flags: (settings.flags & ~HASHED) >>> 0,
});

type RealServerOperation = Extract<TableOperation, { realServer: TableRealServer }>;

/** The checks are in the kernel's order. */
function changeRealServer(server: FakeServer, { op, realServer }: RealServerOperation): Errno | undefined {
  const id = realServerKey(realServer);
  const exists = server.realServers.has(id);
  if (op === 'remove-real-server') return server.realServers.delete(id) ? undefined : 'ENOENT';
  if (familyOf(realServer.address) !== keyFamily(server.key) && realServer.forwarding !== 'tun')
    return 'EINVAL';
  if (realServer.weight > 0x7fffffff || realServer.lowerThreshold > realServer.upperThreshold)
    return 'ERANGE';
  if (op === 'edit-real-server' && !exists) return 'ENOENT';
  if (op === 'add-real-server' && exists) return 'EEXIST';
  if (isNotUnicast(realServer.address)) return 'EINVAL';
  server.realServers.set(id, realServer);
  return undefined;
}
