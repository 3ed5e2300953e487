/**
 * A virtual router as it is configured: one VRID on one interface, and all that moves with it. It may hold addresses
 * of both families; the protocol then runs once for each (see `vrrp/director/member.ts`), and the two live and fail
 * together.
 */
import type { Family, IpAddress, Prefix } from './address.ts';
import type { NotifyTargets } from './notify.ts';
import type { RouteSpec, RuleSpec, Scope } from './routes.ts';
import type { TrackUse } from './tracking.ts';
import type { Centiseconds, Milliseconds } from './units.ts';

/** The groups that adverts go to by multicast (RFC 9568 sections 5.1.1.2 and 5.1.2.2). */
export const VRRP_GROUP: Readonly<Record<Family, IpAddress>> = {
  ipv4: '224.0.0.18' as IpAddress,
  ipv6: 'ff02::12' as IpAddress,
};

export interface VirtualRouter {
  /** Its key in the file: unique, and what people call it. */
  readonly name: string;
  readonly interface: string;
  /** 1 to 255. */
  readonly vrid: number;
  /** VRRPv2 (RFC 3768) knows only IPv4 and whole seconds. */
  readonly version: 2 | 3;
  /** 1 to 254; 255 = this director owns the addresses and is always active while it is up. */
  readonly priority: number;
  /** 1 to 4095 (RFC 9568 section 5.2.7). */
  readonly advertInterval: Centiseconds;
  /** How many adverts in a row must be missing before a backup acts: 1 and up, 3 in the RFC. */
  readonly downAdverts: number;
  /** preemptMode of RFC 9568: whether a backup takes over from an active router of lower priority. */
  readonly preempt: boolean;
  /** How long a router of lower priority must have been heard before it is preempted: 0 and up. */
  readonly preemptDelay: Milliseconds;
  /** How long after its start it only listens: 0 and up. */
  readonly startupDelay: Milliseconds;
  readonly checksum: ChecksumForm;
  readonly authentication: Authentication | undefined;
  /** The ways that adverts go: at least one, the virtual router's own interface first. */
  readonly heartbeat: readonly [HeartbeatPath, ...HeartbeatPath[]];
  /** The VIPs: at least one, of either family or of both, in the order of the file. */
  readonly addresses: readonly VirtualAddress[];
  readonly routes: readonly RouteSpec[];
  readonly rules: readonly RuleSpec[];
  /** The virtual Ethernet address of RFC 9568 section 7.3, on a macvlan device of this name; undefined: not used. */
  readonly vmac: { readonly device: string } | undefined;
  /** acceptMode of RFC 9568: whether this host itself answers on the VIPs. */
  readonly accept: boolean;
  readonly announce: AnnouncePolicy;
  readonly track: readonly TrackUse[];
  /** Whether a silent owner is looked for by ARP or ND before taking over, beside it, or never. */
  readonly probe: 'beside' | 'before' | 'off';
  readonly notify: NotifyTargets;
}

/** A VIP, with the length of its network. */
export interface VirtualAddress extends Prefix {
  /** The link that it is put on, where that is not the virtual router's own. */
  readonly device?: string;
  /** IPv4: as `ip address` shows it; at most 15 characters. */
  readonly label?: string;
  readonly scope?: Scope;
  /** Put on the link but not advertised (keepalived: virtual_ipaddress_excluded). */
  readonly excluded?: boolean;
}

/**
 * What the checksum of version 3 over IPv4 covers. `legacy`: the pseudo-header too, as RFC 5798 had it and keepalived
 * sends and wants it unless told otherwise; `rfc9568`: the message alone (RFC 9568 section 5.2.8; keepalived:
 * v3_checksum_as_v2), which such a keepalived refuses.
 */
export type ChecksumForm = 'legacy' | 'rfc9568';

export type Authentication =
  /** VRRPv2's own: up to 8 characters in clear, against accidents only. */
  | { readonly type: 'text'; readonly password: string }
  /** keepalived 2.4's auth_hmac. Any of the keys is accepted; the first is the one that we send with. */
  | { readonly type: 'hmac'; readonly keys: readonly [HmacKey, ...HmacKey[]] };

export interface HmacKey {
  /** 0 to 255. */
  readonly id: number;
  /** The secret, as hexadecimal digits of its bytes. */
  readonly secret: string;
}

/** One way that adverts go. */
export interface HeartbeatPath {
  readonly interface: string;
  /** `udp`: for networks that pass nothing else; only with a key. */
  readonly transport: 'vrrp' | 'udp';
  /** Empty: multicast. */
  readonly peers: readonly Peer[];
  /** Where our adverts come from; the interface's first address of the family unless given. */
  readonly source: readonly IpAddress[];
  /** UDP only. */
  readonly port: number;
}

export interface Peer {
  readonly address: IpAddress;
  /** The least TTL (hop limit) that its packets must have: 1 to 255; undefined: any. */
  readonly leastTtl: number | undefined;
}

/** Gratuitous ARP and unsolicited neighbour advertisements. */
export interface AnnouncePolicy {
  /** How many at once after a take-over: 1 and up; keepalived: garp_master_repeat. */
  readonly count: number;
  /** Between two of a series. */
  readonly spacing: Milliseconds;
  /** Until the second series; 0: none. keepalived: garp_master_delay. */
  readonly delay: Milliseconds;
  /** How many in the second series. */
  readonly delayedCount: number;
  /** Between repetitions for as long as it is active; 0: none. keepalived: garp_master_refresh. */
  readonly refresh: Milliseconds;
  /** Pause between two addresses of one announcement, for switches that drop bursts: 0 and up. */
  readonly addressSpacing: Milliseconds;
}

/** Virtual routers that are active only together. */
export interface SyncGroup {
  readonly name: string;
  /** Names of virtual routers: at least one, each in one group at most. */
  readonly members: readonly string[];
  /** For all members. */
  readonly track: readonly TrackUse[];
  readonly notify: NotifyTargets;
}
