/** What the doctor looks at on a director. */
import { linksWithIpv6, readSetting } from '../kernel/sysctl.ts';
import { familyOf, type MacAddress } from '../model/address.ts';
import type { Config } from '../model/config.ts';
import { milliseconds } from '../model/units.ts';
import { directorSettings, masqueradedOf } from '../prepare/director.ts';
import type { KernelSetting } from '../prepare/setting.ts';
import { endedByFailover } from '../prepare/survival.ts';
import type { Check } from './attempt.ts';
import { type Finding, warning } from './finding.ts';
import { lookAtKernel, lookAtNeighbours, lookAtNetwork, type Sight } from './host.ts';
import { kernelFindings } from './kernel-features.ts';
import { lookAtNeighbourTable } from './neighbours.ts';
import { lookAtOffLink } from './off-link.ts';
import { type AskedAddress, askOwners, ownerFindings } from './owners.ts';
import { lookAtReturnPaths } from './return-paths.ts';
import { networkKey } from './return-place.ts';
import { routesTo } from './routes.ts';
import { defeatFindings, settingFindings } from './settings.ts';
import { lookAtSorryListeners } from './sorry-listener.ts';
import { unforwardedFindings } from './traps.ts';
import { lookAtTunnelEnds } from './tunnel-ends.ts';
import { tunnelMtuFindings } from './tunnel-mtu.ts';

/** Long enough for a host that has to be woken up. */
const PATIENCE = milliseconds(900);
/** Clients come by way of routers, and of Ethernet: a link of ours with a greater MTU makes none of their packets so. */
const CLIENT_MTU = 1500;

/** What a director alone is looked at for. */
export const directorChecks = (config: Config): readonly Check[] => [
  ['the kernel and its modules', async () => kernelFindings(config, await lookAtKernel(modulesOf(config)))],
  ['whether the links forward', () => unforwarded(config, lookAtNetwork())],
  ['whether the kernel can know all real servers', () => lookAtNeighbourTable(config, readSetting)],
  ['what survives a failover', () => survivalFindings(config)],
  ['whether what the tunnels add fits the way to the real servers', () => tunnels(config, lookAtNetwork())],
  ['whether the tunnels come out at the real servers', () => lookAtTunnelEnds(config, lookAtNetwork())],
  ['who answers for the virtual addresses', () => owned(config, lookAtNetwork())],
  ['whether the real servers behind dr are on a link', () => lookAtOffLink(config)],
  ['whether somebody listens for the sorry servers here', () => lookAtSorryListeners(config)],
  ['by which way the real servers behind nat answer', () => lookAtReturnPaths(config, lookAtNetwork())],
];

/** Of the settings that the configuration needs: how many there are, what is wrong with them, and what defeats them. */
export async function directorSettingFindings(config: Config) {
  const settings = await settingsOf(config);
  return {
    count: settings.length,
    findings: settingFindings(settings),
    defeats: defeatFindings(config, settings),
  };
}

const survivalFindings = (config: Config): readonly Finding[] =>
  endedByFailover(config).map(({ what, breaks, mend }) => warning(what, breaks, mend));

/** Without IPVS there is none of its settings, and it is told that there is no IPVS. */
async function settingsOf(config: Config): Promise<readonly KernelSetting[]> {
  const { hasModule } = await lookAtKernel(['ip_vs']);
  return directorSettings(config, linksWithIpv6()).filter(
    ({ path }) => path[2] !== 'vs' || hasModule('ip_vs'),
  );
}

function unforwarded({ virtualServers }: Config, { links, addresses }: Sight): readonly Finding[] {
  const names = new Map(links.map(({ index, name }) => [index, name]));
  const places = addresses.flatMap(({ index, prefix }) => {
    const name = names.get(index);
    return name === undefined ? [] : [[`${name} ${networkKey(prefix)}`, { name, prefix }] as const];
  });
  const servers = virtualServers.flatMap(masqueradedOf).filter(({ address }) => familyOf(address) === 'ipv4');
  return unforwardedFindings(
    // Thousands of virtual addresses are in few networks.
    [...new Map(places).values()],
    servers.map(({ address }) => address),
    readSetting,
  );
}

async function tunnels(config: Config, sight: Sight): Promise<readonly Finding[]> {
  const servers = config.virtualServers.flatMap(({ realServers }) =>
    realServers.filter(({ forwarding }) => forwarding === 'tun').map(({ address }) => address),
  );
  const routes = await routesTo(servers);
  const link = Math.max(...config.virtualRouters.map(({ interface: name }) => mtuOf(sight, name)), 0);
  return tunnelMtuFindings(config, {
    client: Math.min(link, CLIENT_MTU),
    to: (address) => {
      const route = routes.get(address);
      return route && { link: route.link, mtu: Math.min(mtuOf(sight, route.link), route.mtu ?? Infinity) };
    },
  });
}

const modulesOf = ({ virtualServers }: Config): readonly string[] => [
  'ip_vs',
  ...new Set(virtualServers.map(({ scheduler }) => `ip_vs_${scheduler}`)),
  'ip_vs_pe_sip',
];

const mtuOf = ({ links }: Sight, name: string): number => links.find((link) => link.name === name)?.mtu ?? 0;

async function owned({ virtualRouters, virtualServers }: Config, sight: Sight): Promise<readonly Finding[]> {
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
  const answers = await askOwners(asked, PATIENCE);
  const realServers = virtualServers.flatMap((virtualServer) =>
    virtualServer.realServers.flatMap(({ address, forwarding }) =>
      forwarding === 'dr' || forwarding === 'tun' ? [[address, forwarding] as const] : [],
    ),
  );
  return ownerFindings(asked, answers, {
    addresses: await lookAtNeighbours(),
    realServers: new Map(realServers),
    links: new Map(sight.links.flatMap(({ mac, name }) => (mac === undefined ? [] : [[mac, name] as const]))),
  });
}
