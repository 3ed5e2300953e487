/**
 * The configuration as the rest of the program sees it: complete, with every default filled in and every number in
 * its unit. `conf/` makes it from the file and vouches for it; nobody else checks it again. It is plain data and may
 * be sent between processes as JSON.
 */
import type { IpAddress } from './address.ts';
import type { Check } from './check.ts';
import type { Arbiter, Fencing } from './guard.ts';
import type { Mail } from './notify.ts';
import type { RouteSpec, RuleSpec } from './routes.ts';
import type { ConnectionSync } from './sync.ts';
import type { Trackers } from './tracking.ts';
import type { SyncGroup, VirtualAddress, VirtualRouter } from './virtual-router.ts';
import type { VirtualServer } from './virtual-server.ts';

export type { SyncGroup, VirtualAddress, VirtualRouter } from './virtual-router.ts';

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
    readonly sync: ConnectionSync | undefined;
  };
  readonly virtualRouters: readonly VirtualRouter[];
  readonly syncGroups: readonly SyncGroup[];
  readonly trackers: Trackers;
  readonly arbiter: Arbiter | undefined;
  readonly fencing: Fencing | undefined;
  readonly mail: Mail | undefined;
  /** Addresses, routes and rules that are there whatever the state; put back when somebody removes them. */
  readonly fixed: FixedNetwork;
  readonly virtualServers: readonly ConfiguredVirtualServer[];
}

/** What the file calls `static`. Each address names its link. */
export interface FixedNetwork {
  readonly addresses: readonly (VirtualAddress & { readonly device: string })[];
  readonly routes: readonly RouteSpec[];
  readonly rules: readonly RuleSpec[];
}

/** A virtual server, together with how its real servers are checked. */
export interface ConfiguredVirtualServer extends VirtualServer {
  /** Its key in the file: unique. */
  readonly name: string;
  /** undefined: the real servers are always taken to be healthy. */
  readonly check: Check | undefined;
  /** The sum of the weights of healthy real servers below which `track: services` takes it to be down. */
  readonly quorum: number;
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
