/**
 * The configuration as the rest of the program sees it: complete, with every default filled in and every number in
 * its unit. `conf/` makes it from the file and vouches for it; nobody else checks it again. It is plain data and may
 * be sent between processes as JSON.
 */
import type { IpAddress, Prefix } from './address.ts';
import type { Check } from './check.ts';
import type { Centiseconds } from './units.ts';
import type { VirtualServer } from './virtual-server.ts';

export interface Config {
  readonly director: {
    /** Names this director in logs and in status; the host name unless given. */
    readonly name: string;
  };
  readonly vrrp: {
    /** Whether the vrrp process runs under SCHED_RR, ahead of every ordinary process. */
    readonly realtime: boolean;
  };
  readonly ipvs: {
    /** Whether virtual servers that are not in the configuration are removed from the kernel's table. */
    readonly exclusive: boolean;
  };
  readonly virtualRouters: readonly VirtualRouter[];
  readonly virtualServers: readonly ConfiguredVirtualServer[];
}

/** A virtual router of RFC 9568: one VRID on one interface. */
export interface VirtualRouter {
  /** Its key in the file: unique, and what people call it. */
  readonly name: string;
  readonly interface: string;
  /** 1 to 255. */
  readonly vrid: number;
  /** 1 to 254; 255 = this director owns the addresses and is always active while it is up. */
  readonly priority: number;
  /** 1 to 4095 (RFC 9568 section 5.2.7). */
  readonly advertInterval: Centiseconds;
  /** preemptMode of RFC 9568: whether a backup takes over from an active router of lower priority. */
  readonly preempt: boolean;
  /** The VIPs: 1 to 255 of one family, in the order of the file. */
  readonly addresses: readonly Prefix[];
}

/** A virtual server, together with how its real servers are checked. */
export interface ConfiguredVirtualServer extends VirtualServer {
  /** Its key in the file: unique. */
  readonly name: string;
  /** undefined: the real servers are always taken to be healthy. */
  readonly check: Check | undefined;
  /** Takes over when no real server is healthy. On a loopback address it is this director itself. */
  readonly sorryServer: { readonly address: IpAddress; readonly port: number } | undefined;
  readonly realServers: readonly ConfiguredRealServer[];
}

export interface ConfiguredRealServer {
  readonly address: IpAddress;
  /** The virtual server's own port unless forwarding is nat. */
  readonly port: number;
  /** 0 to 65535, as ipvsadm(8) has it (the kernel's own limit is 2^31 - 1); 0 takes no new connections. */
  readonly weight: number;
}
