/** Who is told of a change of state. */
import type { RouterWord } from './router-status.ts';
import type { Milliseconds } from './units.ts';

/** Where programs of the administrator's are looked for by name: as systemd gives it to services. */
export const PROGRAM_FOLDERS: readonly string[] = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
];

/** As whom a program of the administrator's is run. */
export interface RunAs {
  /** undefined: root where the program and every folder above it can be changed only by root, refused otherwise. */
  readonly user: string | undefined;
  readonly group: string | undefined;
}

/**
 * One program. The one for every state (`all`) is called with keepalived's arguments after its own, `INSTANCE|GROUP NAME
 * MASTER|BACKUP|FAULT|STOP PRIORITY`; a state's own with none but its own, as in keepalived.
 */
export interface NotifyScript extends RunAs {
  /** Program and its own arguments: at least one. */
  readonly command: readonly string[];
  /** After which it is killed. */
  readonly timeout: Milliseconds;
}

/** Called for every state (`all`), or for one of them. */
export interface NotifyTargets {
  readonly all: NotifyScript | undefined;
  readonly active: NotifyScript | undefined;
  readonly backup: NotifyScript | undefined;
  readonly fault: NotifyScript | undefined;
  readonly stop: NotifyScript | undefined;
  /** Whether the addressees of `mail` are written to. */
  readonly mail: boolean;
}

/** Nobody is told of anything. */
export const NO_NOTIFY: NotifyTargets = {
  all: undefined,
  active: undefined,
  backup: undefined,
  fault: undefined,
  stop: undefined,
  mail: false,
};

/** Mail by SMTP. */
export interface Mail {
  readonly host: string;
  readonly port: number;
  readonly security: 'none' | 'starttls' | 'tls';
  readonly login: { readonly user: string; readonly password: string } | undefined;
  readonly from: string;
  readonly to: readonly [string, ...string[]];
  readonly timeout: Milliseconds;
}

/** A virtual router, or a sync group. */
export type TargetKind = 'INSTANCE' | 'GROUP';
/** What scripts are told: of virtual servers whether their quorum is reached. */
export type QuorumWord = 'QUORUM_UP' | 'QUORUM_DOWN';
export type NotifyWord = RouterWord | QuorumWord;
