/** What a director and a real server send, which must get out of them. Pure. */
import { portAt, takesPart } from '../../balance/entry.ts';
import { familyOf, type IpAddress, isLoopback } from '../../model/address.ts';
import type { Config, ConfiguredRealServer, ConfiguredVirtualServer } from '../../model/config.ts';
import { advertWays, askedOf, type Configured, isTracked, type Passage, WRAPPED } from './passage.ts';
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
export const answers = (vips: readonly IpAddress[]): readonly Passage[] =>
  vips.flatMap((vip) =>
    leaving(
      { ...ANYWHERE, family: familyOf(vip), protocol: 'tcp', source: vip, state: 'established' },
      { what: `answers from the VIP ${vip}`, breaks: 'clients never get an answer' },
    ),
  );

/** What clients send, on its way to the real servers. */
export function dispatched(config: Configured): readonly Passage[] {
  const state = isTracked(config) ? 'new' : 'untracked';
  return config.virtualServers.flatMap((virtualServer) => [
    ...unchanged(virtualServer, state),
    ...virtualServer.realServers
      .filter(({ address, forwarding }) => forwarding !== 'dr' && !isLoopback(address))
      .flatMap((server) => changed(virtualServer, server, state)),
  ]);
}

const HANGS = 'clients of this service hang';

/** By dr the packet is as the client has sent it, whichever the real server. */
function unchanged(virtualServer: ConfiguredVirtualServer, state: Probe['state']): readonly Passage[] {
  if (virtualServer.realServers.every(({ forwarding }) => forwarding !== 'dr')) return [];
  return askedOf(virtualServer).flatMap(({ address, protocol, port }) =>
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
        what: `what goes by dr to the real servers of ${virtualServer.name} (${protocol} ${address}${port === 0 ? '' : ` port ${port}`})`,
        breaks: HANGS,
      },
    ),
  );
}

function changed(
  virtualServer: ConfiguredVirtualServer,
  server: ConfiguredRealServer,
  state: Probe['state'],
): readonly Passage[] {
  const key = virtualServer.entries.find((entry) => takesPart(virtualServer, entry, server));
  if (key === undefined) return [];
  const to = { ...ANYWHERE, family: familyOf(server.address), destination: server.address };
  const inner = key.kind === 'mark' ? key.family : familyOf(key.address);
  const more = {
    what: `what goes by ${server.forwarding} to real server ${server.address} of ${virtualServer.name}`,
    breaks: HANGS,
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
