/**
 * The stage of the textbook cases about who gets which connection: a client that speaks for whole networks, a director
 * with a kernel of its own, and the real servers a, b and c, which tell their names.
 *
 *   client 10.1.1.100 ── wan 10.1.1.0/24 ── director 10.1.1.4, 10.2.2.1 ── lan 10.2.2.0/24 ── a .11, b .12, c .13
 *   and all of 10.3.0.0/16,                                                (and by direct routing, on the wan,
 *   fd00:3::/32                                                             10.1.1.11, .12 and .13)
 *
 * All of 10.9.0.0/16 and fd00:9::/32 is the director's as well: the many destinations of a firewall mark.
 */

import { type Caller, startCaller, startNamingServer } from './support/calls.ts';
import { type Daemon, startDaemon } from './support/daemon.ts';
import type { Kernel } from './support/kernel.ts';
import { Lab } from './support/lab.ts';
import type { NamespaceNode } from './support/network.ts';
import { prepareDirectRouting } from './support/tools.ts';

export const VIP = '10.1.1.254';
/** One more, for a service on every port. */
export const VIP_ANY = '10.1.1.253';
export const VIP6 = 'fd00:1::fe';
export const SERVERS = ['a', 'b', 'c'] as const;
/** Of the real servers, on either side. */
export const behind = (index: number): string => `10.2.2.${11 + index}`;
export const beside = (index: number): string => `10.1.1.${11 + index}`;
export const behind6 = (index: number): string => `fd00:2::${11 + index}`;

export const ROUTER = `
virtual_routers:
  web:
    interface: eth0
    vrid: 51
    # The owner need not wait before it is active. It gives up when it stood still for as long as others wait.
    priority: 255
    advert_interval: 300ms
    down_adverts: 60
    addresses: [${VIP}/24, ${VIP_ANY}/24, "fe80::254/64", "${VIP6}/64"]
`;

export interface Pool {
  readonly lab: Lab;
  readonly director: Kernel;
  readonly client: NamespaceNode;
  readonly servers: readonly NamespaceNode[];
  readonly caller: Caller;
  readonly daemon: Daemon;
}

/** `places` is what every real server listens on: naming-server.ts. `prepare` comes before the daemon. */
export async function setPool(
  yaml: string,
  places: readonly string[],
  prepare: (director: Kernel) => Promise<unknown>,
): Promise<Pool> {
  const lab = await Lab.create();
  try {
    const wan = await lab.addSwitch('wan');
    const lan = await lab.addSwitch('lan');
    const client = await lab.addHost('client', {
      ports: [{ on: wan, addresses: ['10.1.1.100/24', 'fd00:1::100/64 nodad'] }],
      routes: [
        '10.9.0.0/16 via 10.1.1.4',
        'fd00:9::/32 via fd00:1::4',
        'local 10.3.0.0/16 dev lo',
        'local fd00:3::/32 dev lo',
      ],
    });
    await client.run('sysctl -qw net.ipv6.ip_nonlocal_bind=1');
    const servers = await Promise.all(
      SERVERS.map((name, index) =>
        lab.addHost(name, {
          ports: [
            { on: wan, addresses: [`${beside(index)}/24`] },
            { on: lan, addresses: [`${behind(index)}/24`, `${behind6(index)}/64 nodad`] },
          ],
          routes: ['default via 10.2.2.1', 'default via fd00:2::1'],
        }),
      ),
    );
    const director = await lab.addKernel('lvs1', {
      ports: [
        { on: wan, addresses: ['10.1.1.4/24', 'fd00:1::4/64 nodad'] },
        { on: lan, addresses: ['10.2.2.1/24', 'fd00:2::1/64 nodad'] },
        // For hosts inside the same kernel.
        { on: wan },
      ],
      routes: [
        '10.3.0.0/16 via 10.1.1.100',
        'fd00:3::/32 via fd00:1::100',
        'local 10.9.0.0/16 dev lo',
        'local fd00:9::/32 dev lo',
      ],
    });
    await Promise.all([
      director.boot().then(() => prepare(director)),
      ...servers.map(async (node) => {
        await prepareDirectRouting(node, VIP);
        await startNamingServer(node, node.name, places);
      }),
    ]);
    const caller = await startCaller(client);
    const daemon = await startDaemon(director, `${ROUTER}${yaml}`);
    await daemon.said('virtual router web: MASTER');
    return { lab, director, client, servers, caller, daemon };
  } catch (error) {
    await lab.close();
    throw error;
  }
}

/** Packets from the client side that get a firewall mark, by rules of somebody else than vipward. */
export async function markPackets(
  director: Kernel,
  rules: readonly { readonly match: string; readonly mark: number; readonly family?: 4 | 6 }[],
): Promise<void> {
  await director.run('modprobe -a iptable_mangle ip6table_mangle xt_mark xt_tcpudp xt_multiport');
  for (const { match, mark, family } of rules) {
    const program = family === 6 ? 'ip6tables-legacy' : 'iptables-legacy';
    await director.run(`${program} -t mangle -A PREROUTING ${match} -j MARK --set-mark ${mark}`);
  }
}

/** How often each name occurs. */
export function counted(names: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
