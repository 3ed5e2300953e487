/** Whether what tun wraps around a packet fits the way to the real server. Pure. */
import { familyOf, type IpAddress } from '../model/address.ts';
import type { Config } from '../model/config.ts';
import type { Tunnel } from '../model/virtual-server.ts';
import { type Finding, good, unknown, warning } from './finding.ts';

/** Bytes: an IP header, and for gue UDP (8) and GUE (4), for gre its own header (4, with a checksum 8). */
export function tunnelOverhead(tunnel: Tunnel, outer: IpAddress): number {
  const header = familyOf(outer) === 'ipv4' ? 20 : 40;
  const checksum = tunnel.checksum === 'none' ? 0 : 4;
  switch (tunnel.kind) {
    case 'ipip':
      return header;
    case 'gue':
      // Remote checksum offload is an option of GUE: four bytes, and four of flags that say so.
      return header + 12 + (tunnel.checksum === 'remote' ? 8 : 0);
    case 'gre':
      return header + 4 + checksum;
    default:
      return tunnel.kind satisfies never;
  }
}

/** Bytes of the largest packet that clients send in, and of the largest on the way to each real server. */
export interface Mtus {
  readonly client: number;
  to(realServer: IpAddress): { readonly link: string; readonly mtu: number } | undefined;
}

export function tunnelMtuFindings(
  { virtualServers }: Pick<Config, 'virtualServers'>,
  mtus: Mtus,
): readonly Finding[] {
  const tunnels = virtualServers.flatMap(({ name, realServers }) =>
    realServers.filter(({ forwarding }) => forwarding === 'tun').map((server) => ({ name, ...server })),
  );
  if (tunnels.length === 0) return [];
  const found = tunnels.flatMap(({ name, address, tunnel }) => {
    const way = mtus.to(address);
    const overhead = tunnelOverhead(tunnel, address);
    if (way === undefined) {
      return [
        unknown(
          `${name}: the way to ${address}, and whether the tunnel fits it`,
          'there is no route to it, or no ip(8) that tells',
          `ip route get ${address}`,
        ),
      ];
    }
    if (way.mtu >= mtus.client + overhead) return [];
    const most = way.mtu - overhead - 40;
    return [
      warning(
        `${name}: the tunnel to ${address} adds ${overhead} bytes, and ${way.link} takes ${way.mtu}`,
        `full packets of clients (${mtus.client} bytes) do not fit: uploads hang where ICMP is filtered`,
        `ip link set dev ${way.link} mtu ${mtus.client + overhead}, if the network takes it; else on the real server: ip route change default … advmss ${most}`,
      ),
    ];
  });
  return found.length > 0 ? found : [good('what the tunnels add fits the way to the real servers')];
}
