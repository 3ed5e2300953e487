/** Health checks: what is asked of a real server, and what came of it. */
import type { IpAddress } from './address.ts';
import type { Milliseconds } from './units.ts';

export interface Check {
  readonly probe: Probe;
  /** From the start of one probe to the start of the next. */
  readonly interval: Milliseconds;
  /** For the TCP connection alone, the TLS handshake not included. */
  readonly connectTimeout: Milliseconds;
  /** For the whole probe, from the first packet to the verdict. At least connectTimeout. */
  readonly timeout: Milliseconds;
  /** Good results in a row before an unhealthy real server is healthy: 1 and up. The first result ever counts alone. */
  readonly rise: number;
  /** Bad results in a row before a healthy real server is unhealthy: 1 and up. */
  readonly fall: number;
  /** Where to connect, unless it is the real server's own port. */
  readonly port: number | undefined;
}

export type Probe = TcpProbe | HttpProbe;

/** Healthy when the connection is accepted. */
export interface TcpProbe {
  readonly kind: 'tcp';
}

/** Healthy when a GET is answered with one of the statuses. */
export interface HttpProbe {
  readonly kind: 'http';
  readonly tls: TlsOptions | undefined;
  /** With its query; begins with a slash. */
  readonly path: string;
  /** A name without a port: the Host header's value, and what the certificate must be for. The address unless given. */
  readonly host: string | undefined;
  /** Accepted statuses, as inclusive ranges within 100 to 599. */
  readonly status: readonly StatusRange[];
}

export interface TlsOptions {
  /** Whether the certificate must be valid for the host and chain to a known authority. */
  readonly verify: boolean;
}

export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

/** One thing to probe. Virtual servers that ask the same of the same real server share one target. */
export interface CheckTarget {
  /** Derived from everything below, so equal targets have equal ids (`balance/targets.ts`). */
  readonly id: string;
  readonly address: IpAddress;
  readonly port: number;
  readonly check: Check;
}

/**
 * The layer that decided and how, in HAProxy's words, since people know them:
 * L4OK/L4CON/L4TOUT the connection; L6RSP/L6TOUT the TLS handshake; L7OK/L7RSP/L7TOUT/L7STS the answer;
 * CHKERR the checker itself could not probe (out of descriptors, for one).
 */
export type ResultCode =
  | 'L4OK'
  | 'L4CON'
  | 'L4TOUT'
  | 'L6RSP'
  | 'L6TOUT'
  | 'L7OK'
  | 'L7RSP'
  | 'L7TOUT'
  | 'L7STS'
  | 'CHKERR';

export interface CheckResult {
  readonly good: boolean;
  readonly code: ResultCode;
  /** In words, without the code: `connect timed out after 1s`, `status 503, want 200-299`. */
  readonly text: string;
  /** From the first packet to the result. */
  readonly duration: Milliseconds;
  /** When it ended: milliseconds since 1970, for people. */
  readonly at: number;
}

/** Where a target stands. Plain data: sent between processes, kept across a restart of the checker. */
export interface Health {
  /** undefined until the first result is in. */
  readonly healthy: boolean | undefined;
  /** Results in a row that disagree with `healthy`: 0 up to rise or fall. */
  readonly against: number;
  readonly last: CheckResult | undefined;
}

export const UNKNOWN_HEALTH: Health = { healthy: undefined, against: 0, last: undefined };
