/** What status says of real servers by direct routing that are behind a router; the doctor knows more. */
import { type MainRoute, readMainRoutes, routerFinder } from '../kernel/main-routes.ts';
import { isLoopback } from '../model/address.ts';
import type { ConfiguredVirtualServer } from '../model/config.ts';

type Service = Pick<ConfiguredVirtualServer, 'name' | 'realServers'>;

/** One line for each; `read` is asked only where somebody uses dr. */
export function offLinkProblems(
  services: readonly Service[],
  read: () => readonly MainRoute[] = readMainRoutes,
): readonly string[] {
  const direct = services.flatMap(({ name, realServers }) =>
    realServers.filter(({ forwarding }) => forwarding === 'dr').map(({ address }) => ({ name, address })),
  );
  if (direct.length === 0) return [];
  // Those on a link are of no interest, and mostly all are.
  const routerTo = routerFinder(read());
  return direct.flatMap(({ name, address }) => {
    const router = isLoopback(address) ? undefined : routerTo(address);
    if (router === undefined) return [];
    return [
      `${name}: ${address} is behind the router ${router}, and dr reaches hosts on a link only, so that its clients ` +
        'hang: use forwarding tun or nat',
    ];
  });
}
