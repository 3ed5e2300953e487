/** Virtual servers and real servers in the words of LVS, as the configuration and the kernel's table share them. */
import type { IpAddress } from './address.ts';

export type Protocol = 'tcp' | 'udp' | 'sctp';
/** dr = direct routing (the packet keeps its addresses), nat = masquerading, tun = tunnelling. */
export type Forwarding = 'dr' | 'nat' | 'tun';
/** What the file may say: fullnat is nat with the client's address replaced by the director's own too. */
export type ServiceForwarding = Forwarding | 'fullnat';

/** How tun wraps packets (IPVS_DEST_ATTR_TUN_* of linux/ip_vs.h; other than ipip since Linux 5.3). */
export interface Tunnel {
  readonly kind: 'ipip' | 'gue' | 'gre';
  /** UDP port of gue, 1 to 65535; 0 for the others. */
  readonly port: number;
  /** Of gue and gre. remote: remote checksum offload, gue only. */
  readonly checksum: 'none' | 'plain' | 'remote';
}

export const PLAIN_TUNNEL: Tunnel = { kind: 'ipip', port: 0, checksum: 'none' };

export const sameTunnel = (a: Tunnel, b: Tunnel): boolean =>
  a.kind === b.kind && a.port === b.port && a.checksum === b.checksum;

export const SCHEDULERS = [
  'rr',
  'wrr',
  'lc',
  'wlc',
  'lblc',
  'lblcr',
  'dh',
  'sh',
  'mh',
  'sed',
  'nq',
  'fo',
  'ovf',
  'twos',
] as const;
export type Scheduler = (typeof SCHEDULERS)[number];

/** What a scheduler can be told, under ipvsadm's names (-b); each bit belongs to a scheduler, flag-N is its bare number. */
export const SCHEDULER_FLAGS = [
  'sh-fallback',
  'sh-port',
  'mh-fallback',
  'mh-port',
  'flag-1',
  'flag-2',
  'flag-3',
] as const;
export type SchedulerFlag = (typeof SCHEDULER_FLAGS)[number];

/** What tells one virtual server from another in the kernel's table. */
export interface VirtualServerIdentity {
  readonly protocol: Protocol;
  readonly address: IpAddress;
  /** 0 to 65535; 0 = every port (only with persistence). */
  readonly port: number;
}

/** `tcp 10.1.1.254:80`: unique for an identity, and fit for people to read. */
export const virtualServerKey = (id: VirtualServerIdentity): string =>
  `${id.protocol} ${endpoint(id.address, id.port)}`;

/** `10.1.1.2:80` or `[2001:db8::2]:80`. */
export const endpoint = (address: IpAddress, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
