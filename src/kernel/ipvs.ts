/**
 * The kernel's IPVS table in LVS words.
 *
 * Seen on Linux 6.1: the table keeps a real server as it was given, whatever its address. dr, nat or tun to 127.0.0.1
 * or to another address of this director is dumped as dr, nat or tun, `local` as `local`, a port that differs from a
 * dr service's as it is; what is local is found out for each packet. So a dump equals what was applied, and any
 * difference is somebody else's change. (`ipvsadm` itself puts the service's port in for dr and tun, and prints local
 * as -g.) Under `local`, as under dr and tun, the packet keeps its port: what listens must listen on the service's.
 */
import type {
  ActualTable,
  CountedVirtualServer,
  OperationOutcome,
  TableKey,
  TableOperation,
} from '../model/ipvs-table.ts';
import { tableKeyText } from '../model/ipvs-table.ts';
import type { Steps } from '../model/steps.ts';
import { decodeFamily, encodeGetFamily, GENL_ID_CTRL } from '../netlink/generic.ts';
import {
  decodeInfo,
  encodeFlush,
  encodeGetInfo,
  encodeOperation,
  encodeZero,
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
import { IPVS_GENL_NAME } from '../netlink/ipvs/numbers.ts';
import {
  type ConnectionTimeouts,
  decodeTimeouts,
  encodeGetTimeouts,
  encodeSetTimeouts,
} from '../netlink/ipvs/timeouts.ts';
import { NETLINK_GENERIC, openNetlinkSocket } from '../sys/netlink-socket.ts';
import { decoded, IpvsListing } from './ipvs-listing.ts';
import {
  attemptOf,
  daemonText,
  explainDaemonRefusal,
  explainRefusal,
  explainTableRefusal,
} from './ipvs-refusal.ts';
import { keepingConnections } from './kept-connections.ts';
import { type Attempt, isKernelError, KernelError } from './kernel-error.ts';
import { type NetlinkRequest, NetlinkRequester, type NetlinkTransport } from './request.ts';

export type { IpvsInfo } from '../netlink/ipvs/command.ts';
export type { DaemonRole, DaemonSpec, SyncDaemon } from '../netlink/ipvs/daemon.ts';
export type { ConnectionTimeouts } from '../netlink/ipvs/timeouts.ts';

/** The IPVS table of this network namespace. Everything is synchronous. */
export interface Ipvs {
  info(): IpvsInfo;
  /** Real servers are in the kernel's order, the newest first. Throws KernelError or KernelAnswerError. */
  dump(): ActualTable;
  /** As `dump`, in steps; nothing else may be asked before its end. */
  dumpSteps(): Steps<ActualTable>;
  /** As `dump`, with the counters of everything. */
  dumpCounted(): readonly CountedVirtualServer[];
  /** One virtual server with its counters; undefined when there is none. Throws as `dump`. */
  find(key: TableKey): CountedVirtualServer | undefined;
  /**
   * Makes the operations in their order. One that is refused does not stop the rest; its outcome says why. A real server
   * that is removed and added again by these keeps its connections.
   */
  apply(operations: readonly TableOperation[]): readonly OperationOutcome[];
  /** Removes every virtual server. Throws KernelError. */
  flush(): void;
  /**
   * Sets the counters of the whole table to zero, or those of one virtual server and its real servers. Throws
   * KernelError: ESRCH when there is none.
   */
  zero(key?: TableKey): void;
  /** Throws KernelError or KernelAnswerError. */
  timeouts(): ConnectionTimeouts;
  /**
   * Sets those that are given and are not 0; connections take them on with their next packet. Throws KernelError:
   * EINVAL beyond 2^31 / HZ seconds (86 days and up), and RangeError for what is no number of 32 bits.
   */
  setTimeouts(timeouts: Partial<ConnectionTimeouts>): void;
  close(): void;
}

/** The daemons that synchronise connections with other directors: a master, a backup, or both. */
export interface SyncDaemons {
  /** Throws KernelError or KernelAnswerError. */
  listDaemons(): readonly SyncDaemon[];
  /**
   * Throws KernelError: EEXIST where one of this role runs, ENODEV without the link, EADDRNOTAVAIL where that has no
   * address; RangeError for numbers out of range.
   */
  startDaemon(spec: DaemonSpec): void;
  /**
   * Stops the daemon of this role, only if it has this id where one is given, and gives whether there was one. It takes
   * up to a second or so for the kernel to have done it. Throws KernelError or KernelAnswerError.
   */
  stopDaemon(role: DaemonRole, syncId?: number): boolean;
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
export function openIpvs(
  socket: NetlinkTransport = openNetlinkSocket(NETLINK_GENERIC, { readAhead: true }),
): Ipvs & SyncDaemons {
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

class NetlinkIpvs implements Ipvs, SyncDaemons {
  readonly #netlink: NetlinkRequester;
  readonly #family: number;
  readonly #listing: IpvsListing;

  constructor(netlink: NetlinkRequester, family: number) {
    this.#netlink = netlink;
    this.#family = family;
    this.#listing = new IpvsListing(netlink, family);
  }

  info(): IpvsInfo {
    const attempt = { operation: 'get', object: 'IPVS information' };
    const [answer] = explained(() => this.#netlink.request(this.#request(attempt, encodeGetInfo())));
    return decoded(attempt, answer && decodeInfo(answer.payload));
  }

  dump(): ActualTable {
    return explained(() => this.#listing.table());
  }

  *dumpSteps(): Steps<ActualTable> {
    try {
      return yield* this.#listing.tableSteps();
    } catch (error) {
      throw error instanceof KernelError ? explainTableRefusal(error) : error;
    }
  }

  dumpCounted(): readonly CountedVirtualServer[] {
    return explained(() => this.#listing.countedTable());
  }

  find(key: TableKey): CountedVirtualServer | undefined {
    return explained(() => this.#listing.counted(key));
  }

  apply(operations: readonly TableOperation[]): readonly OperationOutcome[] {
    const requests = operations.map((operation) =>
      this.#request(attemptOf(operation), encodeOperation(operation)),
    );
    const errors = keepingConnections(operations, () => this.#netlink.batch(requests));
    return operations.map((operation, i) => outcome(operation, errors[i]));
  }

  flush(): void {
    this.#set({ operation: 'flush', object: 'the IPVS table' }, encodeFlush());
  }

  zero(key?: TableKey): void {
    const object = key === undefined ? 'the IPVS table' : `virtual server ${tableKeyText(key)}`;
    this.#set({ operation: 'zero the counters of', object }, encodeZero(key));
  }

  timeouts(): ConnectionTimeouts {
    const attempt = { operation: 'get', object: 'connection time-outs' };
    const [answer] = explained(() => this.#netlink.request(this.#request(attempt, encodeGetTimeouts())));
    return decoded(attempt, answer && decodeTimeouts(answer.payload));
  }

  setTimeouts(timeouts: Partial<ConnectionTimeouts>): void {
    const { tcp = 0, tcpFin = 0, udp = 0 } = timeouts;
    const object = `connection time-outs to ${tcp} s (tcp), ${tcpFin} s (tcp_fin), ${udp} s (udp)`;
    this.#set({ operation: 'set', object }, encodeSetTimeouts(timeouts));
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

  stopDaemon(role: DaemonRole, syncId?: number): boolean {
    // The kernel itself does not compare the id.
    const daemon = this.listDaemons().find(
      (each) => each.role === role && (syncId === undefined || each.syncId === syncId),
    );
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

  #set(attempt: Attempt, payload: Uint8Array): void {
    explained(() => this.#netlink.request(this.#request(attempt, payload)));
  }

  #request(attempt: Attempt, payload: Uint8Array): NetlinkRequest {
    return { attempt, type: this.#family, payload };
  }
}

/** What `work` gives; a refusal by the kernel with what it means. */
function explained<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw error instanceof KernelError ? explainTableRefusal(error) : error;
  }
}

function outcome(operation: TableOperation, error: Error | undefined): OperationOutcome {
  if (!(error instanceof KernelError)) return { operation, error, errno: undefined };
  return { operation, error: explainRefusal(operation, error), errno: error.code };
}
