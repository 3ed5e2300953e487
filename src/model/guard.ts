/** What guards against two owners beyond VRRP itself: an arbiter's lease, and fencing. */
import type { Milliseconds, Seconds } from './units.ts';

/** etcd as arbiter: whoever holds its lease may be active. */
export interface Arbiter {
  /** At least one, `https://host:2379`. */
  readonly etcd: readonly [string, ...string[]];
  /** Time to live of the lease. */
  readonly lease: Seconds;
  /** Opens every key of ours in etcd. */
  readonly prefix: string;
  /** How many directors share the virtual routers: 2 and up. */
  readonly directors: number;
  /** PEM files; undefined: the system's authorities, no certificate of ours. */
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly login: { readonly user: string; readonly password: string } | undefined;
}

/** A fence agent (FenceAgentAPI) that is run against the silent peer before its addresses are taken. */
export interface Fencing {
  /** Program: a name looked up in the usual places, or a path. */
  readonly agent: string;
  /** Given on its standard input, one `key=value` a line; `action` is ours. */
  readonly options: Readonly<Record<string, string>>;
  /** After which it is killed and has failed. */
  readonly timeout: Milliseconds;
  /** undefined: no take-over after a failed fence; otherwise how long after the failure it is done all the same. */
  readonly takeOverAfter: Milliseconds | undefined;
}
