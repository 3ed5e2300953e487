/** What must get through the packet filters of a director and of a real server. Pure. */
import { portAt, takesPart } from '../../balance/entry.ts';
import { familyOf } from '../../model/address.ts';
import type { Config } from '../../model/config.ts';
import { outerFamily } from '../../prepare/real-server.ts';
import type { ExaminedRole } from '../by-hand.ts';
import { type Finding, good, problem, warning } from '../finding.ts';
import { answers, dispatched, ownAdverts } from './leaving.ts';
import { passCommand } from './mend.ts';
import { advertWays, askedOf, type Configured, isTracked, type Passage, WRAPPED } from './passage.ts';
import { ANYWHERE, type Hook, type Probe, type Ruleset, verdictOf } from './ruleset.ts';

export const directorPassages = (config: Configured): readonly Passage[] => [
  ...adverts(config),
  ...clients(config),
  ...replies(config),
  ...ownAdverts(config),
  ...dispatched(config),
];

/** Where a packet of the network is dropped before it has arrived. */
const ARRIVAL: readonly Hook[] = ['prerouting', 'input'];

function adverts(config: Pick<Config, 'virtualRouters'>): readonly Passage[] {
  return advertWays(config).flatMap((way) =>
    ARRIVAL.map((hook) => ({
      probe: { ...way, hook },
      unnamed: 'destination' as const,
      what: `adverts of other directors on ${way.link}`,
      breaks: 'this director does not hear the others: two become active at once',
    })),
  );
}

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
  const tracked = isTracked({ virtualServers, ipvs });
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

export function realServerPassages(role: ExaminedRole): readonly Passage[] {
  const { vips, forwarding } = role;
  const arrivals = vips.flatMap((vip) =>
    ARRIVAL.map((hook): Passage => {
      const family = familyOf(vip);
      return {
        probe: { ...ANYWHERE, family, hook, protocol: 'tcp', destination: vip, state: 'new' },
        what: `clients of the VIP ${vip}`,
        breaks: 'clients that the director sends here get no answer',
      };
    }),
  );
  const passages = [...arrivals, ...answers(vips)];
  if (forwarding === 'dr') return passages;
  const outside = new Map(
    vips.map((vip) => {
      const isGre = role.byHand?.end?.includes('gre') === true;
      const protocol = isGre ? 'gre' : WRAPPED[familyOf(vip)];
      const way = { family: outerFamily(role, vip), protocol };
      return [`${way.family} ${way.protocol}`, way];
    }),
  );
  const wrapped = [...outside.values()].flatMap(({ family, protocol }) =>
    ARRIVAL.map(
      (hook): Passage => ({
        probe: { ...ANYWHERE, family, hook, protocol, state: 'new' },
        what: `packets of the director's tunnel (${protocol})`,
        breaks: 'nothing comes out of the tunnel',
      }),
    ),
  );
  return [...wrapped, ...passages];
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
