/** Who is told of a change of state. */
import type { Milliseconds } from './units.ts';

/** As whom a program of the administrator's is run. */
export interface RunAs {
  /** undefined: root where the program and every folder above it can be changed only by root, refused otherwise. */
  readonly user: string | undefined;
  readonly group: string | undefined;
}

/** One program, called with keepalived's arguments: `INSTANCE|GROUP NAME MASTER|BACKUP|FAULT|STOP PRIORITY`. */
export interface NotifyScript extends RunAs {
  /** Program and its own arguments, before which nothing and after which ours come. */
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
