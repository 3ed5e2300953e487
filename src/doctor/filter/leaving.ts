/** What a director and a real server send, which must get out of them. Pure. */
import { portAt, takesPart } from '../../balance/entry.ts';
import { familyOf, type IpAddress, isLoopback } from '../../model/address.ts';
import type { Config, ConfiguredRealServer, ConfiguredVirtualServer } from '../../model/config.ts';
import {
  advertWays,
  askedOf,
  type Configured,
  isTracked,
  type Passage,
  type Ways,
  WRAPPED,
} from './passage.ts';
import { ANYWHERE, type Hook, type Probe } from './ruleset.ts';

/** Where a packet is dropped that leaves. IPVS, too, passes on by OUTPUT (ip_vs_send_or_cont, ip_local_out). */
const LEAVING: readonly Hook[] = ['output', 'postrouting'];

const leaving = (probe: Omit<Probe, 'hook'>, more: Omit<Passage, 'probe'>): readonly Passage[] =>
  LEAVING.map((hook) => ({ probe: { ...probe, hook }, ...more }));

export const ownAdverts = (config: Pick<Config, 'virtualRouters'>): readonly Passage[] =>
  advertWays(config, true).flatMap((way) =>
    leaving(way, {
      what: `this director's own adverts on ${way.link}`,
      breaks: 'the other directors do not hear this one: two become active at once',
      unnamed: 'destination',
    }),
  );

/** What a real server answers to clients, whom it tells nothing of but the VIP. */
export const answers = (vips: readonly IpAddress[], ways: Ways): readonly Passage[] =>
  vips.flatMap((vip) =>
    leaving(
      { ...ANYWHERE, family: familyOf(vip), protocol: 'tcp', source: vip, state: 'established' },
      {
        what: `answers from the VIP ${vip}`,
        breaks: 'clients never get an answer',
        leavesBy: ways.only === undefined ? ways.toClients(vip, [vip]) : [ways.only],
      },
    ),
  );

/** What clients send, on its way to the real servers. */
export function dispatched(config: Configured, ways: Ways): readonly Passage[] {
  const state = isTracked(config) ? 'new' : 'untracked';
  return config.virtualServers.flatMap((virtualServer) => [
    ...unchanged(virtualServer, state, ways),
    ...virtualServer.realServers
      .filter(({ address, forwarding }) => forwarding !== 'dr' && !isHere(address, ways))
      .flatMap((server) => changed(virtualServer, server, state, ways)),
  ]);
}

const isHere = (address: IpAddress, ways: Ways): boolean => isLoopback(address) || ways.to(address) === 'lo';

const HANGS = 'clients of this service hang';

/** By dr the packet is as the client has sent it, whichever the real server; one for each link that they are on. */
function unchanged(
  virtualServer: ConfiguredVirtualServer,
  state: Probe['state'],
  ways: Ways,
): readonly Passage[] {
  const servers = virtualServer.realServers.filter(
    ({ address, forwarding }) => forwarding === 'dr' && !isHere(address, ways),
  );
  const links = [...new Set(servers.map(({ address }) => ways.to(address)))];
  const asked = links.flatMap((link) => askedOf(virtualServer).map((each) => ({ ...each, link })));
  return asked.flatMap(({ address, protocol, port, link }) =>
    leaving(
      {
        ...ANYWHERE,
        family: familyOf(address),
        protocol,
        destination: address,
        destinationPort: port || undefined,
        state,
      },
      {
        what: `what goes by dr to the real servers of ${virtualServer.name}${links.length > 1 ? ` on ${link ?? 'an unknown link'}` : ''} (${protocol} ${address}${port === 0 ? '' : ` port ${port}`})`,
        breaks: HANGS,
        ...(link === undefined ? {} : { leavesBy: [link] }),
      },
    ),
  );
}

function changed(
  virtualServer: ConfiguredVirtualServer,
  server: ConfiguredRealServer,
  state: Probe['state'],
  ways: Ways,
): readonly Passage[] {
  const key = virtualServer.entries.find((entry) => takesPart(virtualServer, entry, server));
  if (key === undefined) return [];
  const to = { ...ANYWHERE, family: familyOf(server.address), destination: server.address };
  const inner = key.kind === 'mark' ? key.family : familyOf(key.address);
  const link = ways.to(server.address);
  const more = {
    what: `what goes by ${server.forwarding} to real server ${server.address} of ${virtualServer.name}`,
    breaks: HANGS,
    ...(link === undefined ? {} : { leavesBy: [link] }),
  };
  // The tunnel's own packet is a new one to connection tracking.
  if (server.forwarding === 'tun') return leaving({ ...to, ...outer(server, inner), state: 'new' }, more);
  const protocol = key.kind === 'mark' ? 'tcp' : key.protocol;
  return leaving({ ...to, protocol, destinationPort: portAt(key, server) || undefined, state }, more);
}

function outer({ tunnel }: ConfiguredRealServer, inner: 'ipv4' | 'ipv6') {
  switch (tunnel.kind) {
    case 'ipip':
      return { protocol: WRAPPED[inner] };
    case 'gre':
      return { protocol: 'gre' };
    case 'gue':
      return { protocol: 'udp', destinationPort: tunnel.port };
    default:
      return tunnel.kind satisfies never;
  }
}
