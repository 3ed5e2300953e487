/**
 * The configuration as the rest of the program sees it: complete, with every default filled in and every number in
 * its unit. `conf/` makes it from the file and vouches for it; nobody else checks it again. It is plain data and may
 * be sent between processes as JSON.
 */
import type { IpAddress } from './address.ts';
import type { Check } from './check.ts';
import type { Arbiter, Fencing } from './guard.ts';
import type { TableKey } from './ipvs-table.ts';
import type { Mail, NotifyScript } from './notify.ts';
import type { RouteSpec, RuleSpec } from './routes.ts';
import type { ConnectionSync } from './sync.ts';
import type { Trackers } from './tracking.ts';
import type { Seconds } from './units.ts';
import type { SyncGroup, VirtualAddress, VirtualRouter } from './virtual-router.ts';
import type { Protocol, Scheduler, SchedulerFlag, ServiceForwarding, Tunnel } from './virtual-server.ts';

export type { SyncGroup, VirtualAddress, VirtualRouter } from './virtual-router.ts';

export interface Config {
  readonly director: {
    /** Names this director in logs and in status; the host name unless given. */
    readonly name: string;
  };
  readonly vrrp: {
    /** Whether the vrrp process runs under SCHED_RR, ahead of every ordinary process. */
    readonly realtime: boolean;
  };
  readonly ipvs: {
    /** Whether virtual servers that are not in the configuration are removed from the kernel's table. */
    readonly exclusive: boolean;
    readonly sync: ConnectionSync | undefined;
    /** The kernel's own where undefined (IPVS_CMD_SET_CONFIG); 1 s and up. */
    readonly timeouts: {
      readonly tcp: Seconds | undefined;
      readonly tcpFin: Seconds | undefined;
      readonly udp: Seconds | undefined;
    };
    /** `net.ipv4.vs.NAME` as the file sets them; what is not named follows from the services, or is left alone. */
    readonly sysctl: Readonly<Record<string, string>>;
    /** Whether kernel settings and modules that the services need are set at the start, and put back at the end. */
    readonly prepare: boolean;
  };
  readonly virtualRouters: readonly VirtualRouter[];
  readonly syncGroups: readonly SyncGroup[];
  readonly trackers: Trackers;
  readonly arbiter: Arbiter | undefined;
  readonly fencing: Fencing | undefined;
  readonly mail: Mail | undefined;
  /** Addresses, routes and rules that are there whatever the state; put back when somebody removes them. */
  readonly fixed: FixedNetwork;
  readonly virtualServers: readonly ConfiguredVirtualServer[];
}

/** What the file calls `static`. Each address names its link. */
export interface FixedNetwork {
  readonly addresses: readonly (VirtualAddress & { readonly device: string })[];
  readonly routes: readonly RouteSpec[];
  readonly rules: readonly RuleSpec[];
}

/**
 * A virtual server as the file defines it. One definition may stand for several entries of the kernel's table, which
 * share their real servers, the health of these, and everything else that is set.
 */
export interface ConfiguredVirtualServer {
  /** Its key in the file: unique. */
  readonly name: string;
  /** Addresses × ports, or the two families of one mark: at least one; no two definitions share one. */
  readonly entries: readonly [TableKey, ...TableKey[]];
  /** What gets the mark of a definition by mark; empty: somebody else sets it, or there is none. */
  readonly match: readonly MarkMatch[];
  readonly scheduler: Scheduler;
  readonly schedulerFlags: readonly SchedulerFlag[];
  readonly persistence: Persistence | undefined;
  /** One-packet scheduling: every datagram is balanced by itself. UDP or marks only. */
  readonly onePacket: boolean;
  /** undefined: the real servers are always taken to be healthy. */
  readonly check: Check | undefined;
  /** Whether checks rest while no virtual router here that holds one of its addresses is active. */
  readonly checkWhile: 'always' | 'active';
  /** What a real server is taken for before its first result, unless the kernel's table has it already. */
  readonly initial: 'down' | 'up';
  /** What becomes of a failed real server: out of the table, or weight 0, which lets its connections go on. */
  readonly onFailure: 'remove' | 'drain';
  readonly quorum: Quorum;
  readonly notify: {
    readonly quorumUp: NotifyScript | undefined;
    readonly quorumDown: NotifyScript | undefined;
  };
  /** Take over together, weight 1 each, while the quorum is missing. On a loopback address it is this director itself. */
  readonly sorryServers: readonly ConfiguredSorryServer[];
  readonly realServers: readonly ConfiguredRealServer[];
}

/** Packets that get a firewall mark. */
export interface MarkMatch {
  readonly address: IpAddress;
  readonly protocol: Protocol;
  /** Each from its first to its last port, both included; empty: every port. */
  readonly ports: readonly PortRange[];
}

export interface PortRange {
  /** 1 to 65535. */
  readonly from: number;
  readonly to: number;
}

/** `80`, or `8000-8010`. */
export const rangeText = ({ from, to }: PortRange): string => (from === to ? `${from}` : `${from}-${to}`);

/** All connections of a client go to the real server of its first one, as long as the template lives. */
export interface Persistence {
  /** 1 to 2^31 / HZ; the kernel counts on from the last connection's end. */
  readonly timeout: Seconds;
  /** What counts as one client: the prefix length, 1 to 32 and 1 to 128. */
  readonly ipv4Prefix: number;
  readonly ipv6Prefix: number;
  /** `sip`: by address and Call-ID; the kernel drops what has no Call-ID. */
  readonly engine: 'sip' | undefined;
}

/**
 * When there is enough behind a virtual server: lost when the weights of its healthy real servers sum up to less than
 * `weight - hysteresis`, gained at `weight + hysteresis`, as in keepalived. 0 ≤ hysteresis < weight.
 */
export interface Quorum {
  readonly weight: number;
  readonly hysteresis: number;
}

export interface ConfiguredRealServer {
  readonly address: IpAddress;
  /** undefined: the port that the client asked for, where a definition has several, every one, or a mark. */
  readonly port: number | undefined;
  /** 0 to 2147483647; 0 takes no new connections. */
  readonly weight: number;
  readonly forwarding: ServiceForwarding;
  readonly tunnel: Tunnel;
  /** Of fullnat: the address of this director's that it sees, of its family; undefined: the one that it is reached with. */
  readonly sourceAddress: IpAddress | undefined;
  /** Connections from which on it gets no new ones, and below which it gets them again; 0: no limit (0 to 2^32 - 1). */
  readonly upperThreshold: number;
  readonly lowerThreshold: number;
}

/** Its threshold is none, its weight 1. */
export type ConfiguredSorryServer = Pick<
  ConfiguredRealServer,
  'address' | 'port' | 'forwarding' | 'tunnel' | 'sourceAddress'
> & {
  /** undefined: always taken to be healthy. */
  readonly check: Check | undefined;
};
