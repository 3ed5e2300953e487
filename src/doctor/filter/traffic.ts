/** What must get through the packet filters of a director and of a real server. Pure. */
import { portAt, takesPart } from '../../balance/entry.ts';
import { type Family, familyOf, type IpAddress } from '../../model/address.ts';
import type { Config } from '../../model/config.ts';
import { outerFamily, type RealServerRole } from '../../prepare/real-server.ts';
import { type Finding, good, problem, warning } from '../finding.ts';
import { type Hook, type Probe, type Ruleset, verdictOf } from './ruleset.ts';

export interface Passage {
  readonly probe: Probe;
  /** `adverts of other directors on eth0`. */
  readonly what: string;
  /** What goes wrong when they are dropped. */
  readonly breaks: string;
  /** The nftables rule that would let them through, without its chain. */
  readonly rule: string;
}

const ANYWHERE = {
  link: undefined,
  source: undefined,
  destination: undefined,
  sourcePort: undefined,
  destinationPort: undefined,
} as const;

export const directorPassages = (
  config: Pick<Config, 'virtualRouters' | 'virtualServers'>,
): readonly Passage[] => [...adverts(config), ...clients(config), ...replies(config)];

function adverts({ virtualRouters }: Pick<Config, 'virtualRouters'>): readonly Passage[] {
  const ways = virtualRouters.flatMap((router) =>
    router.heartbeat.map(({ interface: link, transport, port }) => ({
      link,
      port: transport === 'udp' ? port : undefined,
      family: familyOf(router.addresses[0]?.address ?? ('0.0.0.0' as IpAddress)),
    })),
  );
  const distinct = [...new Map(ways.map((way) => [JSON.stringify(way), way])).values()];
  return distinct.flatMap(({ link, family, port }) =>
    (['prerouting', 'input'] as const).map((hook) => ({
      probe: {
        ...ANYWHERE,
        family,
        hook,
        link,
        protocol: port === undefined ? 'vrrp' : 'udp',
        destinationPort: port,
      },
      what: `adverts of other directors on ${link}`,
      breaks: 'this director does not hear the others: two become active at once',
      rule: `iifname "${link}" ${port === undefined ? 'meta l4proto 112' : `udp dport ${port}`} accept`,
    })),
  );
}

/** IPVS takes packets at the end of INPUT: everything before it must let them come so far. */
function clients({ virtualServers }: Pick<Config, 'virtualServers'>): readonly Passage[] {
  return virtualServers.flatMap(({ entries, name }) =>
    entries.flatMap((key) => {
      if (key.kind === 'mark') return [];
      const { address, protocol, port } = key;
      const family = familyOf(address);
      const rule = `${family === 'ipv4' ? 'ip' : 'ip6'} daddr ${address} ${protocol}${port === 0 ? '' : ` dport ${port}`} accept`;
      return (['prerouting', 'input'] as const).map((hook) => ({
        probe: {
          ...ANYWHERE,
          family,
          hook,
          protocol,
          destination: address,
          destinationPort: port || undefined,
        },
        what: `clients of ${name} (${protocol} ${address}${port === 0 ? '' : ` port ${port}`})`,
        breaks: 'clients are turned away before IPVS sees them',
        rule,
      }));
    }),
  );
}

/** Under nat and fullnat the replies come back to be forwarded. */
function replies({ virtualServers }: Pick<Config, 'virtualServers'>): readonly Passage[] {
  return virtualServers.flatMap((virtualServer) =>
    virtualServer.realServers
      .filter(({ forwarding }) => forwarding === 'nat' || forwarding === 'fullnat')
      .flatMap((server) => {
        const key = virtualServer.entries.find((entry) => takesPart(virtualServer, entry, server));
        if (key === undefined) return [];
        const family = familyOf(server.address);
        const protocol = key.kind === 'mark' ? 'tcp' : key.protocol;
        const hook: Hook = 'forward';
        const port = portAt(key, server) || undefined;
        return [
          {
            probe: { ...ANYWHERE, family, hook, protocol, source: server.address, sourcePort: port },
            what: `replies of real server ${server.address} of ${virtualServer.name}`,
            breaks: 'clients never get an answer',
            rule: `${family === 'ipv4' ? 'ip' : 'ip6'} saddr ${server.address} accept`,
          },
        ];
      }),
  );
}

/** What is inside of a tunnel, as a protocol of linux/in.h. */
const WRAPPED: Readonly<Record<Family, string>> = { ipv4: 'ipip', ipv6: 'ipv6' };

export function realServerPassages(role: RealServerRole): readonly Passage[] {
  const { vips, forwarding } = role;
  const arrivals = vips.map((vip): Passage => {
    const family = familyOf(vip);
    return {
      probe: { ...ANYWHERE, family, hook: 'input', protocol: 'tcp', destination: vip },
      what: `clients of the VIP ${vip}`,
      breaks: 'clients that the director sends here get no answer',
      rule: `${family === 'ipv4' ? 'ip' : 'ip6'} daddr ${vip} accept`,
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
      probe: { ...ANYWHERE, family, hook: 'input', protocol },
      what: `packets of the director's tunnel (${protocol})`,
      breaks: 'nothing comes out of the tunnel',
      rule: `meta l4proto ${protocol} accept`,
    }),
  );
  return [...wrapped, ...arrivals];
}

/** One finding for what is, or may be, dropped, and one for all that gets through. */
export function passageFindings(ruleset: Ruleset, passages: readonly Passage[]): readonly Finding[] {
  const found = passages.flatMap(({ probe, what, breaks, rule }) => {
    const { verdict, by } = verdictOf(ruleset, probe);
    if (verdict === 'accept') return [];
    const mend = `let them through before that: nft insert rule … ${rule}`;
    return [
      verdict === 'drop'
        ? problem(`${what}: dropped by ${by}`, breaks, mend)
        : warning(`${what}: perhaps dropped by ${by}`, breaks, mend),
    ];
  });
  if (found.length > 0 || passages.length === 0) return found;
  return [good('packet filters let adverts, clients and replies through')];
}
