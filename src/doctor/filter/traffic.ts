/** What must get through the packet filters of a director and of a real server. Pure. */
import { portAt, takesPart } from '../../balance/entry.ts';
import { type Family, familyOf, type IpAddress } from '../../model/address.ts';
import type { Config, ConfiguredVirtualServer } from '../../model/config.ts';
import type { Protocol } from '../../model/virtual-server.ts';
import { outerFamily, type RealServerRole } from '../../prepare/real-server.ts';
import { type Finding, good, problem, warning } from '../finding.ts';
import { passCommand } from './mend.ts';
import { ANYWHERE, type Hook, type Probe, type Ruleset, verdictOf } from './ruleset.ts';

export interface Passage {
  readonly probe: Probe;
  /** `adverts of other directors on eth0`. */
  readonly what: string;
  /** What goes wrong when they are dropped. */
  readonly breaks: string;
  /** What lets them through need not name: the link, as they may come by others as well, or where they go to. */
  readonly unnamed?: 'link' | 'destination';
}

type Configured = Pick<Config, 'virtualRouters' | 'virtualServers'> & {
  readonly ipvs: Pick<Config['ipvs'], 'sysctl'>;
};

export const directorPassages = (config: Configured): readonly Passage[] => [
  ...adverts(config),
  ...clients(config),
  ...replies(config),
];

/** Where a packet of the network is dropped before it has arrived. */
const ARRIVAL: readonly Hook[] = ['prerouting', 'input'];

/** RFC 9568 sections 5.1.1.2 and 5.1.2.2. */
const VRRP_GROUP: Readonly<Record<Family, IpAddress>> = {
  ipv4: '224.0.0.18' as IpAddress,
  ipv6: 'ff02::12' as IpAddress,
};

function adverts({ virtualRouters }: Pick<Config, 'virtualRouters'>): readonly Passage[] {
  const ways = virtualRouters.flatMap((router) =>
    router.heartbeat.map(({ interface: link, transport, port, peers }) => ({
      link,
      port: transport === 'udp' ? port : undefined,
      family: familyOf(router.addresses[0]?.address ?? ('0.0.0.0' as IpAddress)),
      // Nobody answers to a multicast; to what comes from a peer we have sent something ourselves.
      multicast: peers.length === 0,
    })),
  );
  const distinct = [...new Map(ways.map((way) => [JSON.stringify(way), way])).values()];
  return distinct.flatMap(({ link, family, port, multicast }) =>
    ARRIVAL.map((hook) => ({
      probe: {
        ...ANYWHERE,
        family,
        hook,
        link,
        protocol: port === undefined ? 'vrrp' : 'udp',
        destinationPort: port,
        destination: multicast ? VRRP_GROUP[family] : undefined,
        state: multicast ? ('new' as const) : undefined,
      },
      unnamed: 'destination' as const,
      what: `adverts of other directors on ${link}`,
      breaks: 'this director does not hear the others: two become active at once',
    })),
  );
}

/** What clients ask for; port 0: whichever. */
interface Asked {
  readonly address: IpAddress;
  readonly protocol: Protocol;
  readonly port: number;
}

/** Of a mark that vipward sets itself, the first port of each range stands for it. */
const askedOf = ({ entries, match }: ConfiguredVirtualServer): readonly Asked[] => [
  ...entries.flatMap((key) => (key.kind === 'address' ? [key] : [])),
  ...match.flatMap(({ address, protocol, ports }) =>
    (ports.length === 0 ? [0] : ports.map(({ from }) => from)).map((port) => ({ address, protocol, port })),
  ),
];

/** IPVS takes packets at the end of INPUT: everything before it must let them come so far. */
function clients({ virtualServers, virtualRouters }: Configured): readonly Passage[] {
  const links = new Map(
    virtualRouters.flatMap(({ interface: link, vmac, addresses }) =>
      addresses.map(({ address, device }) => [address, device ?? vmac?.device ?? link]),
    ),
  );
  return virtualServers.flatMap((virtualServer) =>
    askedOf(virtualServer).flatMap(({ address, protocol, port }) =>
      ARRIVAL.map((hook) => ({
        probe: {
          ...ANYWHERE,
          family: familyOf(address),
          hook,
          link: links.get(address),
          protocol,
          destination: address,
          destinationPort: port || undefined,
          state: 'new' as const,
        },
        what: `clients of ${virtualServer.name} (${protocol} ${address}${port === 0 ? '' : ` port ${port}`})`,
        breaks: 'clients are turned away before IPVS sees them',
        unnamed: 'link' as const,
      })),
    ),
  );
}

/** Under nat and fullnat the replies come back to be forwarded. */
function replies({ virtualServers, ipvs }: Configured): readonly Passage[] {
  const tracked =
    ipvs.sysctl.conntrack === '1' ||
    virtualServers.some(({ realServers }) => realServers.some((server) => server.forwarding === 'fullnat'));
  return virtualServers.flatMap((virtualServer) =>
    virtualServer.realServers
      .filter(({ forwarding }) => forwarding === 'nat' || forwarding === 'fullnat')
      .flatMap((server) => {
        const key = virtualServer.entries.find((entry) => takesPart(virtualServer, entry, server));
        if (key === undefined) return [];
        const protocol = key.kind === 'mark' ? 'tcp' : key.protocol;
        const sourcePort = portAt(key, server) || undefined;
        const probe: Probe = {
          ...ANYWHERE,
          family: familyOf(server.address),
          hook: 'forward',
          protocol,
          source: server.address,
          sourcePort,
          state: replyState(protocol, tracked),
        };
        const untold = tracked ? '' : ' (connection tracking does not know them: net.ipv4.vs.conntrack)';
        return [
          {
            probe,
            what: `replies of real server ${server.address} of ${virtualServer.name}${untold}`,
            breaks: 'clients never get an answer',
          },
        ];
      }),
  );
}

/**
 * Without net.ipv4.vs.conntrack IPVS takes its connections out of connection tracking: the reply to a TCP or SCTP
 * handshake is then one to nothing, and rules that drop what is invalid drop it.
 */
function replyState(protocol: string, tracked: boolean): Probe['state'] {
  if (tracked) return 'established';
  return protocol === 'udp' ? 'new' : 'invalid';
}

/** What is inside of a tunnel, as a protocol of linux/in.h. */
const WRAPPED: Readonly<Record<Family, string>> = { ipv4: 'ipip', ipv6: 'ipv6' };

export function realServerPassages(role: RealServerRole): readonly Passage[] {
  const { vips, forwarding } = role;
  const arrivals = vips.map((vip): Passage => {
    const family = familyOf(vip);
    return {
      probe: { ...ANYWHERE, family, hook: 'input', protocol: 'tcp', destination: vip, state: 'new' },
      what: `clients of the VIP ${vip}`,
      breaks: 'clients that the director sends here get no answer',
    };
  });
  if (forwarding === 'dr') return arrivals;
  const outside = new Map(
    vips.map((vip) => {
      const way = { family: outerFamily(role, vip), protocol: WRAPPED[familyOf(vip)] };
      return [`${way.family} ${way.protocol}`, way];
    }),
  );
  const wrapped = [...outside.values()].map(
    ({ family, protocol }): Passage => ({
      probe: { ...ANYWHERE, family, hook: 'input', protocol, state: 'new' },
      what: `packets of the director's tunnel (${protocol})`,
      breaks: 'nothing comes out of the tunnel',
    }),
  );
  return [...wrapped, ...arrivals];
}

/** One finding for what is, or may be, dropped, and one for all that gets through. */
export function passageFindings(ruleset: Ruleset, passages: readonly Passage[]): readonly Finding[] {
  const found = passages.flatMap(({ probe, what, breaks, unnamed }) => {
    const { verdict, by, chain } = verdictOf(ruleset, probe);
    if (chain === undefined) return [];
    const command = passCommand(chain, unnamed === undefined ? probe : { ...probe, [unnamed]: undefined });
    const mend = `${command}; and in the file that makes these rules, so that it lasts`;
    return [
      verdict === 'drop'
        ? problem(`${what}: dropped by ${by}`, breaks, mend)
        : warning(`${what}: perhaps dropped by ${by}`, breaks, mend),
    ];
  });
  if (found.length > 0 || passages.length === 0) return found;
  return [good('packet filters let adverts, clients and replies through')];
}
