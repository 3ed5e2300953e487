/**
 * What a real server under direct routing or tunnelling needs: the VIP on a link that nobody is told about, and a
 * kernel that keeps quiet about it. Pure.
 *
 * IPv4: the VIP is hidden by arp_ignore and arp_announce. IPv6: a host answers neighbour solicitations only on the link
 * that has the address, so one on lo or on a tunnel is hidden by itself.
 */
import { type Family, familyOf, type IpAddress, type Prefix } from '../model/address.ts';
import type { KernelModule } from './director.ts';
import type { KernelSetting } from './setting.ts';

export interface RealServerRole {
  readonly vips: readonly IpAddress[];
  readonly forwarding: 'dr' | 'tun';
  /** Of the packets that the director wraps around a client's: the family of this host's own address (RIP). */
  readonly outer: Family;
}

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
}

/** The kernel's own tunnel ends: of ipip, and of ip6_tunnel. They take packets from every director. */
const TUNNEL: Readonly<Record<Family, string>> = { ipv4: 'tunl0', ipv6: 'ip6tnl0' };
const TUNNEL_MODULE: Readonly<Record<Family, string>> = { ipv4: 'ipip', ipv6: 'ip6_tunnel' };

export interface RealServerHost {
  /** The interfaces of this host. */
  readonly links: readonly string[];
  /** net.ipv4.conf.all.rp_filter as it was before we changed it. */
  readonly filter: string;
}

/** What all `roles` need together. */
export function realServerNeeds(roles: readonly RealServerRole[], host: RealServerHost): RealServerNeeds {
  const tunnels = roles.filter(({ forwarding }) => forwarding === 'tun');
  const outers = [...new Set(tunnels.map(({ outer }) => outer))];
  const names = ['lo', ...outers.map((family) => TUNNEL[family])];
  const hidesIpv4 = roles.some(({ vips }) => vips.some((vip) => familyOf(vip) === 'ipv4'));
  return {
    modules: outers.map((family) => ({
      name: TUNNEL_MODULE[family],
      without: `there is no ${TUNNEL[family]} that takes packets out of the tunnel`,
    })),
    links: names.map((name) => ({ name, anyProtocol: name === TUNNEL.ipv6 && wrapsIpv4(tunnels) })),
    addresses: distinct(roles.flatMap(hidden)),
    settings: [
      ...(hidesIpv4 ? QUIET : []),
      ...(hidesIpv4 ? outers.flatMap((family) => unfiltered(TUNNEL[family], host)) : []),
    ],
  };
}

const wrapsIpv4 = (tunnels: readonly RealServerRole[]): boolean =>
  tunnels.some(({ outer, vips }) => outer === 'ipv6' && vips.some((vip) => familyOf(vip) === 'ipv4'));

const hidden = ({ vips, forwarding, outer }: RealServerRole): readonly HiddenAddress[] =>
  vips.map((address) => ({
    device: forwarding === 'dr' ? 'lo' : TUNNEL[outer],
    prefix: { address, length: familyOf(address) === 'ipv4' ? 32 : 128 },
  }));

const distinct = (addresses: readonly HiddenAddress[]): readonly HiddenAddress[] => [
  ...new Map(addresses.map((each) => [`${each.device} ${each.prefix.address}`, each])).values(),
];

/** The kernel goes by the greater of `all` and the interface's own, so `all` is enough for every interface. */
const QUIET: readonly KernelSetting[] = [
  {
    path: ['net', 'ipv4', 'conf', 'all', 'arp_ignore'],
    value: '1',
    orElse: ['2', '3', '8'],
    without: 'this host answers ARP for the VIP, and takes it away from the director',
  },
  {
    path: ['net', 'ipv4', 'conf', 'all', 'arp_announce'],
    value: '2',
    orElse: [],
    without: 'this host asks by ARP in the name of the VIP, and takes it away from the director',
  },
];

/**
 * What comes out of the tunnel is from a client, and is answered over another link: the filter must be off. Since the
 * greater of `all` and the link's own holds, `all` goes to 0, and every other link takes over what `all` had.
 */
function unfiltered(tunnel: string, { links, filter }: RealServerHost): readonly KernelSetting[] {
  const path = (link: string) => ['net', 'ipv4', 'conf', link, 'rp_filter'] as const;
  const without = `packets of clients that come out of ${tunnel} are dropped without a word`;
  const off = [tunnel, 'all'].map(
    (link): KernelSetting => ({ path: path(link), value: '0', orElse: [], without }),
  );
  if (filter === '0') return off;
  const kept = links
    .filter((link) => link !== tunnel && link !== 'lo')
    .map(
      (link): KernelSetting => ({
        path: path(link),
        value: filter,
        orElse: ['1', '2'],
        without: `${link} is no longer filtered by reverse path, as net.ipv4.conf.all had it`,
      }),
    );
  return [...kept, ...off];
}
