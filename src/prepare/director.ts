/**
 * What the kernel of a director must be told for its virtual servers, beyond the table: forwarding, settings of IPVS,
 * reverse-path filters. Pure: from the configuration alone.
 */
import { familyOfKey, takesPart } from '../balance/entry.ts';
import { familyOf, type IpAddress, isLoopback, isWithin, type Prefix } from '../model/address.ts';
import type { Config, ConfiguredRealServer, ConfiguredVirtualServer } from '../model/config.ts';
import type { TableKey } from '../model/ipvs-table.ts';
import { onceForEach } from '../model/once.ts';
import type { Protocol } from '../model/virtual-server.ts';
import type { KernelSetting, SettingPath } from './setting.ts';

/** What of a virtual server decides. */
export type PreparedFor = Pick<ConfiguredVirtualServer, 'entries' | 'match' | 'scheduler' | 'onFailure'> & {
  /** Anything but undefined: persistent. */
  readonly persistence: object | undefined;
  readonly realServers: readonly Server[];
  readonly sorryServers: readonly Server[];
};

export type PreparedConfig = Pick<Config, 'virtualRouters' | 'fixed'> & {
  readonly virtualServers: readonly PreparedFor[];
  readonly ipvs: Pick<Config['ipvs'], 'sysctl'>;
};

/**
 * In the order in which they are to be made; each path once. What the file itself sets comes before what follows from
 * the services. `links`: the interfaces of this host that have IPv6. `linksTo`: those by which it reaches hosts over IPv4.
 */
export function directorSettings(
  config: PreparedConfig,
  links: readonly string[],
  linksTo: (addresses: readonly IpAddress[]) => readonly string[] = () => [],
): readonly KernelSetting[] {
  const wanted = [
    ...fromFile(config),
    ...forwarding(config, links),
    ...linksForwarding(config, linksTo),
    ...redirects(config),
    ...ipvs(config),
    ...reversePath(config),
  ];
  const byPath = new Map<string, KernelSetting>();
  for (const setting of wanted) {
    const path = setting.path.join('/');
    if (!byPath.has(path)) byPath.set(path, setting);
  }
  return [...byPath.values()];
}

const ipvsPath = (name: string): SettingPath => ['net', 'ipv4', 'vs', name];

const fromFile = ({ ipvs: { sysctl } }: PreparedConfig): readonly KernelSetting[] =>
  Object.entries(sysctl).map(([name, value]) => ({
    path: ipvsPath(name),
    value,
    orElse: [],
    without: 'the file sets it',
  }));

/** Replies to masqueraded connections come back to the director as to a router. */
function forwarding({ virtualServers }: PreparedConfig, links: readonly string[]): readonly KernelSetting[] {
  const routed = virtualServers.flatMap((virtualServer) => {
    const servers = masqueradedOf(virtualServer);
    if (servers.length === 0) return [];
    return onePerFamily(virtualServer.entries)
      .filter((key) => servers.some((server) => takesPart(virtualServer, key, server)))
      .map(familyOfKey);
  });
  const without = 'the replies of real servers behind nat and fullnat are not forwarded';
  return [
    ...(routed.includes('ipv4') ? [{ path: IP_FORWARD, value: '1', orElse: [], without }] : []),
    ...(routed.includes('ipv6')
      ? [
          ...links.map(keepsRouterAdvertisements),
          { path: ['net', 'ipv6', 'conf', 'all', 'forwarding'] as const, value: '1', orElse: [], without },
        ]
      : []),
  ];
}

const IP_FORWARD: SettingPath = ['net', 'ipv4', 'ip_forward'];

/**
 * IPv4 goes by the link that a packet comes in by (IN_DEV_FORWARD in ip_route_input_slow of net/ipv4/route.c), which may
 * have been excepted since ip_forward was set. IPv6 goes by `all` alone (ip6_forward of net/ipv6/ip6_output.c); what a
 * link has there decides whether it is a host's or a router's to its neighbours.
 */
function linksForwarding(
  { virtualServers }: PreparedConfig,
  linksTo: (addresses: readonly IpAddress[]) => readonly string[],
): readonly KernelSetting[] {
  const servers = virtualServers.flatMap(masqueradedOf).map(({ address }) => address);
  return linksTo([...new Set(servers.filter((address) => familyOf(address) === 'ipv4'))]).map((link) => ({
    path: ['net', 'ipv4', 'conf', link, 'forwarding'] as const,
    value: '1',
    orElse: [],
    setBy: IP_FORWARD,
    without: `the replies of real servers behind nat and fullnat that come in by ${link} are not forwarded`,
  }));
}

/** What takes part in one entry does so in all others of its family, and a range of ports has 65,535. */
function onePerFamily(entries: readonly TableKey[]): readonly TableKey[] {
  const first = new Map<string, TableKey>();
  for (const key of entries) if (!first.has(familyOfKey(key))) first.set(familyOfKey(key), key);
  return [...first.values()];
}

/** A router hears no router advertisements (accept_ra 1) and loses the routes that it had from them; with 2 it does. */
const keepsRouterAdvertisements = (link: string): KernelSetting => ({
  path: ['net', 'ipv6', 'conf', link, 'accept_ra'],
  value: '2',
  orElse: ['0'],
  without: `${link} loses the routes that it learnt from router advertisements, since this host forwards`,
});

interface Place {
  readonly prefix: Prefix;
  /** The virtual router's, which the device may be put on. */
  readonly link: string;
  /** That has the address. */
  readonly device: string;
}

/** Where the addresses are that clients may come to: those that float, and the static ones. */
const placesOf = ({ virtualRouters, fixed }: PreparedConfig): readonly Place[] => [
  ...virtualRouters.flatMap(({ interface: link, vmac, addresses }) =>
    addresses.map((prefix) => ({ prefix, link, device: prefix.device ?? vmac?.device ?? link })),
  ),
  ...fixed.addresses.map((prefix) => ({ prefix, link: prefix.device, device: prefix.device })),
];

type Pool = Pick<PreparedFor, 'realServers' | 'sorryServers'>;

/** Real servers and sorry servers, this director itself apart. */
export const serversOf = onceForEach(({ realServers, sorryServers }: Pool): readonly Server[] =>
  [...realServers, ...sorryServers].filter(({ address }) => !isLoopback(address)),
);

/** Of those the ones behind nat and fullnat: of most definitions all, or none. */
export const masqueradedOf = onceForEach((pool: Pool) => serversOf(pool).filter(isMasqueraded));

type Server = Pick<ConfiguredRealServer, 'address' | 'forwarding'>;

const isMasqueraded = ({ forwarding: method }: Server): boolean => method === 'nat' || method === 'fullnat';

/**
 * Where replies come in by the link that they go out by, the kernel tells the real server of the shorter way, past the
 * director. It does so unless neither `all` nor the link's own allows it; IPv6 has no such setting.
 */
function redirects(config: PreparedConfig): readonly KernelSetting[] {
  const routed = config.virtualServers
    .flatMap(masqueradedOf)
    .filter(({ address }) => familyOf(address) === 'ipv4');
  const links = placesOf(config)
    .filter(({ prefix }) => prefix.length < 32 && routed.some(({ address }) => isWithin(address, prefix)))
    .flatMap(({ link, device }) => [link, device]);
  if (links.length === 0) return [];
  return ['all', ...new Set(links)].map((link) => ({
    path: ['net', 'ipv4', 'conf', link, 'send_redirects'] as const,
    value: '0',
    orElse: [],
    without: 'real servers behind nat, in one network with the VIP, are told to answer past the director',
  }));
}

function ipvs({ virtualServers }: PreparedConfig): readonly KernelSetting[] {
  const all = (test: (virtualServer: PreparedFor) => boolean, setting: KernelSetting) =>
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
    ...all(
      (virtualServer) => masqueradedOf(virtualServer).some(({ forwarding }) => forwarding === 'fullnat'),
      {
        path: ipvsPath('conntrack'),
        value: '1',
        orElse: [],
        without: 'fullnat cannot replace the address of the client',
      },
    ),
    ...all((virtualServer) => hashes(virtualServer, 'tcp'), { path: ipvsPath('sloppy_tcp'), ...SLOPPY }),
    ...all((virtualServer) => hashes(virtualServer, 'sctp'), { path: ipvsPath('sloppy_sctp'), ...SLOPPY }),
  ];
}

const SLOPPY = {
  value: '1',
  orElse: [],
  without:
    'a connection that began on the other director is dropped, though mh would send it to the same real server',
};

/** A mark may stand for any protocol, and mostly for TCP. */
const hashes = ({ scheduler, entries, match }: PreparedFor, protocol: Protocol): boolean =>
  scheduler === 'mh' &&
  (entries.some((key) => key.kind === 'address' && key.protocol === protocol) ||
    match.some((each) => each.protocol === protocol) ||
    (protocol === 'tcp' && match.length === 0 && entries.some((key) => key.kind === 'mark')));

/**
 * Under dr and tun the replies take another way than the requests, and a client's network may be routed by another
 * interface than the one its packets come in by. A strict filter (1) would drop those; loose (2) does not.
 */
function reversePath(config: PreparedConfig): readonly KernelSetting[] {
  const direct = new Set(
    config.virtualServers
      .filter((virtualServer) => masqueradedOf(virtualServer).length < serversOf(virtualServer).length)
      .flatMap(({ entries, match }) => [
        ...entries.flatMap((key) => (key.kind === 'address' ? [key.address] : [])),
        ...match.map(({ address }) => address),
      ]),
  );
  const links = placesOf(config)
    .filter(({ prefix }) => direct.has(prefix.address))
    .map(({ device }) => device);
  return [...new Set(links)].map((link) => ({
    path: ['net', 'ipv4', 'conf', link, 'rp_filter'] as const,
    value: '2',
    orElse: ['0'],
    greaterOf: ['net', 'ipv4', 'conf', 'all', 'rp_filter'] as const,
    without: `clients that are routed by another interface than ${link} are dropped without a word`,
  }));
}

/** Set by the vrrp process, for links that have virtual addresses. */
export const KEEPS_SECONDARIES = 'promote_secondaries';

/** What the vrrp process sets of the links that addresses come to. */
export const addressSettings = ({
  virtualRouters,
  fixed,
}: Pick<Config, 'virtualRouters' | 'fixed'>): readonly (Pick<KernelSetting, 'path' | 'value'> & {
  readonly link: string;
})[] => {
  const links = new Set([
    ...fixed.addresses.map(({ device }) => device),
    ...virtualRouters.flatMap(({ interface: own, addresses }) => [
      own,
      ...addresses.map(({ device }) => device ?? own),
    ]),
  ]);
  return [...links].map((link) => ({
    link,
    path: ['net', 'ipv4', 'conf', link, KEEPS_SECONDARIES],
    value: '1',
  }));
};
