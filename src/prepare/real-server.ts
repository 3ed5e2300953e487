/**
 * What a real server under direct routing or tunnelling needs: the VIP on a link that nobody is told about, and a
 * kernel that keeps quiet about it. Pure.
 *
 * IPv4: the VIP is hidden by arp_ignore and arp_announce. IPv6: a host answers neighbour solicitations only on the link
 * that has the address, so one on lo or on a tunnel is hidden by itself.
 */
import { type Family, familyOf, fullLength, type IpAddress, type Prefix } from '../model/address.ts';
import type { KernelModule } from './modules.ts';
import type { KernelSetting } from './setting.ts';

export interface RealServerRole {
  readonly vips: readonly IpAddress[];
  readonly forwarding: 'dr' | 'tun';
  /** Of the packets that the director wraps around a client's: the family of this host's own address (RIP). */
  readonly outer: Family | 'as the VIP';
}

/** The family of the packets that carry those for `vip`. */
export const outerFamily = ({ outer }: Pick<RealServerRole, 'outer'>, vip: IpAddress): Family =>
  outer === 'as the VIP' ? familyOf(vip) : outer;

export interface HiddenAddress {
  readonly device: string;
  readonly prefix: Prefix;
}

export interface RealServerNeeds {
  readonly modules: readonly KernelModule[];
  /** To be set up. `anyProtocol`: takes IPv4 and IPv6 out of its tunnel, not IPv6 alone. */
  readonly links: readonly { readonly name: string; readonly anyProtocol: boolean }[];
  readonly addresses: readonly HiddenAddress[];
  readonly settings: readonly KernelSetting[];
  /** What keeps every other link as it is, to be set before `settings`: nobody needs it, and it may be changed since. */
  readonly kept: readonly KernelSetting[];
}

interface TunnelEnd {
  readonly device: string;
  readonly module: string;
}

const IP6_TUNNEL: TunnelEnd = { device: 'ip6tnl0', module: 'ip6_tunnel' };

/** The kernel's own ends of tunnels, by the family outside, then inside. They take packets from every director. */
const TUNNEL: Readonly<Record<Family, Readonly<Record<Family, TunnelEnd>>>> = {
  ipv4: { ipv4: { device: 'tunl0', module: 'ipip' }, ipv6: { device: 'sit0', module: 'sit' } },
  ipv6: { ipv4: IP6_TUNNEL, ipv6: IP6_TUNNEL },
};

export interface RealServerHost {
  /** The interfaces of this host. */
  readonly links: readonly string[];
  /** net.ipv4.conf.all.rp_filter as it was before we changed it. */
  readonly filter: string;
}

/** What all `roles` need together. */
export function realServerNeeds(roles: readonly RealServerRole[], host: RealServerHost): RealServerNeeds {
  const ends = roles.filter(({ forwarding }) => forwarding === 'tun').flatMap(tunnelEnds);
  const devices = [...new Map(ends.map(({ end }) => [end.device, end.module]))];
  const ofIpv4 = [...new Set(ends.filter(({ inner }) => inner === 'ipv4').map(({ end }) => end.device))];
  const hidesIpv4 = roles.some(({ vips }) => vips.some((vip) => familyOf(vip) === 'ipv4'));
  return {
    modules: devices.map(([device, name]) => ({
      name,
      without: `there is no ${device} that takes packets out of the tunnel`,
    })),
    links: ['lo', ...devices.map(([device]) => device)].map((name) => ({
      name,
      anyProtocol: name === IP6_TUNNEL.device && ofIpv4.includes(name),
    })),
    addresses: distinct(roles.flatMap(hidden)),
    settings: [...(hidesIpv4 ? QUIET : []), ...unfiltered(ofIpv4)],
    kept: ofIpv4.length > 0 ? kept(ofIpv4, host) : [],
  };
}

const tunnelEnds = (role: RealServerRole) =>
  role.vips.map((vip) => ({ inner: familyOf(vip), end: TUNNEL[outerFamily(role, vip)][familyOf(vip)] }));

const hidden = (role: RealServerRole): readonly HiddenAddress[] =>
  role.vips.map((address) => ({
    device: role.forwarding === 'dr' ? 'lo' : TUNNEL[outerFamily(role, address)][familyOf(address)].device,
    prefix: { address, length: fullLength(familyOf(address)) },
  }));

const distinct = (addresses: readonly HiddenAddress[]): readonly HiddenAddress[] => [
  ...new Map(addresses.map((each) => [`${each.device} ${each.prefix.address}`, each])).values(),
];

/**
 * The kernel goes by the greater of `all` and the interface's own, so `all` is enough for every interface, unless its own
 * is one that does not serve.
 */
export const QUIET: readonly KernelSetting[] = [
  {
    path: ['net', 'ipv4', 'conf', 'all', 'arp_ignore'],
    value: '1',
    // Not 3, which answers for every address but those of scope host, and the VIP is global.
    orElse: ['2', '8'],
    without: 'this host answers ARP for the VIP, and takes it away from the director',
  },
  {
    path: ['net', 'ipv4', 'conf', 'all', 'arp_announce'],
    value: '2',
    orElse: [],
    without: 'this host asks by ARP in the name of the VIP, and takes it away from the director',
  },
];

const filterPath = (link: string) => ['net', 'ipv4', 'conf', link, 'rp_filter'] as const;

/** What comes out of a tunnel is from a client, and is answered over another link: the filter must be off. */
function unfiltered(tunnels: readonly string[]): readonly KernelSetting[] {
  if (tunnels.length === 0) return [];
  const without = `packets of clients that come out of ${tunnels.join(' and ')} are dropped without a word`;
  return [...tunnels, 'all'].map((link) => ({ path: filterPath(link), value: '0', orElse: [], without }));
}

/** Since the greater of `all` and the link's own holds, `all` goes to 0, and every other link takes over what it had. */
function kept(tunnels: readonly string[], { links, filter }: RealServerHost): readonly KernelSetting[] {
  if (filter === '0') return [];
  return links
    .filter((link) => !tunnels.includes(link) && link !== 'lo')
    .map((link) => ({
      path: filterPath(link),
      value: filter,
      orElse: ['1', '2'],
      without: `${link} is no longer filtered by reverse path, as net.ipv4.conf.all had it`,
    }));
}
