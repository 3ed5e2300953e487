/**
 * What the processes say to each other, over Node's IPC channel as JSON. Each message carries the version of this
 * file; a process that hears another version refuses it, since an upgrade never mixes old and new processes.
 */

import type { IpAddress } from './address.ts';
import type { CheckTarget, Health } from './check.ts';
import type { FixedNetwork, SyncGroup, VirtualRouter } from './config.ts';
import type { Fencing } from './guard.ts';
import type { GroupStatus, HandoverOutcome, RouterStatus } from './router-status.ts';
import type { GatewayTracker, TrackVerdict } from './tracking.ts';
import type { Instant, Milliseconds } from './units.ts';

export const MESSAGE_VERSION = 3;

/** What the vrrp process runs. */
export interface VrrpNetwork {
  readonly routers: readonly VirtualRouter[];
  readonly groups: readonly SyncGroup[];
  /** Gateways that it asks itself; everything else that is tracked comes as verdicts. */
  readonly gateways: readonly GatewayTracker[];
  readonly fixed: FixedNetwork;
  /** undefined: nobody is asked before becoming active. */
  readonly arbiter: { readonly directors: number } | undefined;
  /** undefined: nobody is fenced. */
  readonly fencing: Pick<Fencing, 'takeOverAfter'> | undefined;
}

/** Nothing to run. */
export const NO_NETWORK: VrrpNetwork = {
  routers: [],
  groups: [],
  gateways: [],
  fixed: { addresses: [], routes: [], rules: [] },
  arbiter: undefined,
  fencing: undefined,
};

/** A setting of the kernel (sysctl) by the parts of its name, with what it was and what it was set to. */
export interface ChangedSetting {
  readonly path: readonly [string, ...string[]];
  readonly was: string;
  readonly set: string;
}

export type ManagerToVrrp =
  /** All there is to run. Unchanged virtual routers go on untouched; vanished ones hand over and end. */
  | {
      readonly type: 'configure';
      readonly network: VrrpNetwork;
      readonly realtime: boolean;
      /**
       * Names of virtual routers that this process's dead predecessor held active: they go on as active at once if
       * their addresses are still in the kernel, so that a crash is repaired before anybody notices.
       */
      readonly resume: readonly string[];
      /** Names of virtual routers that `vipward handover --stay-down` keeps backups. */
      readonly standby: readonly string[];
      /** Of everything that the manager tracks, so that no new process starts without knowing. */
      readonly verdicts: readonly TrackVerdict[];
    }
  /** What became of things that are tracked: only those that changed. */
  | { readonly type: 'verdicts'; readonly verdicts: readonly TrackVerdict[] }
  /**
   * The arbiter's lease of one unit: held until then (exclusive), or not at all. `contended`: the arbiter answers, and
   * another director has it: whoever wants to preempt that one may ask it to let go.
   */
  | {
      readonly type: 'lease';
      readonly unit: string;
      readonly heldUntil: Instant | undefined;
      readonly contended?: boolean;
    }
  /** What came of a fence that was asked for. */
  | { readonly type: 'fenced'; readonly id: number; readonly done: boolean; readonly reason: string }
  /** Hand over these virtual routers (all of them: empty), make before break; answered by `handed-over`. */
  | {
      readonly type: 'handover';
      readonly id: number;
      readonly names: readonly string[];
      readonly stayDown: boolean;
    }
  /** End what a hand-over began: they may be active again (all of them: empty). */
  | { readonly type: 'restore'; readonly names: readonly string[] }
  /** Tell every event from now on, for replay, or no longer. */
  | { readonly type: 'record'; readonly on: boolean }
  /** Asks how everything stands; `brief`: only whether it still answers, since with hundreds the rest takes long. */
  | { readonly type: 'query'; readonly id: number; readonly brief?: boolean }
  /** Hand over every virtual router, make before break, then exit. */
  | { readonly type: 'stop' };

export type VrrpToManager =
  | { readonly type: 'ready' }
  /** The configuration was applied; reload waits for it. */
  | { readonly type: 'configured' }
  /** A virtual router changed its state, or began to hand over. */
  | { readonly type: 'state'; readonly status: RouterStatus }
  /** A sync group changed its state. */
  | { readonly type: 'group-state'; readonly status: GroupStatus }
  /** Answers a brief query. */
  | { readonly type: 'alive' }
  /** Answers any other query; that it answers at all is also the sign of life. */
  | {
      readonly type: 'status';
      readonly id: number;
      readonly routers: readonly RouterStatus[];
      readonly groups: readonly GroupStatus[];
    }
  /** Another director was active beside us for a moment: notify scripts run again where we go on. */
  | {
      readonly type: 'rival';
      readonly name: string;
      readonly address: IpAddress;
      readonly outcome: 'won' | 'lost';
    }
  /** Whether a unit wants the arbiter's lease: held while it is wanted, given back when it no longer is. */
  | { readonly type: 'lease-wanted'; readonly unit: string; readonly wanted: boolean }
  /** Fence the silent peer; answered by `fenced`. `peer`: the last active router that was heard, if any was. */
  | {
      readonly type: 'fence';
      readonly id: number;
      readonly unit: string;
      readonly peer: IpAddress | undefined;
    }
  | { readonly type: 'handed-over'; readonly id: number; readonly outcomes: readonly HandoverOutcome[] }
  /** The process is about to change a setting of the kernel, which is to be put back at the end. */
  | ({ readonly type: 'setting-changed' } & ChangedSetting)
  /** Lines of a recording (`vipward run --record`), each an event as JSON. */
  | { readonly type: 'recorded'; readonly lines: readonly string[] }
  | LogMessage;

export type ManagerToChecker =
  /** The whole set of targets. `health` lets a new process go on where the dead one stopped. */
  | {
      readonly type: 'targets';
      readonly targets: readonly CheckTarget[];
      readonly health: Readonly<Record<string, Health>>;
    }
  | { readonly type: 'stop' };

export type CheckerToManager =
  | { readonly type: 'ready' }
  /** The health of one target changed, its count towards a change, or the words of its last result. */
  | { readonly type: 'health'; readonly id: string; readonly health: Health }
  /** The health of all targets, now and then, and the sign of life. */
  | { readonly type: 'snapshot'; readonly health: Readonly<Record<string, Health>> }
  | LogMessage;

/** A line for the log: the manager writes it, so that no other process ever waits for a disk. */
export interface LogMessage {
  readonly type: 'log';
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
/** How every part logs: one line an event, the facts in fields. */
export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void;

/** How often the checker sends a snapshot; the manager takes three of them missed for a hang. */
export const SNAPSHOT_INTERVAL = 10_000 as Milliseconds;

export type Versioned<Message> = Message & { readonly v: typeof MESSAGE_VERSION };
