/** A packet's way through packet filters, and what is sent where, for those that come and those that leave. Pure. */
import { type Family, familyOf, type IpAddress } from '../../model/address.ts';
import type { Config, ConfiguredVirtualServer } from '../../model/config.ts';
import { VRRP_GROUP } from '../../model/virtual-router.ts';
import type { Protocol } from '../../model/virtual-server.ts';
import { ANYWHERE, type Probe } from './ruleset.ts';

export interface Passage {
  readonly probe: Probe;
  /** `adverts of other directors on eth0`. */
  readonly what: string;
  /** What goes wrong when they are dropped. */
  readonly breaks: string;
  /** What lets them through need not name: the link, as they may come by others as well, or where they go to. */
  readonly unnamed?: 'link' | 'destination';
  /** The links that it leaves by, now one, now another; undefined: that of the probe. */
  readonly leavesBy?: readonly string[];
}

/** By which links this host sends and hears; nothing where that is not known. */
export interface Ways {
  /** `lo` for an address of this host. */
  to(address: IpAddress): string | undefined;
  /** Of what comes from `from`, this host or one that it forwards for, about `vips`: several, where clients may be on each. */
  toClients(from: IpAddress, vips: readonly IpAddress[]): readonly string[];
  /** The one link that this host has to others. */
  readonly only: string | undefined;
}

export const UNKNOWN_WAYS: Ways = { to: () => undefined, toClients: () => [], only: undefined };

export type Configured = Pick<Config, 'virtualRouters' | 'virtualServers'> & {
  readonly ipvs: Pick<Config['ipvs'], 'sysctl'>;
};

/**
 * Where a director's adverts come, or, `own`, go: those to the group by the link with the virtual Ethernet address, where
 * there is one.
 */
export function advertWays({ virtualRouters }: Pick<Config, 'virtualRouters'>, own = false) {
  const ways = virtualRouters.flatMap((router) =>
    router.heartbeat.map(({ interface: link, transport, port, peers }, index) => ({
      link: (own && index === 0 && peers.length === 0 ? router.vmac?.device : undefined) ?? link,
      port: transport === 'udp' ? port : undefined,
      family: familyOf(router.addresses[0]?.address ?? ('0.0.0.0' as IpAddress)),
      // Nobody answers to a multicast; to what comes from a peer we have sent something ourselves.
      multicast: peers.length === 0,
    })),
  );
  const distinct = [...new Map(ways.map((way) => [JSON.stringify(way), way])).values()];
  return distinct.map(({ link, family, port, multicast }) => ({
    ...ANYWHERE,
    family,
    link,
    protocol: port === undefined ? 'vrrp' : 'udp',
    destinationPort: port,
    destination: multicast ? VRRP_GROUP[family] : undefined,
    state: multicast ? ('new' as const) : undefined,
  }));
}

/** What clients ask for; port 0: whichever. */
export interface Asked {
  readonly address: IpAddress;
  readonly protocol: Protocol;
  readonly port: number;
}

/** Of a mark that vipward sets itself, the first port of each range stands for it. */
export const askedOf = ({ entries, match }: ConfiguredVirtualServer): readonly Asked[] => [
  ...entries.flatMap((key) => (key.kind === 'address' ? [key] : [])),
  ...match.flatMap(({ address, protocol, ports }) =>
    (ports.length === 0 ? [0] : ports.map(({ from }) => from)).map((port) => ({ address, protocol, port })),
  ),
];

/** Whether connection tracking knows what IPVS passes on. */
export const isTracked = ({ virtualServers, ipvs }: Pick<Configured, 'virtualServers' | 'ipvs'>): boolean =>
  ipvs.sysctl.conntrack === '1' ||
  virtualServers.some(({ realServers }) => realServers.some((server) => server.forwarding === 'fullnat'));

/** What is inside of a tunnel, as a protocol of linux/in.h. */
export const WRAPPED: Readonly<Record<Family, string>> = { ipv4: 'ipip', ipv6: 'ipv6' };
