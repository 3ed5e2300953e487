/** Real servers by direct routing that are not on a link of this director. */
import type { IpAddress } from '../model/address.ts';
import type { Config } from '../model/config.ts';
import { type Finding, good, problem } from './finding.ts';
import { routesTo } from './routes.ts';

/** Rejects where ip(8) cannot tell. */
export async function lookAtOffLink(config: Pick<Config, 'virtualServers'>): Promise<readonly Finding[]> {
  const routes = await routesTo(config.virtualServers.flatMap(directlyRouted));
  const routers = [...routes].flatMap(([address, { router }]) =>
    router === undefined ? [] : [[address, router] as const],
  );
  return offLinkFindings(config, new Map(routers));
}

/** `routers`: the next hop on the way to each real server that has one. */
export function offLinkFindings(
  { virtualServers }: Pick<Config, 'virtualServers'>,
  routers: ReadonlyMap<IpAddress, IpAddress>,
): readonly Finding[] {
  if (!virtualServers.some((service) => directlyRouted(service).length > 0)) return [];
  const found = virtualServers.flatMap((service) =>
    directlyRouted(service).flatMap((address) => {
      const router = routers.get(address);
      return router === undefined ? [] : [behindRouter(service.name, address, router)];
    }),
  );
  return found.length > 0 ? found : [good('the real servers behind dr are on links of this director')];
}

/** ip_vs_dr_xmit() of ip_vs_xmit.c: to the next hop, with the VIP still in it. */
const behindRouter = (service: string, address: IpAddress, router: IpAddress): Finding =>
  problem(
    `${service}: ${address} is behind the router ${router}, and dr reaches hosts on a link only`,
    'its clients hang: a packet keeps the VIP, by which the router sends it back here, whatever the health check says',
    `forwarding: tun or nat for ${address}, or an address of it on a link of this director`,
  );

const directlyRouted = ({ realServers }: Config['virtualServers'][number]): readonly IpAddress[] =>
  realServers.filter(({ forwarding }) => forwarding === 'dr').map(({ address }) => address);
