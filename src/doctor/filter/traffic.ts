/** What must get through the packet filters of a director and of a real server. Pure. */
import { portAt, takesPart } from '../../balance/entry.ts';
import { familyOf, type IpAddress } from '../../model/address.ts';
import type { Config } from '../../model/config.ts';
import { outerFamily, realServerNeeds } from '../../prepare/real-server.ts';
import type { ExaminedRole } from '../by-hand.ts';
import { type Finding, good, problem, warning } from '../finding.ts';
import { answers, dispatched, ownAdverts } from './leaving.ts';
import { passCommand } from './mend.ts';
import {
  advertWays,
  askedOf,
  type Configured,
  isTracked,
  type Passage,
  type Ways,
  WRAPPED,
} from './passage.ts';
import { ACCEPT, ANYWHERE, type Hook, type Probe, type Ruleset, type Verdict, verdictOf } from './ruleset.ts';

export const directorPassages = (config: Configured, ways: Ways): readonly Passage[] => [
  ...adverts(config),
  ...clients(config),
  ...replies(config, ways),
  ...ownAdverts(config),
  ...dispatched(config, ways),
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
function replies({ virtualServers, ipvs }: Configured, ways: Ways): readonly Passage[] {
  const tracked = isTracked({ virtualServers, ipvs });
  return virtualServers.flatMap((virtualServer) => {
    const vips = askedOf(virtualServer).map(({ address }) => address);
    return virtualServer.realServers
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
          link: ways.to(server.address),
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
            unnamed: 'link' as const,
            leavesBy: ways.toClients(
              server.address,
              vips.filter((vip) => familyOf(vip) === familyOf(server.address)),
            ),
          },
        ];
      });
  });
}

/**
 * Without net.ipv4.vs.conntrack IPVS takes its connections out of connection tracking: the reply to a TCP or SCTP
 * handshake is then one to nothing, and rules that drop what is invalid drop it.
 */
function replyState(protocol: string, tracked: boolean): Probe['state'] {
  if (tracked) return 'established';
  return protocol === 'udp' ? 'new' : 'invalid';
}

export function realServerPassages(role: ExaminedRole, ways: Ways): readonly Passage[] {
  const { vips, forwarding } = role;
  const arrivals = vips.flatMap((vip) =>
    ARRIVAL.map((hook): Passage => {
      const family = familyOf(vip);
      const link = forwarding === 'dr' ? ways.only : endOf(role, vip);
      return {
        probe: { ...ANYWHERE, family, hook, link, protocol: 'tcp', destination: vip, state: 'new' },
        what: `clients of the VIP ${vip}`,
        breaks: 'clients that the director sends here get no answer',
        unnamed: 'link',
      };
    }),
  );
  const passages = [...arrivals, ...answers(vips, ways)];
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
        probe: { ...ANYWHERE, family, hook, link: ways.only, protocol, state: 'new' },
        what: `packets of the director's tunnel (${protocol})`,
        breaks: 'nothing comes out of the tunnel',
        unnamed: 'link',
      }),
    ),
  );
  return [...wrapped, ...passages];
}

/** Where what comes out of the tunnel comes in. */
const endOf = (role: ExaminedRole, vip: IpAddress): string | undefined =>
  role.byHand?.end ??
  realServerNeeds([{ ...role, vips: [vip] }], { links: [], filter: '0' }).addresses[0]?.device;

/** One finding for what is, or may be, dropped, and one for all that gets through. */
export function passageFindings(ruleset: Ruleset, passages: readonly Passage[]): readonly Finding[] {
  const found = passages.flatMap(({ probe, what, breaks, unnamed, leavesBy = [] }) => {
    const { verdict, by, chain } = verdictOnAll(ruleset, probe, leavesBy);
    if (chain === undefined) return [];
    const command = passCommand(chain, unnamed === undefined ? probe : { ...probe, [unnamed]: undefined });
    const mend = `${command}; and in the file that makes these rules, so that it lasts`;
    const finding =
      verdict === 'drop'
        ? problem(`${what}: dropped by ${by}`, breaks, mend)
        : warning(`${what}: perhaps dropped by ${by}`, breaks, mend);
    return [{ ...finding, cause: by }];
  });
  if (found.length > 0 || passages.length === 0) return found;
  return [good('packet filters let adverts, clients and replies through')];
}

/** Where it leaves by several links, and not all of them drop it, one that does is told as unsure. */
function verdictOnAll(ruleset: Ruleset, probe: Probe, links: readonly string[]): Verdict {
  if (links.length === 0) return verdictOf(ruleset, probe);
  const verdicts = links.map((link) =>
    verdictOf(ruleset, probe.hook === 'forward' ? { ...probe, out: link } : { ...probe, link }),
  );
  const [first, ...others] = verdicts.filter(({ verdict }) => verdict !== 'accept');
  if (first === undefined) return ACCEPT;
  const isCertain = others.length === links.length - 1 && [first, ...others].every(isDropped);
  return isCertain ? first : { ...first, verdict: 'unsure' };
}

const isDropped = ({ verdict }: Verdict): boolean => verdict === 'drop';
