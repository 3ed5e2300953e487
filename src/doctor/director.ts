/** The doctor's round on a director. */
import { linksWithIpv6, readSetting } from '../kernel/sysctl.ts';
import { familyOf, type IpAddress, isWithin, type MacAddress } from '../model/address.ts';
import type { Config } from '../model/config.ts';
import { milliseconds } from '../model/units.ts';
import { directorSettings } from '../prepare/director.ts';
import { denialFindings } from './denials.ts';
import { echo } from './echo.ts';
import { markFindings } from './filter/marks.ts';
import { directorPassages, passageFindings } from './filter/traffic.ts';
import { lookAtFilters } from './filters.ts';
import type { Finding } from './finding.ts';
import { lookAtKernel, lookAtLog, lookAtNetwork, type Sight, wayTo } from './host.ts';
import { kernelFindings } from './kernel-features.ts';
import { limited } from './limited.ts';
import { type AskedAddress, askOwners, ownerFindings } from './owners.ts';
import { type AskedServer, returnPathFinding } from './return-path.ts';
import { settingFindings } from './settings.ts';
import { ipvsTrapFindings, trackingFindings } from './traps.ts';
import { tunnelMtuFindings } from './tunnel-mtu.ts';

/** Long enough for a host that has to be woken up. */
const PATIENCE = milliseconds(900);
/** Each is a program, or a socket on every link. */
const AT_ONCE = 32;
/** Clients come by way of routers, and of Ethernet: a link of ours with a greater MTU makes none of their packets so. */
const CLIENT_MTU = 1500;

/** Throws where this host cannot be looked at at all: not as root. */
export async function examineDirector(config: Config): Promise<readonly Finding[]> {
  const sight = lookAtNetwork();
  const [kernel, filters, log, owners, ways, returns] = await Promise.all([
    lookAtKernel(modulesOf(config)),
    lookAtFilters(),
    lookAtLog(),
    owned(config, sight),
    waysToTunnels(config, sight),
    returnPaths(config, sight),
  ]);
  const link = Math.max(...config.virtualRouters.map(({ interface: name }) => mtuOf(sight, name)), 0);
  // Without IPVS there is none of its settings, and it is told that there is no IPVS.
  const settings = directorSettings(config, linksWithIpv6()).filter(
    ({ path }) => kernel.hasModule('ip_vs') || path[2] !== 'vs',
  );
  return [
    ...kernelFindings(config, kernel),
    ...settingFindings(settings),
    ...(config.virtualServers.length === 0 ? [] : ipvsTrapFindings(config.ipvs.sysctl, readSetting)),
    ...trackingFindings(readSetting),
    ...passageFindings(filters.ruleset, directorPassages(config)),
    ...markFindings(config, filters.marks),
    ...filters.unseen,
    ...denialFindings(log),
    ...tunnelMtuFindings(config, { client: Math.min(link, CLIENT_MTU), to: (address) => ways.get(address) }),
    ...owners,
    ...returns,
  ];
}

const modulesOf = ({ virtualServers }: Config): readonly string[] => [
  'ip_vs',
  ...new Set(virtualServers.map(({ scheduler }) => `ip_vs_${scheduler}`)),
  'ip_vs_pe_sip',
];

const mtuOf = ({ links }: Sight, name: string): number => links.find((link) => link.name === name)?.mtu ?? 0;

async function owned({ virtualRouters }: Config, sight: Sight): Promise<readonly Finding[]> {
  const asked = virtualRouters.flatMap(({ interface: name, vmac, addresses }) =>
    addresses.flatMap(({ address, device }): AskedAddress[] => {
      const link = sight.links.find((each) => each.name === (device ?? name));
      if (link === undefined) return [];
      const holder = sight.addresses.find((held) => held.prefix.address === address);
      const mac: MacAddress | undefined =
        vmac === undefined ? link.mac : sight.links.find((each) => each.index === holder?.index)?.mac;
      return [
        {
          address,
          link: { name: link.name, index: link.index, mac: mac ?? link.mac },
          here: holder !== undefined,
        },
      ];
    }),
  );
  return ownerFindings(asked, await askOwners(asked, PATIENCE));
}

async function waysToTunnels({ virtualServers }: Config, sight: Sight) {
  const servers = virtualServers.flatMap(({ realServers }) =>
    realServers.filter(({ forwarding }) => forwarding === 'tun').map(({ address }) => address),
  );
  const ways = await limited(
    [...new Set(servers)],
    AT_ONCE,
    async (address) => [address, await wayTo(address, sight)] as const,
  );
  return new Map(ways);
}

async function returnPaths(
  { virtualServers, virtualRouters }: Config,
  sight: Sight,
): Promise<readonly Finding[]> {
  const vips = virtualRouters.flatMap(({ addresses }) => addresses.map(({ address }) => address));
  const servers = virtualServers.flatMap(({ name, entries, realServers }) => {
    // Others may be in the real servers' network: its gateway, for one.
    const asked = entries.flatMap((entry) => (entry.kind === 'address' ? [entry.address] : []));
    return realServers
      .filter(({ forwarding }) => forwarding === 'nat')
      .map(({ address }) => ({ asked, server: askedServer(name, address, vips, sight) }));
  });
  const links = sight.links.filter(({ up }) => up);
  // One real server behind many services is asked once.
  const distinct = [...new Map(servers.map(({ server }) => [server.address, server])).values()];
  const replies = new Map(
    await limited(distinct, AT_ONCE, async ({ address, source, link }) => {
      const asks = source !== undefined && link !== undefined;
      return [address, asks ? await echo(address, source, link, links, PATIENCE) : undefined] as const;
    }),
  );
  return servers.map(({ asked, server }) => returnPathFinding(server, asked, replies.get(server.address)));
}

/** From the virtual address itself where it is here, else from an address of ours beside it. */
function askedServer(
  service: string,
  address: IpAddress,
  vips: readonly IpAddress[],
  { addresses, links }: Sight,
): AskedServer {
  const family = familyOf(address);
  const ours = addresses.map(({ prefix }) => prefix).filter((prefix) => familyOf(prefix.address) === family);
  const network = ours.find(
    (prefix) => prefix.length < (family === 'ipv4' ? 31 : 127) && isWithin(address, prefix),
  );
  const outside = ours.filter((prefix) => network === undefined || !isWithin(prefix.address, network));
  const source =
    outside.find((prefix) => vips.includes(prefix.address)) ??
    outside.find((prefix) => vips.some((vip) => familyOf(vip) === family && isWithin(vip, prefix)));
  const index = addresses.find(({ prefix }) => prefix === network)?.index;
  const link = links.find((each) => each.index === index);
  return { service, address, source: source?.address, network, link };
}
