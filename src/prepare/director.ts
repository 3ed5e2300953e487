/**
 * What the kernel of a director must be told for its virtual servers, beyond the table: forwarding, settings of IPVS,
 * reverse-path filters, modules. Pure: from the configuration alone.
 */
import { familyOfKey, takesPart } from '../balance/entry.ts';
import { isLoopback } from '../model/address.ts';
import type { Config, ConfiguredRealServer, ConfiguredVirtualServer } from '../model/config.ts';
import type { KernelSetting, SettingPath } from './setting.ts';

type Configured = Pick<Config, 'virtualServers' | 'virtualRouters'> & {
  readonly ipvs: Pick<Config['ipvs'], 'sysctl'>;
};

/**
 * In the order in which they are to be made; each path once. What the file itself sets comes before what follows from
 * the services. `links`: the interfaces of this host that have IPv6.
 */
export function directorSettings(config: Configured, links: readonly string[]): readonly KernelSetting[] {
  const wanted = [...fromFile(config), ...forwarding(config, links), ...ipvs(config), ...reversePath(config)];
  const byPath = new Map<string, KernelSetting>();
  for (const setting of wanted) {
    const path = setting.path.join('/');
    if (!byPath.has(path)) byPath.set(path, setting);
  }
  return [...byPath.values()];
}

const ipvsPath = (name: string): SettingPath => ['net', 'ipv4', 'vs', name];

const fromFile = ({ ipvs: { sysctl } }: Configured): readonly KernelSetting[] =>
  Object.entries(sysctl).map(([name, value]) => ({
    path: ipvsPath(name),
    value,
    orElse: [],
    without: 'the file sets it',
  }));

/** Replies to masqueraded connections come back to the director as to a router. */
function forwarding({ virtualServers }: Configured, links: readonly string[]): readonly KernelSetting[] {
  const routed = virtualServers.flatMap((virtualServer) =>
    virtualServer.entries
      .filter((key) => virtualServer.realServers.some((server) => isRouted(virtualServer, key, server)))
      .map(familyOfKey),
  );
  const without = 'the replies of real servers behind nat and fullnat are not forwarded';
  return [
    ...(routed.includes('ipv4')
      ? [{ path: ['net', 'ipv4', 'ip_forward'] as const, value: '1', orElse: [], without }]
      : []),
    ...(routed.includes('ipv6')
      ? [
          ...links.map(keepsRouterAdvertisements),
          { path: ['net', 'ipv6', 'conf', 'all', 'forwarding'] as const, value: '1', orElse: [], without },
        ]
      : []),
  ];
}

/** A router hears no router advertisements (accept_ra 1) and loses the routes that it had from them; with 2 it does. */
const keepsRouterAdvertisements = (link: string): KernelSetting => ({
  path: ['net', 'ipv6', 'conf', link, 'accept_ra'],
  value: '2',
  orElse: ['0'],
  without: `${link} loses the routes that it learnt from router advertisements, since this host forwards`,
});

const isMasqueraded = ({ forwarding: method }: Pick<ConfiguredRealServer, 'forwarding'>): boolean =>
  method === 'nat' || method === 'fullnat';

const isRouted = (
  virtualServer: ConfiguredVirtualServer,
  key: ConfiguredVirtualServer['entries'][number],
  server: ConfiguredRealServer,
): boolean => isMasqueraded(server) && !isLoopback(server.address) && takesPart(virtualServer, key, server);

function ipvs({ virtualServers }: Configured): readonly KernelSetting[] {
  const all = (test: (virtualServer: ConfiguredVirtualServer) => boolean, setting: KernelSetting) =>
    virtualServers.some(test) ? [setting] : [];
  return [
    ...all(() => true, {
      path: ipvsPath('expire_nodest_conn'),
      value: '1',
      orElse: [],
      without: 'clients of a removed real server hang instead of being reset',
    }),
    ...all(({ persistence, onFailure }) => persistence !== undefined && onFailure === 'drain', {
      path: ipvsPath('expire_quiescent_template'),
      value: '1',
      orElse: [],
      without: 'persistent clients are still sent to a failed real server, which has weight 0',
    }),
    ...all(({ realServers }) => realServers.some((server) => server.forwarding === 'fullnat'), {
      path: ipvsPath('conntrack'),
      value: '1',
      orElse: [],
      without: 'fullnat cannot replace the address of the client',
    }),
    ...all(({ scheduler }) => scheduler === 'mh', {
      path: ipvsPath('sloppy_tcp'),
      value: '1',
      orElse: [],
      without:
        'a connection that began on the other director is dropped, though mh would send it to the same real server',
    }),
  ];
}

/**
 * Under dr and tun the replies take another way than the requests, and a client's network may be routed by another
 * interface than the one its packets come in by. A strict filter (1) would drop those; loose (2) does not.
 */
function reversePath({ virtualServers, virtualRouters }: Configured): readonly KernelSetting[] {
  const direct = new Set(
    virtualServers
      .filter(({ realServers }) => realServers.some((server) => !isMasqueraded(server)))
      .flatMap(({ entries }) => entries.flatMap((key) => (key.kind === 'address' ? [key.address] : []))),
  );
  const links = virtualRouters.flatMap(({ interface: link, vmac, addresses }) =>
    addresses
      .filter(({ address }) => direct.has(address))
      .map(({ device }) => device ?? vmac?.device ?? link),
  );
  return [...new Set(links)].map((link) => ({
    path: ['net', 'ipv4', 'conf', link, 'rp_filter'] as const,
    value: '2',
    orElse: ['0'],
    greaterOf: ['net', 'ipv4', 'conf', 'all', 'rp_filter'] as const,
    without: `clients that are routed by another interface than ${link} are dropped without a word`,
  }));
}

/** Modules of IPVS: most kernels load the schedulers by themselves when the table asks for them, not all do. */
export function directorModules({ virtualServers }: Pick<Config, 'virtualServers'>): readonly KernelModule[] {
  const ftp = virtualServers.some(
    ({ entries, realServers }) =>
      realServers.some(isMasqueraded) &&
      entries.some((key) => key.kind === 'address' && key.protocol === 'tcp' && key.port === FTP),
  );
  return [
    ...(virtualServers.length > 0 ? [{ name: 'ip_vs', without: '' }] : []),
    ...[...new Set(virtualServers.map(({ scheduler }) => `ip_vs_${scheduler}`))].map((name) => ({
      name,
      without: '',
    })),
    ...(virtualServers.some(({ persistence }) => persistence?.engine === 'sip')
      ? [{ name: 'ip_vs_pe_sip', without: '' }]
      : []),
    ...(ftp ? [{ name: 'ip_vs_ftp', without: 'FTP data connections do not get through nat' }] : []),
  ];
}

const FTP = 21;

export interface KernelModule {
  readonly name: string;
  /** As of a KernelSetting; '' where whoever keeps the table tells what is missing. */
  readonly without: string;
}
