/** Routes and policy rules, as ip-route(8) and ip-rule(8) know them. Plain values, in the file's words. */
import type { Family, IpAddress, Prefix } from './address.ts';

/** How far an address or a route reaches (rtnetlink(7)): a word of iproute2, or its number, 0 to 255. */
export type Scope = 'global' | 'site' | 'link' | 'host' | number;

export interface NextHop {
  /** May be of the other family (IPv4 routes over IPv6 neighbours). */
  readonly via?: IpAddress;
  /** Name of the link. */
  readonly device?: string;
  /** Share of the traffic, 1 to 256. */
  readonly weight?: number;
}

export interface RouteSpec {
  readonly family: Family;
  readonly destination: Prefix | 'default';
  readonly type?: 'unicast' | 'blackhole' | 'unreachable' | 'prohibit';
  /** Empty for the types that go nowhere. */
  readonly nextHops: readonly NextHop[];
  /** The source address that this host prefers for it. */
  readonly source?: IpAddress;
  /** 1 to 4294967295; main (254) unless given. */
  readonly table?: number;
  readonly metric?: number;
  readonly scope?: Scope;
  readonly mtu?: number;
  /** Whether the gateway is taken to be on the link although no network of the link holds it. */
  readonly onlink?: boolean;
}

/** Both ends belong to it: 1 to 65535 each. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export interface RuleSpec {
  readonly family: Family;
  /** 0 to 4294967295; the kernel chooses unless given. */
  readonly priority?: number;
  readonly from?: Prefix;
  readonly to?: Prefix;
  readonly iif?: string;
  readonly oif?: string;
  readonly fwmark?: { readonly mark: number; readonly mask?: number };
  /** 1 to 255, a multiple of 4 (the kernel looks at the DSCP and ECN bits that a rule may name). */
  readonly tos?: number;
  /** 1 to 255: a protocol over IP, such as 6 for TCP. */
  readonly ipProtocol?: number;
  /** Only with TCP, UDP or SCTP as `ipProtocol`. */
  readonly sourcePort?: PortRange;
  readonly destinationPort?: PortRange;
  /** Whether it holds for all packets but those that it describes. */
  readonly not?: boolean;
  readonly action: { readonly table: number } | 'blackhole' | 'unreachable' | 'prohibit';
}
