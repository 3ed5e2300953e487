/** Virtual servers and real servers in the words of LVS, as the configuration and the kernel's table share them. */
import type { IpAddress } from './address.ts';

export type Protocol = 'tcp' | 'udp' | 'sctp';
/** dr = direct routing (the packet keeps its addresses), nat = masquerading, tun = IP-in-IP; local = this director. */
export type Forwarding = 'dr' | 'nat' | 'tun';

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

/** What tells one virtual server from another in the kernel's table. */
export interface VirtualServerIdentity {
  readonly protocol: Protocol;
  readonly address: IpAddress;
  /** 0 to 65535; 0 = every port (only with persistence). */
  readonly port: number;
}

export interface VirtualServer extends VirtualServerIdentity {
  readonly scheduler: Scheduler;
  readonly forwarding: Forwarding;
}

/** `tcp 10.1.1.254:80`: unique for an identity, and fit for people to read. */
export const virtualServerKey = (id: VirtualServerIdentity): string =>
  `${id.protocol} ${endpoint(id.address, id.port)}`;

/** `10.1.1.2:80` or `[2001:db8::2]:80`. */
export const endpoint = (address: IpAddress, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
