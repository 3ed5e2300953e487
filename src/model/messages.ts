/**
 * What the processes say to each other, over Node's IPC channel as JSON. Each message carries the version of this
 * file; a process that hears another version refuses it, since an upgrade never mixes old and new processes.
 */

import type { CheckTarget, Health } from './check.ts';
import type { VirtualRouter } from './config.ts';
import type { RouterStatus } from './router-status.ts';
import type { Milliseconds } from './units.ts';

export const MESSAGE_VERSION = 1;

export type ManagerToVrrp =
  /** The whole set of virtual routers. Unchanged ones go on untouched; vanished ones hand over and end. */
  | {
      readonly type: 'configure';
      readonly routers: readonly VirtualRouter[];
      readonly realtime: boolean;
      /**
       * Names of virtual routers that this process's dead predecessor held active: they go on as active at once if
       * their addresses are still in the kernel, so that a crash is repaired before anybody notices.
       */
      readonly resume: readonly string[];
    }
  | { readonly type: 'query'; readonly id: number }
  /** Hand over every virtual router, make before break, then exit. */
  | { readonly type: 'stop' };

export type VrrpToManager =
  | { readonly type: 'ready' }
  /** The configuration was applied; reload waits for it. */
  | { readonly type: 'configured' }
  /** A virtual router changed its state, or began to hand over. */
  | { readonly type: 'state'; readonly status: RouterStatus }
  /** Answers a query; that it answers at all is also the sign of life. */
  | { readonly type: 'status'; readonly id: number; readonly routers: readonly RouterStatus[] }
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
