/** Whether what goes into the tunnel of a real server comes out there: a ping in the tunnel, answered outside of it. */
import { familyOf, fullLength, type IpAddress } from '../model/address.ts';
import type { Config } from '../model/config.ts';
import { milliseconds } from '../model/units.ts';
import type { Tunnel } from '../model/virtual-server.ts';
import { echo } from './echo.ts';
import { type Finding, good, notAsked, problem, unknown } from './finding.ts';
import type { Sight } from './host.ts';
import { BUDGET, limitedUntil } from './limited.ts';
import { type Route, routesTo } from './routes.ts';
import { openTunnelSender } from './tunnel-sender.ts';

const PATIENCE = milliseconds(900);
const AT_ONCE = 100;

/** The end of a tunnel, and the virtual addresses that come out there. */
export interface TunnelEnd {
  readonly service: string;
  readonly address: IpAddress;
  readonly tunnel: Tunnel;
  readonly vips: readonly IpAddress[];
}

/** inside: it answers what the tunnel carries. outside: only what comes by itself. */
export type Answers = 'inside' | 'outside' | 'none';

/** Each once, though several services use it. Where VIP and real server are of two families, what answers is another end. */
export function tunnelEnds({ virtualServers }: Pick<Config, 'virtualServers'>): readonly TunnelEnd[] {
  const ends = virtualServers.flatMap(({ name, entries, match, realServers }) => {
    const vips = [
      ...entries.flatMap((entry) => (entry.kind === 'address' ? [entry.address] : [])),
      ...match.map(({ address }) => address),
    ];
    return realServers.flatMap(({ forwarding, address, tunnel }): TunnelEnd[] => {
      const carried = [...new Set(vips.filter((vip) => familyOf(vip) === familyOf(address)))];
      if (forwarding !== 'tun' || carried.length === 0) return [];
      return [{ service: name, address, tunnel, vips: carried }];
    });
  });
  return [
    ...new Map(
      ends.map((end) => [`${end.address} ${end.tunnel.kind} ${end.tunnel.port}`, end] as const).toReversed(),
    ).values(),
  ].toReversed();
}

/** Rejects with SystemError: EPERM without CAP_NET_RAW. */
export async function lookAtTunnelEnds(
  config: Pick<Config, 'virtualServers'>,
  sight: Sight,
): Promise<readonly Finding[]> {
  const ours = new Set(sight.addresses.map(({ prefix }) => prefix.address));
  const ends = tunnelEnds(config).filter(({ address }) => !ours.has(address));
  const routes = await routesTo(ends.map(({ address }) => address));
  const deadline = performance.now() + BUDGET;
  const answers = await limitedUntil(ends, AT_ONCE, deadline, (end) =>
    answersOf(end, routes.get(end.address), sight),
  );
  const asked = ends.flatMap((end, i) => {
    const answer = answers[i];
    return answer === undefined ? [] : [[end, answer] as const];
  });
  const unasked = new Set(ends.filter((_, i) => answers[i] === undefined).map(({ address }) => address));
  return [
    ...(asked.length === 0 && unasked.size > 0 ? [] : tunnelEndFindings(asked)),
    ...notAsked(unasked, 'their ends of the tunnels'),
  ];
}

async function answersOf(
  { address, tunnel }: TunnelEnd,
  way: Route | undefined,
  sight: Sight,
): Promise<Answers> {
  const link = sight.links.find(({ name }) => name === way?.link);
  if (way?.source === undefined || link === undefined) return 'none';
  const links = sight.links.filter(({ up, loopback }) => up && !loopback);
  const sender = openTunnelSender(tunnel, address, way.source, link);
  try {
    const [inside, outside] = await Promise.all([
      echo(address, way.source, link, links, PATIENCE, sender.send),
      echo(address, way.source, link, links, PATIENCE),
    ]);
    return inside !== undefined ? 'inside' : outside !== undefined ? 'outside' : 'none';
  } finally {
    sender.close();
  }
}

/** Pure. */
export function tunnelEndFindings(ends: readonly (readonly [TunnelEnd, Answers])[]): readonly Finding[] {
  const found = ends.flatMap(([end, answers]) => {
    const what = `${end.service}: real server ${end.address}`;
    switch (answers) {
      case 'inside':
        return [];
      case 'outside':
        return [
          problem(
            `${what} answers ping, but none that comes by its tunnel (${tunnelText(end.tunnel)})`,
            'nothing comes out of the tunnel there: clients that are sent to it get no answer',
            `on the real server: ${openingOf(end)}`,
          ),
        ];
      case 'none':
        return [
          unknown(`${what}: its end of the tunnel`, 'it answers no ping at all', `ping ${end.address}`),
        ];
      default:
        return answers satisfies never;
    }
  });
  if (found.length > 0 || ends.length === 0) return found;
  return [good('what goes into the tunnels comes out at the real servers')];
}

const tunnelText = ({ kind, port }: Tunnel): string => (kind === 'gue' ? `gue to UDP port ${port}` : kind);

function openingOf({ tunnel: { kind, port }, address, vips }: TunnelEnd): string {
  const isIpv4 = familyOf(address) === 'ipv4';
  const start = `vipward realserver start --vip ${vips.join(' ')} --forwarding tun`;
  switch (kind) {
    case 'ipip':
      return `${start}; if that is so, vipward doctor there`;
    case 'gue':
      return `${isIpv4 ? 'modprobe fou; ip' : 'modprobe fou6; ip -6'} fou add port ${port} gue; ${start}`;
    case 'gre': {
      const device = isIpv4 ? 'gre0' : 'ip6gre0';
      const unfiltered = `sysctl -w net.ipv4.conf.${device}.rp_filter=0 net.ipv4.conf.all.rp_filter=0`;
      return [
        `modprobe ${isIpv4 ? 'ip_gre' : 'ip6_gre'}`,
        ...vips.map((vip) => `ip addr add ${vip}/${fullLength(familyOf(vip))} dev ${device}`),
        `ip link set ${device} up`,
        ...(isIpv4 ? [unfiltered] : []),
      ].join('; ');
    }
    default:
      return kind satisfies never;
  }
}
