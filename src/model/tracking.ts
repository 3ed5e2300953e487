/** What decides beside the adverts: links, scripts, processes, files, services, gateways. */
import type { IpAddress } from './address.ts';
import type { RunAs } from './notify.ts';
import type { Milliseconds } from './units.ts';

const TRACK_KINDS = ['interface', 'script', 'process', 'file', 'service', 'gateway'] as const;
export type TrackKind = (typeof TRACK_KINDS)[number];

/** How a virtual router, or a sync group, uses one tracked thing. */
export interface TrackUse {
  readonly kind: TrackKind;
  /** The name of the interface, of the virtual server, or of the tracker. */
  readonly name: string;
  /**
   * Added to the priority: a positive one while the thing is up, a negative one while it is down (-253 to 253).
   * undefined: while it is down the virtual router is in FAULT. Of a file the number that it holds times this.
   */
  readonly weight: number | undefined;
  /** Whether up and down change places. */
  readonly inverse: boolean;
}

/** How one tracked thing stands. */
export interface TrackVerdict {
  readonly kind: TrackKind;
  readonly name: string;
  /** `unknown`: not looked at yet. It neither faults what runs nor lets start what has not started. */
  readonly state: 'up' | 'down' | 'unknown';
  /** Of a file: the number that it holds. Of all others 1. */
  readonly value: number;
  /** In words: `exit code 1`, `timed out after 2 s`, `2 of 3 wanted are running`. */
  readonly reason: string;
}

export const trackKey = ({ kind, name }: { readonly kind: TrackKind; readonly name: string }): string =>
  `${kind} ${name}`;

/** What is tracked, as the file defines it. Interfaces and services need no definition. */
export interface Trackers {
  readonly scripts: readonly ScriptTracker[];
  readonly processes: readonly ProcessTracker[];
  readonly files: readonly FileTracker[];
  readonly gateways: readonly GatewayTracker[];
}

export interface ScriptTracker extends RunAs {
  readonly name: string;
  /** Program and arguments: at least one. */
  readonly command: readonly string[];
  readonly interval: Milliseconds;
  /** After which it is killed, which counts as a failure of its own kind. */
  readonly timeout: Milliseconds;
  readonly rise: number;
  readonly fall: number;
  /** How it counts before its first result. */
  readonly initial: 'up' | 'down' | 'wait';
}

export interface ProcessTracker {
  readonly name: string;
  /** The program's name (/proc/PID/comm or the base name of its first argument), or its path. */
  readonly process: string;
  /** These arguments must be among its own; empty: any. */
  readonly arguments: readonly string[];
  /** How many must run: 1 and up. */
  readonly least: number;
  readonly most: number | undefined;
  readonly interval: Milliseconds;
  /** How long one that is missing may take to come back. */
  readonly grace: Milliseconds;
}

export interface FileTracker {
  readonly name: string;
  readonly path: string;
  /** How often it is read where the kernel does not tell of a change. */
  readonly interval: Milliseconds;
}

export interface GatewayTracker {
  readonly name: string;
  readonly interface: string;
  /** undefined: the gateway of the default route through the interface. */
  readonly address: IpAddress | undefined;
  readonly interval: Milliseconds;
  readonly rise: number;
  readonly fall: number;
}
