/**
 * The kernel's IPVS table in LVS words.
 *
 * Seen on Linux 6.1: the table keeps a real server as it was given, whatever its address. dr, nat or tun to 127.0.0.1
 * or to another address of this director is dumped as dr, nat or tun, `local` as `local`, a port that differs from a
 * dr service's as it is; what is local is found out for each packet. So a dump equals what was applied, and any
 * difference is somebody else's change. (`ipvsadm` itself puts the service's port in for dr and tun, and prints local
 * as -g.) Under `local`, as under dr and tun, the packet keeps its port: what listens must listen on the service's.
 */
import {
  type ActualTable,
  type ActualVirtualServer,
  type OperationOutcome,
  realServerKey,
  type TableKey,
  type TableOperation,
  tableKeyText,
} from '../model/ipvs-table.ts';
import { decodeFamily, encodeGetFamily, GENL_ID_CTRL } from '../netlink/generic.ts';
import {
  decodeInfo,
  encodeGetDestinations,
  encodeGetInfo,
  encodeGetService,
  encodeGetServices,
  encodeOperation,
  type IpvsInfo,
} from '../netlink/ipvs/command.ts';
import {
  type DaemonRole,
  type DaemonSpec,
  decodeDaemon,
  encodeGetDaemons,
  encodeNewDaemon,
  encodeRemoveDaemon,
  type SyncDaemon,
} from '../netlink/ipvs/daemon.ts';
import { type Destination, decodeDestination } from '../netlink/ipvs/destination.ts';
import { IPVS_GENL_NAME } from '../netlink/ipvs/numbers.ts';
import { decodeService, keyFamily, type Service } from '../netlink/ipvs/service.ts';
import { Malformed } from '../netlink/reader.ts';
import { NETLINK_GENERIC, openNetlinkSocket } from '../sys/netlink-socket.ts';
import { attemptOf, daemonText, explainDaemonRefusal, explainRefusal } from './ipvs-refusal.ts';
import { type Attempt, isKernelError, KernelAnswerError, KernelError } from './kernel-error.ts';
import { type NetlinkRequest, NetlinkRequester, type NetlinkTransport } from './request.ts';

export type { IpvsInfo } from '../netlink/ipvs/command.ts';
export type { DaemonRole, DaemonSpec, SyncDaemon } from '../netlink/ipvs/daemon.ts';

/** The IPVS table of this network namespace. Everything is synchronous. */
export interface Ipvs {
  info(): IpvsInfo;
  /** Throws KernelError or KernelAnswerError. */
  dump(): ActualTable;
  /** Makes the operations in their order. One that is refused does not stop the rest; its outcome says why. */
  apply(operations: readonly TableOperation[]): readonly OperationOutcome[];
  close(): void;
}

/** The daemons that synchronise connections with other directors: a master, a backup, or both. */
export interface SyncDaemons {
  /** Throws KernelError or KernelAnswerError. */
  listDaemons(): readonly SyncDaemon[];
  /**
   * Throws KernelError: EEXIST where one of this role runs, ENODEV without the link, EADDRNOTAVAIL where that has no
   * address; RangeError for numbers out of range, a `syncId` of 0 among them.
   */
  startDaemon(spec: DaemonSpec): void;
  /**
   * Stops the daemon of this role if it has this id, and gives whether there was one. It takes up to a second or so
   * for the kernel to have done it. Throws KernelError or KernelAnswerError.
   */
  stopDaemon(role: DaemonRole, syncId: number): boolean;
}

/** This kernel has no IPVS, or it is not loaded. */
export class IpvsUnavailable extends Error {
  constructor(cause: unknown) {
    super(
      'the kernel has no IPVS: load it with `modprobe ip_vs` and, to have it at every boot, put the line `ip_vs` into ' +
        '/etc/modules-load.d/ipvs.conf (in a container, do so on the host)',
      { cause },
    );
    this.name = 'IpvsUnavailable';
  }
}

/** Throws IpvsUnavailable where the kernel has no IPVS family, SystemError where netlink itself cannot be had. */
export function openIpvs(socket: NetlinkTransport = openNetlinkSocket(NETLINK_GENERIC)): Ipvs & SyncDaemons {
  const netlink = new NetlinkRequester(socket);
  try {
    return new NetlinkIpvs(netlink, findFamily(netlink));
  } catch (error) {
    netlink.close();
    throw isKernelError(error, 'ENOENT') ? new IpvsUnavailable(error) : error;
  }
}

function findFamily(netlink: NetlinkRequester): number {
  const attempt = { operation: 'find', object: `generic netlink family ${IPVS_GENL_NAME}` };
  const [answer] = netlink.request({
    attempt,
    type: GENL_ID_CTRL,
    payload: encodeGetFamily(IPVS_GENL_NAME),
  });
  return decoded(attempt, answer && decodeFamily(answer.payload));
}

/** How often a listing is made again because virtual servers came or went between its parts. */
const DUMP_ATTEMPTS = 10;

class NetlinkIpvs implements Ipvs, SyncDaemons {
  readonly #netlink: NetlinkRequester;
  readonly #family: number;

  constructor(netlink: NetlinkRequester, family: number) {
    this.#netlink = netlink;
    this.#family = family;
  }

  info(): IpvsInfo {
    const attempt = { operation: 'get', object: 'IPVS information' };
    const [answer] = this.#netlink.request(this.#request(attempt, encodeGetInfo()));
    return decoded(attempt, answer && decodeInfo(answer.payload));
  }

  /** A listing is one request for the virtual servers and one for each one's real servers, with no lock around them. */
  dump(): ActualTable {
    const attempt = { operation: 'list', object: 'virtual servers' };
    for (let count = 0; count < DUMP_ATTEMPTS; count++) {
      const services = this.#netlink.dump(this.#request(attempt, encodeGetServices()), ({ payload }) =>
        decodeService(payload),
      );
      const table = this.#complete(services);
      if (table !== undefined && !hasDoubles(table.map(({ key }) => tableKeyText(key)))) return table;
    }
    throw new KernelAnswerError(attempt, `the table changed during each of ${DUMP_ATTEMPTS} listings`);
  }

  apply(operations: readonly TableOperation[]): readonly OperationOutcome[] {
    const requests = operations.map((operation) =>
      this.#request(attemptOf(operation), encodeOperation(operation)),
    );
    const errors = this.#netlink.batch(requests);
    return operations.map((operation, i) => outcome(operation, errors[i]));
  }

  listDaemons(): readonly SyncDaemon[] {
    const attempt = { operation: 'list', object: 'sync daemons' };
    return this.#netlink.dump(this.#request(attempt, encodeGetDaemons()), ({ payload }) =>
      decodeDaemon(payload),
    );
  }

  startDaemon(spec: DaemonSpec): void {
    const attempt = { operation: 'start', object: daemonText(spec) };
    try {
      this.#netlink.request(this.#request(attempt, encodeNewDaemon(spec)));
    } catch (error) {
      throw error instanceof KernelError ? explainDaemonRefusal(spec, error) : error;
    }
  }

  stopDaemon(role: DaemonRole, syncId: number): boolean {
    // The kernel itself does not compare the id.
    const daemon = this.listDaemons().find((each) => each.role === role && each.syncId === syncId);
    if (daemon === undefined) return false;
    const attempt = { operation: 'stop', object: daemonText(daemon) };
    try {
      this.#netlink.request(this.#request(attempt, encodeRemoveDaemon(role)));
      return true;
    } catch (error) {
      if (isKernelError(error, 'ESRCH')) return false;
      throw error;
    }
  }

  close(): void {
    this.#netlink.close();
  }

  /** Adds the real servers; undefined when the table changed meanwhile. */
  #complete(services: readonly Service[]): ActualTable | undefined {
    const table: ActualVirtualServer[] = [];
    for (const service of services) {
      const realServers = this.#realServers(service.key);
      if (hasDoubles(realServers.map(realServerKey))) return undefined;
      // The kernel gives no real servers, and no error, for a virtual server that has vanished.
      if (realServers.length === 0 && !this.#exists(service.key)) return undefined;
      table.push({ ...service, realServers });
    }
    return table;
  }

  #realServers(key: TableKey): readonly Destination[] {
    const attempt = { operation: 'list', object: `real servers of ${tableKeyText(key)}` };
    const family = keyFamily(key);
    return this.#netlink.dump(this.#request(attempt, encodeGetDestinations(key)), ({ payload }) =>
      decodeDestination(payload, family),
    );
  }

  #exists(key: TableKey): boolean {
    const attempt = { operation: 'get', object: `virtual server ${tableKeyText(key)}` };
    try {
      this.#netlink.request(this.#request(attempt, encodeGetService(key)));
      return true;
    } catch (error) {
      if (isKernelError(error, 'ESRCH', 'ENOENT')) return false;
      throw error;
    }
  }

  #request(attempt: Attempt, payload: Uint8Array): NetlinkRequest {
    return { attempt, type: this.#family, payload };
  }
}

function decoded<Value>(attempt: Attempt, value: Value | Malformed | undefined): Value {
  if (value === undefined)
    throw new KernelAnswerError(attempt, 'the kernel acknowledged it without an answer');
  if (value instanceof Malformed) throw new KernelAnswerError(attempt, value.reason);
  return value;
}

/** An entry that a listing gives twice was moved while it was listed, and another may be missing. */
const hasDoubles = (keys: readonly string[]): boolean => new Set(keys).size !== keys.length;

function outcome(operation: TableOperation, error: Error | undefined): OperationOutcome {
  if (!(error instanceof KernelError)) return { operation, error, errno: undefined };
  return { operation, error: explainRefusal(operation, error), errno: error.code };
}
