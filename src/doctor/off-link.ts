/** Real servers by direct routing that are not on a link of this director. */
import type { IpAddress } from '../model/address.ts';
import type { Config } from '../model/config.ts';
import { type Finding, good, problem, unknown } from './finding.ts';
import { type Route, routesTo } from './routes.ts';

/** Rejects where ip(8) cannot tell. */
export const lookAtOffLink = async (config: Pick<Config, 'virtualServers'>): Promise<readonly Finding[]> =>
  offLinkFindings(config, await routesTo(config.virtualServers.flatMap(directlyRouted)));

/** `routes`: by which way each real server is reached, where there is one. Pure. */
export function offLinkFindings(
  { virtualServers }: Pick<Config, 'virtualServers'>,
  routes: ReadonlyMap<IpAddress, Pick<Route, 'router'>>,
): readonly Finding[] {
  const asked = new Set(virtualServers.flatMap(directlyRouted));
  if (asked.size === 0) return [];
  const found = virtualServers.flatMap((service) =>
    directlyRouted(service).flatMap((address) => {
      const router = routes.get(address)?.router;
      return router === undefined ? [] : [behindRouter(service.name, address, router)];
    }),
  );
  const lost = [...asked].filter((address) => !routes.has(address)).map(withoutRoute);
  if (found.length + lost.length > 0) return [...found, ...lost];
  return [good('the real servers behind dr are on links of this director')];
}

const withoutRoute = (address: IpAddress): Finding =>
  unknown(
    `whether ${address} is on a link, as dr needs it`,
    'this director has no route to it',
    `ip route get ${address}`,
  );

/** ip_vs_dr_xmit() of ip_vs_xmit.c: to the next hop, with the VIP still in it. */
const behindRouter = (service: string, address: IpAddress, router: IpAddress): Finding =>
  problem(
    `${service}: ${address} is behind the router ${router}, and dr reaches hosts on a link only`,
    'its clients hang: a packet keeps the VIP, by which the router sends it back here, whatever the health check says',
    `forwarding: tun or nat for ${address}, or an address of it on a link of this director`,
  );

const directlyRouted = ({ realServers }: Config['virtualServers'][number]): readonly IpAddress[] =>
  realServers.filter(({ forwarding }) => forwarding === 'dr').map(({ address }) => address);
