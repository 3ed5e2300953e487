/** Whether the replies of a real server behind nat come back by way of this director. Pure. */
import {
  familyOf,
  formatPrefix,
  type IpAddress,
  isWithin,
  networkOf,
  type Prefix,
} from '../model/address.ts';
import { type Finding, good, problem, unknown, warning } from './finding.ts';
import type { Reply } from './seen-replies.ts';

/** A real server behind nat, as it is asked from an address of the client's side. */
export interface AskedServer {
  readonly service: string;
  readonly address: IpAddress;
  /** Where it serves TCP; undefined: another protocol, or the port is the client's choice. */
  readonly port: number | undefined;
  /** Ours, outside the real server's own network: its answer must take the way of a client's. */
  readonly source: IpAddress | undefined;
  /** Our network with the real server; undefined: it is not on one of our links. */
  readonly network: Prefix | undefined;
  /** Our links into that network, then others that are not on the side of the clients: it may have several networks. */
  readonly links: readonly string[];
  /** Virtual addresses of the file in that network: real servers have one of them as their gateway. */
  readonly floating: readonly { readonly address: IpAddress; readonly here: boolean }[];
}

/** What was asked with. */
export type Means = 'a connection through the service' | 'a connection to its port' | 'ping';

/** How the real server answered `source`. */
export type Way =
  | { readonly kind: 'seen'; readonly by: Means; readonly reply: Reply }
  /** It answers an address in its own network, but not `source`. */
  | { readonly kind: 'lost'; readonly by: Means }
  /** It answers neither. */
  | { readonly kind: 'silent' };

/** What hosts start with; each router on the way takes one off. */
const INITIAL_TTLS = [64, 128, 255];

export const isDirect = ({ links }: Pick<AskedServer, 'links'>, { link, ttl }: Reply): boolean =>
  links.includes(link) && INITIAL_TTLS.includes(ttl);

/** Whether asking would tell anything at all; where not, `returnPathFinding` says why. */
export const isAskable = (server: AskedServer, vips: readonly IpAddress[]): boolean =>
  sharedVip(server, vips) === undefined &&
  server.network !== undefined &&
  server.source !== undefined &&
  !floatsElsewhere(server);

/**
 * One question to each host: behind many services, on many ports, it has one gateway. By TCP where one of them has a
 * port, since a packet filter lets what is served pass rather than a ping.
 */
export function onceEach(servers: readonly AskedServer[]): readonly AskedServer[] {
  const byAddress = new Map<IpAddress, AskedServer>();
  for (const server of servers)
    if (byAddress.get(server.address)?.port === undefined) byAddress.set(server.address, server);
  return [...byAddress.values()];
}

/** `vips`: of the service. */
export function returnPathFinding(server: AskedServer, vips: readonly IpAddress[], way: Way): Finding {
  const { network, source } = server;
  const name = `${server.service}: real server ${server.address}`;
  const shared = sharedVip(server, vips);
  if (shared !== undefined && network !== undefined) {
    return warning(
      `${name} is in the network of the virtual address ${shared}`,
      'it answers clients of that network directly, past the director, and they drop that',
      `on the real server: no route of its own to ${formatPrefix(networkOf(network))} but by this director; or forwarding: dr or fullnat`,
    );
  }
  if (network === undefined || source === undefined) {
    return unknown(
      `${name}: its gateway`,
      network === undefined
        ? 'it is not on a link of this director, which is one hop of several'
        : 'this director has no address on the side of the clients to ask from',
    );
  }
  if (floatsElsewhere(server)) {
    return unknown(
      `${name}: its gateway`,
      `${server.floating.map((each) => each.address).join(', ')}, by which it answers, is not here now`,
      'vipward doctor on the active director',
    );
  }
  return wayFinding(name, { ...server, network, source }, way);
}

/** Of one that was asked, called `name`. */
function wayFinding(
  name: string,
  server: AskedServer & { readonly network: Prefix; readonly source: IpAddress },
  way: Way,
): Finding {
  const { network, source, port } = server;
  const breaks =
    'replies to clients do not pass the director, which alone can masquerade them: clients get no answer';
  const mend = `on the real server: ip route replace default via ${gateway(server, network)}; or forwarding: fullnat`;
  switch (way.kind) {
    case 'silent':
      return unknown(
        `${name}: its gateway`,
        `it answers nothing: neither ping${port === undefined ? '' : ` nor port ${port}`}, asked from ${source} and from ${network.address}`,
        port === undefined ? 'is it up?' : `is it up? on the real server: ss -ltn 'sport = :${port}'`,
      );
    case 'lost':
      return problem(
        `${name} answers ${network.address}, which is beside it, but its answers to ${source} do not come back here (asked by ${way.by})`,
        breaks,
        mend,
      );
    case 'seen':
      return isDirect(server, way.reply)
        ? good(`${name} answers by way of this director (seen by ${way.by})`)
        : problem(
            `${name} answers by way of another router (over ${way.reply.link}, hop limit ${way.reply.ttl}; seen by ${way.by})`,
            breaks,
            mend,
          );
    default:
      return way satisfies never;
  }
}

const sharedVip = ({ network }: AskedServer, vips: readonly IpAddress[]): IpAddress | undefined =>
  network && vips.find((vip) => familyOf(vip) === familyOf(network.address) && isWithin(vip, network));

const floatsElsewhere = ({ floating }: AskedServer): boolean =>
  floating.length > 0 && !floating.some(({ here }) => here);

/** What floats between the directors, else ours in the real server's network. */
const gateway = ({ floating }: AskedServer, { address }: Prefix): string => floating[0]?.address ?? address;
