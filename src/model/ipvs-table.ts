/** The kernel's IPVS table in LVS words: what is wanted of it, what it holds, and the operations that change it. */
import type { Family, IpAddress } from './address.ts';
import type { Forwarding, Tunnel, VirtualServerIdentity } from './virtual-server.ts';
import { endpoint, PLAIN_TUNNEL, virtualServerKey } from './virtual-server.ts';

/** The table holds virtual servers of two kinds; the second is selected by a firewall mark instead of an address. */
export type TableKey =
  | ({ readonly kind: 'address' } & VirtualServerIdentity)
  | { readonly kind: 'mark'; readonly mark: number; readonly family: Family };

/** What can be set of a virtual server (struct ip_vs_service_user_kern of linux/net/ip_vs.h). */
export interface TableSettings {
  /** The name as the kernel knows it: a foreign table may hold schedulers that we do not know. */
  readonly scheduler: string;
  /** IP_VS_SVC_F_*: persistent 1, hashed 2 (kernel's own, never compared), one packet 4, scheduler flags 8, 16, 32. */
  readonly flags: number;
  /** Persistence time-out in seconds; 0 when not persistent. */
  readonly timeout: number;
  /** Persistence granularity: prefix length. */
  readonly granularity: number;
  /** IPv4: the mask where it is no prefix, 255.0.255.0, as only others set it. `granularity` counts its bits then. */
  readonly mask?: IpAddress;
  /** Persistence engine, `sip` or ''. */
  readonly engine: string;
}

/** `local`: the kernel's own method for a destination that is this director itself (IP_VS_CONN_F_LOCALNODE). */
export type TableForwarding = Forwarding | 'local' | 'bypass';

/** The kernel keeps a weight as a signed number of 32 bits. */
export const MOST_WEIGHT = 0x7fffffff;

/** What can be set of a real server. */
export interface TableRealServer {
  readonly address: IpAddress;
  readonly port: number;
  readonly forwarding: TableForwarding;
  /** 0 to MOST_WEIGHT; 0 takes no new connections. */
  readonly weight: number;
  readonly upperThreshold: number;
  readonly lowerThreshold: number;
  /**
   * How tun wraps; absent: PLAIN_TUNNEL. Without meaning for other methods. A dump gives it only where it is another
   * than PLAIN_TUNNEL and the method is tun; `tunnelOf` tells what holds.
   */
  readonly tunnel?: Tunnel;
}

/** How `server` wraps packets, which means something for tun only: PLAIN_TUNNEL for every other method. */
export const tunnelOf = ({ forwarding, tunnel }: Pick<TableRealServer, 'forwarding' | 'tunnel'>): Tunnel =>
  forwarding === 'tun' && tunnel !== undefined ? tunnel : PLAIN_TUNNEL;

export interface ConnectionCounts {
  readonly active: number;
  readonly inactive: number;
  readonly persistent: number;
}

/** A real server as it is wanted. */
export interface DesiredRealServer extends TableRealServer {
  /**
   * Behind a scheduler that places real servers by the last weight that was not 0 (mh): the one that it has while it
   * serves.
   */
  readonly fullWeight?: number;
}

/** A virtual server as it is wanted. */
export interface DesiredVirtualServer {
  readonly key: TableKey;
  readonly settings: TableSettings;
  /** In the order in which they are to be added. */
  readonly realServers: readonly DesiredRealServer[];
}

/** A virtual server as the kernel holds it. */
export interface ActualVirtualServer {
  readonly key: TableKey;
  readonly settings: TableSettings;
  readonly realServers: readonly (TableRealServer & { readonly connections: ConnectionCounts })[];
}

/** What went by, or goes by in a second. */
export interface Traffic {
  readonly connections: number;
  readonly incomingPackets: number;
  readonly outgoingPackets: number;
  readonly incomingBytes: number;
  readonly outgoingBytes: number;
}

/** The kernel's counters (IPVS_STATS_ATTR_*), which it sums up every 2 s. */
export interface Statistics {
  /** Since the entry was made or set to zero. Exact up to 2^53; real servers keep theirs across removal and return. */
  readonly total: Traffic;
  /** Its estimate of the last seconds. */
  readonly perSecond: Traffic;
}

/** An entry of the table with its counters. */
export type Counted<Entry> = Entry & { readonly statistics: Statistics };

/** As ActualVirtualServer, with the counters of everything. */
export type CountedVirtualServer = Counted<
  Omit<ActualVirtualServer, 'realServers'> & {
    readonly realServers: readonly Counted<ActualVirtualServer['realServers'][number]>[];
  }
>;

export type DesiredTable = readonly DesiredVirtualServer[];
export type ActualTable = readonly ActualVirtualServer[];

/** One change of the table, in the order in which it must be made. */
export type TableOperation =
  | { readonly op: 'add-virtual-server'; readonly key: TableKey; readonly settings: TableSettings }
  | {
      readonly op: 'edit-virtual-server';
      readonly key: TableKey;
      readonly settings: TableSettings;
      readonly was: TableSettings;
    }
  | { readonly op: 'remove-virtual-server'; readonly key: TableKey }
  | { readonly op: 'add-real-server'; readonly key: TableKey; readonly realServer: TableRealServer }
  | {
      readonly op: 'edit-real-server';
      readonly key: TableKey;
      readonly realServer: TableRealServer;
      readonly was: TableRealServer;
    }
  | { readonly op: 'remove-real-server'; readonly key: TableKey; readonly realServer: TableRealServer };

/** What became of one operation: the kernel's errno by name (`EEXIST`, `ENOENT`, …) where it refused. */
export interface OperationOutcome {
  readonly operation: TableOperation;
  readonly error: Error | undefined;
  readonly errno: string | undefined;
}

/** `tcp 10.1.1.254:80` or `fwmark 7 ipv4`: unique in a table. */
export const tableKeyText = (key: TableKey): string =>
  key.kind === 'address' ? virtualServerKey(key) : `fwmark ${key.mark} ${key.family}`;

/** `10.1.1.2:80`: unique within a virtual server. */
export const realServerKey = (server: { readonly address: IpAddress; readonly port: number }): string =>
  endpoint(server.address, server.port);
