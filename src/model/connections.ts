/** Connections through this director, as IPVS and as connection tracking know them. */
import type { IpAddress } from './address.ts';

export interface ConnectionEnd {
  readonly address: IpAddress;
  readonly port: number;
}

/** One that IPVS knows. */
export interface IpvsConnection {
  /** In capitals; IP for a template of a firewall mark. */
  readonly protocol: string;
  readonly client: ConnectionEnd;
  readonly service: ConnectionEnd;
  readonly server: ConnectionEnd;
  readonly state: string;
  /** Seconds that it is remembered yet. */
  readonly expires: number;
  /** The name of the persistence engine and what it tells clients apart by. */
  readonly engine: readonly [string, string] | undefined;
}

/** A connection that IPVS masquerades, with source NAT by connection tracking. All addresses are of one family. */
export interface TranslatedConnection {
  readonly protocol: 'tcp' | 'udp';
  /** Of UDP without a meaning. */
  readonly state: 'established' | 'fin-wait' | 'close-wait';
  readonly client: ConnectionEnd;
  /** Whom the client talks to. */
  readonly virtual: ConnectionEnd;
  readonly realServer: ConnectionEnd;
  /** Whom the real server talks to. */
  readonly source: ConnectionEnd;
  /** Seconds that it is remembered without a packet. */
  readonly timeout: number;
}
