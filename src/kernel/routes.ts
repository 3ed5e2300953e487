import type { Family } from '../model/address.ts';
import type { NextHop, RouteSpec } from '../model/routes.ts';
import { NLM_F } from '../netlink/message.ts';
import {
  decodeLink,
  encodeLinkDump,
  encodeLinkQuery,
  RTM_GETLINK,
  RTM_NEWLINK,
} from '../netlink/route/link.ts';
import { RTPROT_VIPWARD } from '../netlink/route/numbers.ts';
import {
  decodeRoute,
  encodeRoute,
  encodeRouteDump,
  type RouteEntry,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
} from '../netlink/route/route.ts';
import { ERRNO } from '../sys/errors.ts';
import { NETLINK_ROUTE, openNetlinkSocket } from '../sys/netlink-socket.ts';
import { type Attempt, isKernelError, KernelError } from './kernel-error.ts';
import { type Refusal, refusalsOf } from './refusal.ts';
import { type NetlinkRequest, NetlinkRequester, type NetlinkTransport } from './request.ts';
import { isRoute, isSameDestination, placeOf, routeText } from './route-text.ts';

export { RTPROT_VIPWARD } from '../netlink/route/numbers.ts';
export type { Refusal } from './refusal.ts';
export { isRoute, routeText } from './route-text.ts';

/** A route that the kernel holds. */
export interface InstalledRoute extends RouteSpec {
  /** RTPROT_*: who made it. */
  readonly protocol: number;
}

export interface RouteFilter {
  readonly family?: Family;
  /** RTPROT_*: only those that it made. */
  readonly protocol?: number;
}

/**
 * The routes of this network namespace. Those that are put are marked as ours (`proto 112`), and only such are ever
 * replaced or removed. Many are put or removed with one system call, and one that is refused stops no other. Links are
 * named, and their indexes looked up at each call: a link may have come back under another.
 *
 * Linux takes routes away with the link, the gateway's network or the source address that they need, for IPv4 without
 * any notice. So put them again after a change of the link or of its addresses: for those still there it does nothing.
 */
export interface Routes {
  /** Throws KernelError or KernelAnswerError. */
  list(filter?: RouteFilter): readonly InstalledRoute[];
  /** What we have put, or a process of ours before this one. Throws KernelError or KernelAnswerError. */
  listOwn(): readonly InstalledRoute[];
  /**
   * Adds the routes that are not there; those that are stay as they are. An IPv4 route goes before one of somebody
   * else's to the same destination with the same metric, which is in force again when ours is removed. Of IPv6 routes
   * the kernel keeps no two such apart: refused with EEXIST, unless the other is ours and is replaced.
   */
  put(specs: readonly RouteSpec[]): readonly Refusal<RouteSpec>[];
  /** Removes those of ours, the last one first; one that is not there, or whose link is not, is gone. */
  remove(specs: readonly RouteSpec[]): readonly Refusal<RouteSpec>[];
  close(): void;
}

/** Throws SystemError. */
export function openRoutes(socket: NetlinkTransport = openNetlinkSocket(NETLINK_ROUTE)): Routes {
  const netlink = new NetlinkRequester(socket);
  const list = (filter: RouteFilter = {}) => listRoutes(netlink, filter);
  const listOwn = () => list({ protocol: RTPROT_VIPWARD });
  // IPv6 routes that were put, by their places: to look them up anew would mean to walk all routes, of which there may be
  // 200,000.
  const known = new Map<string, string>();
  return {
    list,
    listOwn,
    put(specs) {
      const answered = change(netlink, specs, putRequest);
      const doubtful = answered.filter(({ spec, error }) => !isKnown(known, spec, error));
      const refused = doubtful.length === 0 ? [] : settle(netlink, doubtful, listOwn);
      const bad = new Set(refused.map(({ spec }) => spec));
      for (const spec of specs)
        if (spec.family === 'ipv6' && !bad.has(spec)) known.set(placeOf(spec), keyOf(spec));
      return refused;
    },
    remove(specs) {
      for (const spec of specs) known.delete(placeOf(spec));
      return change(
        netlink,
        specs.toReversed(),
        removeRequest,
        ...['ESRCH', 'ENODEV', 'ENETDOWN', 'ENETUNREACH'],
      );
    },
    close: () => netlink.close(),
  };
}

const keyOf = (spec: RouteSpec): string => JSON.stringify(spec);

/** What the kernel says is there, and we have put it and not removed it since. */
const isKnown = (known: ReadonlyMap<string, string>, spec: RouteSpec, error: Error): boolean =>
  isKernelError(error, 'EEXIST') && known.get(placeOf(spec)) === keyOf(spec);

type ToRequest = (spec: RouteSpec, entry: RouteEntry) => NetlinkRequest;

/** A spec whose link does not exist is refused with ENODEV before the kernel is asked. */
function change(
  netlink: NetlinkRequester,
  specs: readonly RouteSpec[],
  toRequest: ToRequest,
  ...harmless: readonly string[]
): readonly Refusal<RouteSpec>[] {
  const indexes = new Map<string, number | undefined>();
  const refused: Refusal<RouteSpec>[] = [];
  const asked: RouteSpec[] = [];
  const requests: NetlinkRequest[] = [];
  for (const spec of specs) {
    const entry = resolve(netlink, spec, indexes);
    if (typeof entry !== 'string') {
      asked.push(spec);
      requests.push(toRequest(spec, entry));
      continue;
    }
    const error = new KernelError(naming('use', spec), ERRNO.ENODEV, undefined, `there is no link ${entry}`);
    if (!harmless.includes('ENODEV')) refused.push({ spec, error });
  }
  return [...refused, ...refusalsOf(asked, netlink.batch(requests), ...harmless)];
}

/** What to make of EEXIST: it is there as wanted; or it is ours and outdated, and is replaced; or it is another's. */
function settle(
  netlink: NetlinkRequester,
  refused: readonly Refusal<RouteSpec>[],
  listOwn: () => readonly InstalledRoute[],
): readonly Refusal<RouteSpec>[] {
  const isThere = ({ error }: Refusal<RouteSpec>) => isKernelError(error, 'EEXIST');
  const others = refused.filter((refusal) => !isThere(refusal));
  // For IPv4 the kernel says so only of the very same route, which is then ours.
  const doubtful = refused.filter((refusal) => isThere(refusal) && refusal.spec.family === 'ipv6');
  if (doubtful.length === 0) return others;
  const own = listOwn().filter(({ family }) => family === 'ipv6');
  const outdated: RouteSpec[] = [];
  const foreign: Refusal<RouteSpec>[] = [];
  for (const refusal of doubtful) {
    const { spec } = refusal;
    if (own.some((held) => isRoute(held, spec))) continue;
    if (own.some((held) => isSameDestination(held, spec))) outdated.push(spec);
    else foreign.push({ spec, error: explain(refusal) });
  }
  return [...others, ...foreign, ...change(netlink, outdated, replaceRequest)];
}

const explain = ({ spec, error }: Refusal<RouteSpec>): Error =>
  error instanceof KernelError
    ? new KernelError(
        naming('put', spec),
        error.errno,
        error.kernelText,
        'somebody else has a route there: give this one a metric of its own, lower to go before it',
      )
    : error;

/** The name of a link that does not exist, where there is one. */
function resolve(
  netlink: NetlinkRequester,
  spec: RouteSpec,
  indexes: Map<string, number | undefined>,
): RouteEntry | string {
  const nextHops = [];
  for (const { device, ...hop } of spec.nextHops) {
    if (device === undefined) {
      nextHops.push(hop);
      continue;
    }
    if (!indexes.has(device)) indexes.set(device, indexOf(netlink, device));
    const index = indexes.get(device);
    if (index === undefined) return device;
    nextHops.push({ ...hop, index });
  }
  return { ...spec, nextHops, protocol: RTPROT_VIPWARD };
}

function indexOf(netlink: NetlinkRequester, name: string): number | undefined {
  try {
    const answers = netlink.request({
      attempt: { operation: 'find', object: `link ${name}` },
      type: RTM_GETLINK,
      payload: encodeLinkQuery(name),
    });
    const link = answers.map(({ payload }) => decodeLink(payload)).find((each) => each && 'index' in each);
    return link && 'index' in link ? link.index : undefined;
  } catch (error) {
    // ERANGE, EINVAL: a name that no link can have.
    if (isKernelError(error, 'ENODEV', 'ERANGE', 'EINVAL')) return undefined;
    throw error;
  }
}

const putRequest: ToRequest = (spec, entry) => ({
  attempt: naming('put', spec),
  type: RTM_NEWROUTE,
  // An IPv4 route with NLM_F_CREATE alone goes before one with the same metric; an IPv6 one would become a further
  // next hop of it.
  flags: spec.family === 'ipv4' ? NLM_F.create : NLM_F.create | NLM_F.exclusive,
  payload: encodeRoute(entry),
});

const replaceRequest: ToRequest = (spec, entry) => ({
  attempt: naming('replace', spec),
  type: RTM_NEWROUTE,
  flags: NLM_F.create | NLM_F.replace,
  payload: encodeRoute(entry),
});

const removeRequest: ToRequest = (spec, entry) => ({
  attempt: naming('remove', spec),
  type: RTM_DELROUTE,
  payload: encodeRoute(entry),
});

function listRoutes(netlink: NetlinkRequester, { family, protocol }: RouteFilter): readonly InstalledRoute[] {
  const families: readonly Family[] = family === undefined ? ['ipv4', 'ipv6'] : [family];
  const entries = families.flatMap((each) =>
    netlink.dump(
      {
        attempt: { operation: 'list', object: `${each} routes` },
        type: RTM_GETROUTE,
        payload: encodeRouteDump(each, protocol),
      },
      (message) => (message.type === RTM_NEWROUTE ? decodeRoute(message.payload) : undefined),
    ),
  );
  // Kernels before 4.20 do not filter.
  const wanted = protocol === undefined ? entries : entries.filter((entry) => entry.protocol === protocol);
  const names = wanted.length === 0 ? new Map<number, string>() : linkNames(netlink);
  return wanted.map((entry) => ({ ...entry, nextHops: entry.nextHops.map((hop) => named(hop, names)) }));
}

function named(
  { index, ...hop }: RouteEntry['nextHops'][number],
  names: ReadonlyMap<number, string>,
): NextHop {
  const device = index === undefined ? undefined : names.get(index);
  return device === undefined ? hop : { ...hop, device };
}

function linkNames(netlink: NetlinkRequester): ReadonlyMap<number, string> {
  const links = netlink.dump(
    { attempt: { operation: 'list', object: 'links' }, type: RTM_GETLINK, payload: encodeLinkDump() },
    (message) => (message.type === RTM_NEWLINK ? decodeLink(message.payload) : undefined),
  );
  return new Map(links.map(({ index, name }) => [index, name]));
}

const naming = (operation: string, spec: RouteSpec): Attempt => ({
  operation,
  object: `route ${routeText(spec)}`,
});
