/** The documents that the control socket hands out; `vipward status|plan|reload --json` print them as they are. */

import type { ActivityStatus } from './activity-status.ts';
import type { Health } from './check.ts';
import type { ConnectionCounts } from './ipvs-table.ts';
import type { Override } from './override.ts';
import type { Problem } from './problem.ts';
import type { GroupStatus, HandoverOutcome, RouterStatus } from './router-status.ts';
import type { ServiceForwarding } from './virtual-server.ts';

/** Times are milliseconds since 1970. */
export interface StatusDocument {
  readonly director: string;
  readonly version: string;
  readonly pid: number;
  readonly startedAt: number;
  /** When this was written. */
  readonly at: number;
  readonly configuration: {
    readonly file: string;
    readonly loadedAt: number;
    /** SHA-256 of the file's bytes in hexadecimal: equal on two directors with the same file. */
    readonly digest: string;
    /** See `sharedDigest`: equal on two directors of a pair. */
    readonly shared: string;
    /** Set while the last reload was refused: what is running is not what the file says. */
    readonly refused: { readonly at: number; readonly problems: readonly Problem[] } | undefined;
  };
  readonly processes: readonly ProcessStatus[];
  readonly virtualRouters: readonly RouterStatus[];
  readonly syncGroups: readonly GroupStatus[];
  /** What guards against two owners beyond VRRP, where it is configured. */
  readonly guards: GuardStatus;
  readonly activity: ActivityStatus;
  readonly virtualServers: readonly VirtualServerStatus[];
  /** What operators have said of real servers, those included that are not in the file. */
  readonly overrides: readonly OverrideStatus[];
  readonly table: TableStatus;
  readonly preparation: PreparationStatus;
  /** Files of the state directory that cannot be read or written, and what became of them: until somebody has seen to them. */
  readonly damagedFiles?: readonly string[];
}

export interface OverrideStatus extends Override {
  /** The file has no such real server: kept until `vipward enable`. */
  readonly dangling: boolean;
  /** Of the real server in the kernel; undefined while it is not in the table. */
  readonly connections: ConnectionCounts | undefined;
}

export interface OverridesDocument {
  readonly overrides: readonly OverrideStatus[];
  /** Why the daemon cannot reach the table, so that nothing of this goes on there. */
  readonly tableUnavailable?: string | undefined;
}

/** What `drain`, `disable`, `enable` or `weight` did. */
export interface OverrideDocument {
  /** The names in the file. */
  readonly service: string;
  readonly server: string;
  /** What holds from now on; undefined: what the file says. */
  readonly override: Override | undefined;
  /** What held until now. */
  readonly was: Override | undefined;
  /** Changes of the table, one line each. */
  readonly changes: readonly string[];
  /** What the operator should know of it. */
  readonly notes: readonly string[];
  /** Why the daemon cannot reach the table: what was asked for waits for that. */
  readonly tableUnavailable?: string | undefined;
}

/** Of the kernel's settings and modules, beyond the table. */
export interface PreparationStatus {
  /** What is not as the services need it, each with what goes wrong and the command that mends it. */
  readonly problems: readonly string[];
}

export interface GuardStatus {
  readonly arbiter:
    | {
        /** The etcd that answered last. */
        readonly endpoint: string | undefined;
        /** Why etcd cannot be used; undefined: it can. */
        readonly problem: string | undefined;
        readonly units: readonly {
          readonly unit: string;
          readonly state: 'held' | 'waiting' | 'released';
          /** Name of the director that has the lease, as far as is known. */
          readonly holder: string | undefined;
          /** How long it is still held by us, in milliseconds. */
          readonly remaining: number | undefined;
        }[];
      }
    | undefined;
  readonly fencing:
    | {
        readonly agent: string;
        readonly running: boolean;
        readonly last: { readonly done: boolean; readonly reason: string; readonly at: number } | undefined;
      }
    | undefined;
  /** The kernel's connection synchronisation. */
  readonly sync:
    | {
        readonly role: 'master' | 'backup' | undefined;
        readonly problem: string | undefined;
        readonly foreign: readonly string[];
      }
    | undefined;
}

export interface HandoverDocument {
  readonly outcomes: readonly HandoverOutcome[];
}

export interface RestoreDocument {
  /** Names of the virtual routers that were kept backups until now. */
  readonly restored: readonly string[];
}

export interface ProcessStatus {
  readonly name: 'manager' | 'vrrp' | 'checker';
  readonly pid: number | undefined;
  readonly state: 'starting' | 'running' | 'restarting' | 'stopped';
  readonly restarts: number;
  /** While it is not there although it should be: since when, and when it is started next (or was, if that is past). */
  readonly lost?: { readonly at: number; readonly nextAt: number };
}

export interface VirtualServerStatus {
  readonly name: string;
  /** Its entries in the kernel's table, as `tcp 10.1.1.254:80`: at least one. */
  readonly entries: readonly [string, ...string[]];
  readonly scheduler: string;
  /** Of its real servers; the first one's where they differ. */
  readonly forwarding: ServiceForwarding;
  /** `resting`: until a virtual router that holds one of its addresses is active here. */
  readonly checks: 'none' | 'running' | 'resting';
  readonly quorum: QuorumStatus;
  /** SHA-256 of its entries as the kernel holds them: equal on two directors that balance alike. */
  readonly digest: string;
  readonly realServers: readonly RealServerStatus[];
  readonly sorryServers: readonly SorryServerStatus[];
}

export interface QuorumStatus {
  /** unknown: it depends on real servers that have not been checked yet. */
  readonly state: 'gained' | 'lost' | 'unknown';
  /** The sum of weights of the healthy real servers, and what it takes. */
  readonly healthy: number;
  readonly weight: number;
  readonly hysteresis: number;
}

export interface SorryServerStatus {
  readonly server: string;
  /** `in-use`: it takes the traffic; `draining`: it finishes what it has. */
  readonly state: 'idle' | 'in-use' | 'draining';
  /** undefined where there is no check. */
  readonly health: Health | undefined;
  readonly connections: ConnectionCounts | undefined;
}

export interface RealServerStatus {
  /** `10.1.1.2:80`, or `10.1.1.2` where the port is the client's. */
  readonly server: string;
  /** Of the file. */
  readonly weight: number;
  /** What the kernel's table has: 0 takes no new connections; undefined while it is not there. */
  readonly tableWeight: number | undefined;
  /** 0: no limit. */
  readonly upperThreshold: number;
  readonly lowerThreshold: number;
  readonly override: Override | undefined;
  /** Whether the kernel's table has it. */
  readonly inTable: boolean;
  /** undefined where there is no check. */
  readonly health: Health | undefined;
  /** From the kernel; undefined while it is not in the table. */
  readonly connections: ConnectionCounts | undefined;
}

export interface TableStatus {
  /** undefined: this kernel's table can be reached; otherwise what is missing and how to get it. */
  readonly unavailable: string | undefined;
  readonly verifiedAt: number | undefined;
  readonly repairs: number;
  readonly lastRepair: { readonly at: number; readonly found: readonly string[] } | undefined;
  /** Operations that the kernel refused at the last attempt, in words. */
  readonly refused: readonly string[];
  /** SHA-256 of all that is ours as the kernel holds it: equal on two directors that balance alike. */
  readonly digest: string;
  /** Virtual servers in the kernel that are not ours and are left alone. */
  readonly foreign: readonly string[];
}

/** What a reload of a file would do. */
export interface PlanDocument {
  readonly problems: readonly Problem[];
  /** Empty lists when the file has errors, since then a reload does nothing. */
  readonly virtualRouters: readonly string[];
  readonly addresses: readonly string[];
  readonly table: readonly string[];
  /** Settings of the kernel. */
  readonly settings: readonly string[];
  /** What was said of real servers by command and goes on under another name, or applies to nothing any more. */
  readonly overrides?: readonly string[];
  /** Why the daemon cannot reach the table: what `table` says waits for that. */
  readonly tableUnavailable?: string | undefined;
}

/** What a reload did. */
export interface ReloadDocument {
  readonly applied: boolean;
  readonly problems: readonly Problem[];
  /** One line a change, in the words of the plan. */
  readonly changes: readonly string[];
  /** As in the plan. */
  readonly overrides?: readonly string[];
  /** Why the daemon cannot reach the table: what the file changes in it waits for that. */
  readonly tableUnavailable?: string | undefined;
}
