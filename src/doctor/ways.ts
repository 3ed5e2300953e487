/** By which links this host sends what its packet filters may name a link for: its routing tells. */
import { isAsked } from '../kernel/links.ts';
import { familyOf, type IpAddress, isWithin, parseAddress } from '../model/address.ts';
import type { Config } from '../model/config.ts';
import type { ExaminedRole, HandSight } from './by-hand.ts';
import type { Ways } from './filter/passage.ts';
import type { Sight } from './host.ts';
import { type Departure, type Route, routesOf, routesTo } from './routes.ts';

/** Somebody far away: addresses that nobody has (RFC 5737, RFC 3849), which are routed as most of the world is. */
const FAR = { ipv4: parseAddress('198.51.100.1'), ipv6: parseAddress('2001:db8:ffff::1') } as const;

interface Examined {
  readonly config: Pick<Config, 'virtualServers' | 'virtualRouters'> | undefined;
  readonly roles: readonly ExaminedRole[];
}

/** Rejects where ip(8) cannot tell. */
export async function lookAtWays({ config, roles }: Examined, sight: Sight): Promise<Ways> {
  const servers = (config?.virtualServers ?? []).flatMap(({ realServers }) => realServers);
  const routes = await routesTo(servers.map(({ address }) => address));
  const departures = new Map<IpAddress, Departure>();
  for (const { address, forwarding } of servers) {
    const by = routes.get(address)?.link;
    const to = FAR[familyOf(address)];
    // By nat and fullnat their answers come in here, to be sent on.
    const isMasqueraded = forwarding === 'nat' || forwarding === 'fullnat';
    if (isMasqueraded && by !== undefined && by !== 'lo' && to !== undefined)
      departures.set(address, { to, from: address, by });
  }
  for (const vip of roles.flatMap(({ vips }) => vips)) {
    const to = FAR[familyOf(vip)];
    if (to !== undefined) departures.set(vip, { to, from: vip });
  }
  const virtual = new Set(
    config?.virtualRouters.flatMap(({ vmac }) => (vmac === undefined ? [] : [vmac.device])),
  );
  const away = await routesOf([...departures.values()]);
  return waysOf(routes, new Map([...departures.keys()].map((from, i) => [from, away[i]])), sight, virtual);
}

/**
 * `away`: of what is from each address, to clients far away. `virtual`: links with a virtual Ethernet address, beside one
 * with an address of this host's own, by which it sends. Pure.
 */
export function waysOf(
  routes: ReadonlyMap<IpAddress, Route>,
  away: ReadonlyMap<IpAddress, Route | undefined>,
  { links, addresses }: HandSight,
  virtual: ReadonlySet<string> = new Set(),
): Ways {
  const names = new Map(
    links
      .filter((link) => link.up && isAsked(link) && !virtual.has(link.name))
      .map(({ index, name }) => [index, name]),
  );
  const held = addresses.flatMap(({ index, prefix }) => {
    const name = names.get(index);
    return name === undefined ? [] : [{ name, prefix }];
  });
  const inUse = [...new Set(held.map(({ name }) => name))];
  // One VIP may have thousands of real servers.
  const near = new Map<IpAddress, readonly string[]>();
  const linksBeside = (vip: IpAddress): readonly string[] => {
    const known = near.get(vip) ?? held.filter(({ prefix }) => isWithin(vip, prefix)).map(({ name }) => name);
    near.set(vip, known);
    return known;
  };
  return {
    to: (address) => routes.get(address)?.link,
    toClients: (from, vips) => {
      const all = [away.get(from)?.link, ...vips.flatMap(linksBeside)];
      return [...new Set(all.filter((name) => name !== undefined))];
    },
    only: inUse.length === 1 ? inUse[0] : undefined,
  };
}
