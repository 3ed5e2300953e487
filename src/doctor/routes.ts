/** By which way this host reaches others, as its own routing tells: many are asked for at once. */
import { type IpAddress, parseAddress } from '../model/address.ts';
import { runWithInput } from './programs.ts';

export interface Route {
  /** `lo` for an address of this host. */
  readonly link: string;
  /** The next hop; undefined: the address is on the link. */
  readonly router: IpAddress | undefined;
  /** Ours that is sent from. */
  readonly source: IpAddress | undefined;
  /** In bytes, where the route has one of its own. */
  readonly mtu: number | undefined;
}

/** What is to be sent: `from` undefined, by this host itself. `by`: it has come in there, and is to be forwarded. */
export interface Departure {
  readonly to: IpAddress;
  readonly from?: IpAddress;
  readonly by?: string;
}

/** In the order of `asked`; undefined where there is no way. Rejects where ip(8) cannot tell. */
export async function routesOf(asked: readonly Departure[]): Promise<readonly (Route | undefined)[]> {
  if (asked.length === 0) return [];
  const lines = asked.map(({ to, from, by }) =>
    [
      'route get',
      to,
      ...(from === undefined ? [] : ['from', from]),
      ...(by === undefined ? [] : ['iif', by]),
    ].join(' '),
  );
  return routesIn(await runWithInput(`${lines.join('\n')}\n`, 'ip', '-o', '-force', '-batch', '-'), asked);
}

/** As `routesOf`, from what ip(8) answers. Pure. */
export function routesIn(answers: string, asked: readonly Departure[]): readonly (Route | undefined)[] {
  const routes = new Map<string, Route>();
  for (const line of answers.split('\n')) {
    const [, to = '', from] = /^(?:[a-z]+ )?([\da-f.:]+)(?: from ([\da-f.:]+))?/.exec(line) ?? [];
    const route = routeIn(line);
    if (route !== undefined) routes.set(keyOf(to, from, / iif (\S+)/.exec(line)?.[1]), route);
  }
  return asked.map(({ to, from, by }) => routes.get(keyOf(to, from, by)));
}

/** As `routesOf`, for what this host sends itself, by its destination. */
export async function routesTo(addresses: Iterable<IpAddress>): Promise<ReadonlyMap<IpAddress, Route>> {
  const distinct = [...new Set(addresses)];
  const routes = await routesOf(distinct.map((to) => ({ to })));
  return new Map(
    distinct.flatMap((address, i) => {
      const route = routes[i];
      return route === undefined ? [] : [[address, route] as const];
    }),
  );
}

/** ip(8) may write an address in another way than we do; of IPv6 it tells `from ::` where no source was asked for. */
const keyOf = (to: string, from = '::', by = ''): string =>
  `${parseAddress(to) ?? to} ${parseAddress(from)} ${by}`;

function routeIn(line: string): Route | undefined {
  const link = / dev (\S+)/.exec(line)?.[1];
  const mtu = / mtu (?:lock )?(\d+)/.exec(line)?.[1];
  return link === undefined
    ? undefined
    : {
        link,
        router: parseAddress(/ via (?:inet6? )?(\S+)/.exec(line)?.[1] ?? ''),
        source: parseAddress(/ src (\S+)/.exec(line)?.[1] ?? ''),
        mtu: mtu === undefined ? undefined : Number(mtu),
      };
}
