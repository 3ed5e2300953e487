/**
 * A real server that somebody has prepared without `vipward realserver`: by hand, by a script, by a configuration of the
 * network. Pure.
 */
import { isAsked, type Link } from '../kernel/links.ts';
import {
  familyOf,
  type IpAddress,
  isLinkLocal,
  isLoopback,
  isWithin,
  type Prefix,
} from '../model/address.ts';
import { type RealServerRole, realServerNeeds } from '../prepare/real-server.ts';
import type { ReadSetting } from '../prepare/setting.ts';
import { type Finding, problem } from './finding.ts';

export interface ExaminedRole extends RealServerRole {
  /** Only where vipward has not taken the role up. */
  readonly byHand?: {
    /** Of tunnelling: the link that takes packets out of the tunnel. */
    readonly end: string | undefined;
  };
}

export interface HandSight {
  readonly links: readonly Pick<Link, 'index' | 'name' | 'mac' | 'up' | 'loopback'>[];
  readonly addresses: readonly { readonly index: number; readonly prefix: Prefix }[];
}

/** What is told of by the command line. */
export interface Told {
  /** undefined: those that are hidden here. */
  readonly vips: readonly IpAddress[] | undefined;
  /** undefined: tun for a VIP that is on the end of a tunnel, else dr. */
  readonly forwarding: RealServerRole['forwarding'] | undefined;
}

/** The kernel's own ends of tunnels, which are there as soon as their module is. */
const ENDS = ['tunl0', 'sit0', 'ip6tnl0', 'gre0', 'ip6gre0'];

/** What the kernel itself puts on sit0: the host's IPv4 addresses as IPv6 (add_v4_addrs of net/ipv6/addrconf.c). */
const OF_SIT0: Prefix = { address: '::' as IpAddress, length: 96 };

/** One role for each VIP that is not `known` as vipward's own. */
export function rolesByHand(
  { vips, forwarding }: Told,
  known: ReadonlySet<IpAddress>,
  sight: HandSight,
): readonly ExaminedRole[] {
  const wanted = vips ?? hiddenIn(sight);
  return [...new Set(wanted)].filter((vip) => !known.has(vip)).map((vip) => roleOf(vip, forwarding, sight));
}

/** On lo, on dummy links and on the ends of tunnels: what is there is no link's own address. */
function hiddenIn({ links, addresses }: HandSight): readonly IpAddress[] {
  const hiding = links.filter(
    ({ name, loopback }) => loopback || ENDS.includes(name) || name.startsWith('dummy'),
  );
  const indexes = new Set(hiding.map(({ index }) => index));
  return addresses
    .filter(({ index }) => indexes.has(index))
    .map(({ prefix }) => prefix.address)
    .filter((address) => !isLoopback(address) && !isLinkLocal(address) && !isWithin(address, OF_SIT0));
}

function roleOf(vip: IpAddress, forwarding: Told['forwarding'], sight: HandSight): ExaminedRole {
  const indexes = new Set(
    sight.addresses.filter(({ prefix }) => prefix.address === vip).map(({ index }) => index),
  );
  const tunnel = sight.links.find(
    (link) => indexes.has(link.index) && !link.loopback && !link.name.startsWith('dummy') && !isAsked(link),
  );
  const method = forwarding ?? (tunnel === undefined ? 'dr' : 'tun');
  const role = { vips: [vip], forwarding: method, outer: outerOf(vip, tunnel?.name) } as const;
  return { ...role, byHand: { end: method === 'dr' ? undefined : (tunnel?.name ?? endFor(role, sight)) } };
}

/** Those ends that carry the other family. */
function outerOf(vip: IpAddress, end: string | undefined): RealServerRole['outer'] {
  if (end === 'sit0') return 'ipv4';
  return (end === 'ip6tnl0' || end === 'ip6gre0') && familyOf(vip) === 'ipv4' ? 'ipv6' : 'as the VIP';
}

/** The VIP itself may be on lo. */
function endFor(role: RealServerRole, { links }: HandSight): string | undefined {
  const [, usual] = realServerNeeds([role], { links: [], filter: '0' }).links;
  const isUp = (name: string) => links.some((link) => link.name === name && link.up);
  const others = ENDS.filter((name) => name.endsWith('gre0'));
  return usual === undefined || isUp(usual.name) ? usual?.name : (others.find(isUp) ?? usual.name);
}

/** What the ends of the tunnels of `roles` are and do, for those that were made by hand. */
export function endFindings(
  roles: readonly ExaminedRole[],
  sight: HandSight,
  read: ReadSetting,
): readonly Finding[] {
  const ends = Map.groupBy(
    roles.filter(({ byHand }) => byHand?.end !== undefined),
    ({ byHand }) => byHand?.end ?? '',
  );
  return [...ends].flatMap(([end, carried]) => {
    const link = sight.links.find(({ name }) => name === end);
    const held = sight.addresses.filter(({ index }) => index === link?.index);
    const isOfIpv4 = carried.some(({ vips }) => vips.some((vip) => familyOf(vip) === 'ipv4'));
    // Where it has the VIP, that it is down is told of the VIP.
    const hasVip = held.some(({ prefix }) => carried.some(({ vips }) => vips.includes(prefix.address)));
    const hasIpv4 = held.some(({ prefix }) => familyOf(prefix.address) === 'ipv4');
    return [
      ...(link?.up === true || hasVip ? [] : [notUp(end, link !== undefined)]),
      ...(isOfIpv4 ? filterFindings(end, hasIpv4, read) : []),
    ];
  });
}

const notUp = (end: string, isThere: boolean): Finding =>
  problem(
    isThere ? `${end}, the end of the tunnel, is down` : `there is no ${end}, the end of the tunnel`,
    'nothing comes out of the tunnel: clients that the director sends here get no answer',
    isThere ? `ip link set ${end} up` : `modprobe ${moduleOf(end)}; ip link set ${end} up`,
  );

const MODULES: Readonly<Record<string, string>> = {
  tunl0: 'ipip',
  sit0: 'sit',
  ip6tnl0: 'ip6_tunnel',
  gre0: 'ip_gre',
  ip6gre0: 'ip6_gre',
};
const moduleOf = (end: string): string => MODULES[end] ?? 'ipip';

/**
 * The kernel goes by the greater of `all` and the link's own. The loose filter (2) lets clients through, but drops what
 * comes by a link without an address (__fib_validate_source of net/ipv4/fib_frontend.c).
 */
function filterFindings(end: string, hasAddress: boolean, read: ReadSetting): readonly Finding[] {
  const own = read(['net', 'ipv4', 'conf', end, 'rp_filter']);
  const all = read(['net', 'ipv4', 'conf', 'all', 'rp_filter']);
  if (own === undefined) return [];
  const filter = Math.max(Number(own), Number(all ?? 0));
  if (filter === 0 || (filter === 2 && hasAddress)) return [];
  const name = `net.ipv4.conf.${end.replaceAll('.', '/')}.rp_filter`;
  const why = filter === 2 ? ', which drops all that comes by a link without an address' : '';
  const mend = hasAddress ? `${name}=2` : `${name}=0 net.ipv4.conf.all.rp_filter=0`;
  return [
    problem(
      `${end} filters by reverse path: ${name} is ${own}, and that of all ${all ?? 0}; the greater holds${why}`,
      `packets of clients that come out of ${end} are dropped without a word`,
      lasting(`sysctl -w ${mend}`),
    ),
  ];
}

/** A command, where nothing of vipward's gives it again at the next boot. */
export const lasting = (command: string): string => `${command}; and in /etc/sysctl.d, so that it lasts`;
