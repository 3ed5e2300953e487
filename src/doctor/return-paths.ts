/**
 * Asks the real servers behind nat by which way their answers to clients come: through the service itself, else by a
 * connection to their port, else by ping; each from an address of ours on the side of the clients.
 */
import { portAt, takesPart } from '../balance/entry.ts';
import { familyOf, type IpAddress } from '../model/address.ts';
import type { Config, ConfiguredVirtualServer } from '../model/config.ts';
import { milliseconds } from '../model/units.ts';
import { tryConnection } from './connection.ts';
import { echo } from './echo.ts';
import { type Finding, good, notAsked } from './finding.ts';
import type { Sight } from './host.ts';
import { BUDGET, limitedUntil } from './limited.ts';
import {
  type AskedServer,
  isAskable,
  isDirect,
  type Means,
  onceEach,
  returnPathFinding,
  type Way,
} from './return-path.ts';
import { Places } from './return-place.ts';
import { openSeenReplies, type Reply, type SeenReplies } from './seen-replies.ts';

/** Long enough for a host that has to be woken up, and for a second SYN where the first is lost. */
const PATIENCE = milliseconds(1200);
const AT_ONCE = 100;
/** Connections through one service: each is one of a client's to its real servers. */
const THROUGH_SERVICE = 8;
const THROUGH: Means = 'a connection through the service';
/** Services that are asked so; the real servers of further ones are asked themselves. */
const SERVICES = 64;

type VirtualServer = Config['virtualServers'][number];

/** A service, its virtual addresses, and a real server of it. */
interface Asking {
  readonly virtualServer: VirtualServer;
  readonly vips: readonly IpAddress[];
  readonly server: AskedServer;
}

/** Rejects with SystemError: EPERM without CAP_NET_RAW. */
export async function lookAtReturnPaths(
  config: Pick<Config, 'virtualServers' | 'virtualRouters'>,
  sight: Sight,
): Promise<readonly Finding[]> {
  const places = new Places(
    config.virtualRouters.flatMap(({ addresses }) => addresses.map(({ address }) => address)),
    sight,
  );
  const asked = config.virtualServers.flatMap((virtualServer) => askingsOf(virtualServer, places, sight));
  const useful = asked.filter(({ vips, server }) => isAskable(server, vips));
  const ways: Ways = new Map();
  const deadline = performance.now() + BUDGET;
  for (const [source, askings] of Map.groupBy(useful, ({ server }) => server.source)) {
    if (source === undefined) continue;
    const seen = openSeenReplies(source, linksFor(source, sight));
    try {
      await askThroughServices(askings, source, seen, ways, sight, deadline);
      const rest = onceEach(askings.map(({ server }) => server));
      const open = rest.filter(({ address }) => !ways.has(address));
      await limitedUntil(open, AT_ONCE, deadline, async (server) => {
        ways.set(server.address, { way: await askServer(server, source, seen, sight), port: server.port });
      });
    } finally {
      seen.close();
    }
  }
  const isUnasked = ({ vips, server }: Asking) => isAskable(server, vips) && !ways.has(server.address);
  const unasked = new Set(asked.filter(isUnasked).map(({ server }) => server.address));
  const findings = asked
    .filter(({ server }) => !unasked.has(server.address))
    .map(({ vips, server }) => {
      const { way, port } = ways.get(server.address) ?? { way: { kind: 'silent' } as const, ...server };
      return returnPathFinding({ ...server, port }, vips, way);
    });
  return [...together(findings), ...notAsked(unasked, 'their gateways')];
}

/** How each real server answered, and the port that it was asked at. */
type Ways = Map<IpAddress, { readonly way: Way; readonly port: number | undefined }>;

/** So many that are as they should be are told one by one. */
const MOST_GOOD = 20;

function together(findings: readonly Finding[]): readonly Finding[] {
  const count = findings.filter(({ severity }) => severity === 'good').length;
  if (count <= MOST_GOOD) return findings;
  const others = findings.filter(({ severity }) => severity !== 'good');
  return [...others, good(`${count} real servers behind nat answer by way of this director`)];
}

/** Where an answer may come in: links below others, as those of a bond, have no address of their own. */
const linksFor = (source: IpAddress, { links, addresses }: Sight): Sight['links'] =>
  links.filter(
    ({ index, up, loopback }) =>
      up &&
      !loopback &&
      addresses.some((held) => held.index === index && familyOf(held.prefix.address) === familyOf(source)),
  );

function askingsOf(virtualServer: VirtualServer, places: Places, sight: Sight): readonly Asking[] {
  const { entries, match, realServers } = virtualServer;
  const vips = [
    ...entries.flatMap((entry) => (entry.kind === 'address' ? [entry.address] : [])),
    ...match.map(({ address }) => address),
  ];
  return realServers
    .filter(({ forwarding, address }) => forwarding === 'nat' && !isHere(address, sight))
    .map((server) => ({
      virtualServer,
      vips,
      server: {
        service: virtualServer.name,
        address: server.address,
        port: tcpPortOf(virtualServer, server),
        ...places.of(server.address, vips),
      },
    }));
}

const isHere = (address: IpAddress, { addresses }: Sight): boolean =>
  addresses.some(({ prefix }) => prefix.address === address);

function tcpPortOf(
  virtualServer: ConfiguredVirtualServer,
  server: VirtualServer['realServers'][number],
): number | undefined {
  const key = virtualServer.entries.find(
    (entry) => takesPart(virtualServer, entry, server) && (entry.kind === 'mark' || entry.protocol === 'tcp'),
  );
  return key && (portAt(key, server) || undefined);
}

/** Some connections through each service, as clients make them: whichever real servers get them are seen to answer. */
async function askThroughServices(
  askings: readonly Asking[],
  source: IpAddress,
  seen: SeenReplies,
  ways: Ways,
  sight: Sight,
  deadline: number,
): Promise<void> {
  const services = [...Map.groupBy(askings, ({ virtualServer }) => virtualServer)].slice(0, SERVICES);
  await limitedUntil(services, THROUGH_SERVICE, deadline, async ([{ entries }, ofService]) => {
    const entry = entries.find(
      (each) =>
        each.kind === 'address' &&
        each.protocol === 'tcp' &&
        each.port !== 0 &&
        familyOf(each.address) === familyOf(source) &&
        isHere(each.address, sight),
    );
    if (entry?.kind !== 'address') return;
    // Weights and other clients share them out unevenly.
    const count = Math.min(2 * ofService.length, THROUGH_SERVICE);
    const all = () => ofService.every(({ server }) => wayOf(server, THROUGH, seen) !== undefined);
    await Promise.all(
      Array.from({ length: count }, () => tryConnection(entry.address, entry.port, source, PATIENCE, all)),
    );
    for (const { server } of ofService) note(server, THROUGH, seen, ways);
  });
}

function note(server: AskedServer, by: Means, seen: SeenReplies, ways: Ways): void {
  const way = wayOf(server, by, seen);
  if (way !== undefined && !ways.has(server.address)) ways.set(server.address, { way, port: server.port });
}

/** The direct way where one of the answers took it: links one above the other both see it. */
function wayOf(server: AskedServer, by: Means, seen: SeenReplies): Way | undefined {
  if (server.port === undefined) return undefined;
  const replies = seen.of(server.address, server.port);
  const reply = replies.find((each) => isDirect(server, each)) ?? replies[0];
  return reply && { kind: 'seen', by, reply };
}

async function askServer(
  server: AskedServer,
  source: IpAddress,
  seen: SeenReplies,
  sight: Sight,
): Promise<Way> {
  const { address, port, network } = server;
  // From beside it as well, which tells one that is down from one whose answers are lost.
  const near = network?.address ?? source;
  if (port !== undefined) {
    const answered = () => wayOf(server, 'a connection to its port', seen) !== undefined;
    const [, beside] = await Promise.all(
      [source, near].map((from) => tryConnection(address, port, from, PATIENCE, answered)),
    );
    const way = wayOf(server, 'a connection to its port', seen);
    if (way !== undefined) return way;
    if (beside !== 'silent') return { kind: 'lost', by: 'a connection to its port' };
  }
  const [reply, beside] = await Promise.all([source, near].map((from) => ping(server, from, sight)));
  if (reply !== undefined) return { kind: 'seen', by: 'ping', reply };
  return beside === undefined ? { kind: 'silent' } : { kind: 'lost', by: 'ping' };
}

async function ping(
  { address, links: [into] }: AskedServer,
  source: IpAddress,
  sight: Sight,
): Promise<Reply | undefined> {
  const by = sight.links.find(({ name }) => name === into);
  const links = linksFor(source, sight);
  return by && (await echo(address, source, by, links, PATIENCE));
}
