/**
 * The main routing table of this network namespace: for what is worth a look and no more. Rules
 * that send packets by other tables are not seen (`ip route get` sees them).
 */
import { readFileSync } from 'node:fs';
import { addressFromBytes, addressToBytes, type IpAddress, type Prefix } from '../model/address.ts';
import { RT_TABLE_MAIN } from '../netlink/route/numbers.ts';
import { type InstalledRoute, openRoutes } from './routes.ts';

/** A way to hosts: by a router, or, undefined, on a link, or by a rejection nowhere. */
export interface MainRoute {
  readonly to: Prefix;
  readonly router: IpAddress | undefined;
  /** Of IPv4. */
  readonly link?: string;
  readonly metric: number;
}

/** A host that has all routes of the Internet is not asked for them at every look. */
const MOST_ROUTES = 5000;

/** RTF_* of linux/route.h. */
const UP = 0x1;
const GATEWAY = 0x2;

/** Empty where there are too many, or /proc does not tell. */
export function readMainRoutes(): readonly MainRoute[] {
  const ipv6 = readTable('ipv6_route') === '' ? [] : mainIpv6Routes(listIpv6Routes());
  return [...parseIpv4Routes(readTable('route')), ...ipv6];
}

function readTable(name: string): string {
  try {
    const text = readFileSync(`/proc/self/net/${name}`, 'latin1');
    return text.split('\n', MOST_ROUTES + 1).length > MOST_ROUTES ? '' : text;
  } catch {
    return '';
  }
}

/** The lines of /proc/net/route; its numbers are in the order of the processor's bytes. */
export const parseIpv4Routes = (text: string): readonly MainRoute[] =>
  text.split('\n').flatMap((line) => {
    const [link = '', to, router, flags, , , metric, mask] = line.trim().split(/\s+/);
    return routeOf({ link, to: reversed(to), router: reversed(router), flags, metric: Number(metric) }, () =>
      bitsOf(reversed(mask) ?? ''),
    );
  });

/** Those of `routes` that are of the main table, for IPv6: /proc does not tell them from those of other tables. */
export const mainIpv6Routes = (routes: readonly InstalledRoute[]): readonly MainRoute[] =>
  routes
    .filter(({ family, table }) => family === 'ipv6' && table === RT_TABLE_MAIN)
    .map(({ destination, nextHops, metric }) => ({
      to: destination === 'default' ? { address: '::' as IpAddress, length: 0 } : destination,
      router: nextHops.find(({ via }) => via !== undefined)?.via,
      metric: metric ?? 0,
    }));

/** Empty where the kernel does not tell. */
function listIpv6Routes(): readonly InstalledRoute[] {
  try {
    const routes = openRoutes();
    try {
      return routes.list({ family: 'ipv6' });
    } finally {
      routes.close();
    }
  } catch {
    return [];
  }
}

interface Line {
  readonly link: string;
  readonly to: string | undefined;
  readonly router: string | undefined;
  readonly flags: string | undefined;
  readonly metric: number;
}

function routeOf({ link, to, router, flags, metric }: Line, length: () => number): readonly MainRoute[] {
  const bits = Number.parseInt(flags ?? '', 16);
  // The title, for one.
  if (to === undefined || router === undefined || !/^[0-9a-f]+$/i.test(to + router)) return [];
  if (!(bits & UP)) return [];
  const prefix = { address: addressOf(to), length: length() };
  return [{ to: prefix, router: bits & GATEWAY ? addressOf(router) : undefined, link, metric }];
}

const addressOf = (hexadecimal: string): IpAddress => addressFromBytes(Buffer.from(hexadecimal, 'hex'));
const reversed = (hexadecimal: string | undefined): string | undefined =>
  hexadecimal?.match(/../g)?.reverse().join('');
const bitsOf = (hexadecimal: string): number =>
  [...Buffer.from(hexadecimal, 'hex')].reduce(
    (sum, byte) => sum + byte.toString(2).replaceAll('0', '').length,
    0,
  );

/**
 * Tells the next hop to an address where that is a router; undefined: it is on a link, or nobody knows the way.
 */
export function routerFinder(routes: readonly MainRoute[]): (address: IpAddress) => IpAddress | undefined {
  const routeTo = routeFinder(routes);
  return (address) => routeTo(address)?.router;
}

/** The links by which packets to `addresses`, of IPv4, leave; without those whose way nobody knows. */
export function linksTo(
  addresses: readonly IpAddress[],
  read: () => readonly MainRoute[] = () => parseIpv4Routes(readTable('route')),
): readonly string[] {
  if (addresses.length === 0) return [];
  const routeTo = routeFinder(read());
  const links = new Set(addresses.flatMap((address) => routeTo(address)?.link ?? []));
  // A rejection has none.
  return [...links].filter((link) => link !== '*').sort();
}

/** What one question takes does not grow with the routes: thousands of real servers are asked for. */
function routeFinder(routes: readonly MainRoute[]): (address: IpAddress) => MainRoute | undefined {
  const best = new Map<string, MainRoute>();
  for (const route of routes) {
    const name = networkName(addressToBytes(route.to.address), route.to.length);
    const other = best.get(name);
    if (other === undefined || route.metric < other.metric) best.set(name, route);
  }
  const lengths = [...new Set(routes.map(({ to }) => to.length))].sort((a, b) => b - a);
  return (address) => {
    const bytes = addressToBytes(address);
    for (const length of lengths) {
      const route = best.get(networkName(bytes, length));
      if (route !== undefined) return route;
    }
    return undefined;
  };
}

/** The same for all addresses of the network of that length, and different in each family. */
function networkName(address: Uint8Array, length: number): string {
  const network = address.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, length - 8 * i))));
  return `${network.join('.')}/${length}`;
}
