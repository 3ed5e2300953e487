/** The table as `ipvsadm -L` prints it. */
import { familyOf } from '../model/address.ts';
import type { Counted, CountedVirtualServer, TableKey, TableSettings, Traffic } from '../model/ipvs-table.ts';
import { tunnelOf } from '../model/ipvs-table.ts';
import { SERVICE_FLAG, schedulerFlagNames } from '../model/service-flags.ts';
import type { Tunnel } from '../model/virtual-server.ts';
import { keyFamily } from '../netlink/ipvs/service.ts';
import type { Columns, ListFormat } from './command.ts';
import { addressAndPort } from './format-address.ts';
import { formatNumber } from './format-number.ts';
import type { KnownNames } from './names.ts';
import { compareKeys, compareServers, mergeSorted } from './order.ts';

type RealServer = CountedVirtualServer['realServers'][number];

/** Room for a service that is no IPv6 one, and for a real server that is none. */
const SERVICE_WIDTH = 33;
const SERVER_WIDTH = 28;

const COUNTERS = [
  'connections',
  'incomingPackets',
  'outgoingPackets',
  'incomingBytes',
  'outgoingBytes',
] as const;

/** The titles and `table`, a line each with its end. */
export function formatTable(
  table: readonly CountedVirtualServer[],
  format: ListFormat,
  names: KnownNames,
): string {
  const services = format.sorted ? mergeSorted(table, (a, b) => compareKeys(a.key, b.key)) : table;
  const lines = services.flatMap((server) => [
    serviceLine(server, format, names),
    ...(format.sorted ? mergeSorted(server.realServers, compareServers) : server.realServers).map((real) =>
      serverLine(server.key, real, format, names),
    ),
  ]);
  return [title(format.columns), ...lines].map((line) => `${line}\n`).join('');
}

const pad = (text: string | number, width: number): string => String(text).padEnd(width);

function title(columns: Columns): string {
  const remote = '\n  -> RemoteAddress:Port';
  const local = pad('Prot LocalAddress:Port', SERVICE_WIDTH);
  const right = (...texts: readonly string[]): string => texts.map((text) => ` ${text.padStart(8)}`).join('');
  const left = (...texts: readonly [string, number][]): string =>
    texts.map(([text, width]) => ` ${pad(text, width)}`).join('');
  switch (columns) {
    case 'stats':
      return `${local}${right('Conns', 'InPkts', 'OutPkts', 'InBytes', 'OutBytes')}${remote}`;
    case 'rate':
      return `${local}${right('CPS', 'InPPS', 'OutPPS', 'InBPS', 'OutBPS')}${remote}`;
    case 'thresholds':
      return `${local}${left(['Uthreshold', 10], ['Lthreshold', 10], ['ActiveConn', 10], ['InActConn', 10])}${remote}`;
    case 'persistent':
      return `${local}${left(['Weight', 9], ['PersistConn', 11], ['ActiveConn', 10], ['InActConn', 10])}${remote}`;
    case 'tunnels':
      return `Prot LocalAddress:Port Scheduler Flags${remote}           Forward TunnelInfo    Weight ActiveConn InActConn`;
    case 'connections':
      return `Prot LocalAddress:Port Scheduler Flags${remote}           Forward Weight ActiveConn InActConn`;
    default:
      return columns satisfies never;
  }
}

function serviceLine(
  { key, settings, statistics }: Counted<Pick<CountedVirtualServer, 'key' | 'settings'>>,
  format: ListFormat,
  names: KnownNames,
): string {
  const name = serviceName(key, names);
  if (format.columns === 'stats') return `${pad(name, SERVICE_WIDTH)}${counters(statistics.total, format)}`;
  if (format.columns === 'rate')
    return `${pad(name, SERVICE_WIDTH)}${counters(statistics.perSecond, format)}`;
  return `${name} ${settings.scheduler}${settingsText(key, settings)}`;
}

function serviceName(key: TableKey, names: KnownNames): string {
  if (key.kind === 'mark') return `FWM  ${key.mark}${key.family === 'ipv6' ? ' IPv6' : ''}`;
  const { protocol, address, port } = key;
  const text = `${pad(protocol.toUpperCase(), 4)} ${addressAndPort(address, port, protocol, names)}`;
  return familyOf(address) === 'ipv4' ? text.slice(0, SERVICE_WIDTH) : text;
}

function settingsText(key: TableKey, settings: TableSettings): string {
  const { scheduler, flags, timeout, engine } = settings;
  const ofScheduler = schedulerFlagsText(scheduler, flags);
  const persistent = (flags & SERVICE_FLAG.persistent) !== 0;
  const mask = persistent ? maskText(key, settings) : undefined;
  return [
    ofScheduler === undefined ? '' : ` (${ofScheduler})`,
    persistent ? ` persistent ${timeout}` : '',
    mask === undefined ? '' : ` mask ${mask}`,
    persistent && engine !== '' ? ` pe ${engine}` : '',
    (flags & SERVICE_FLAG.onePacket) !== 0 ? ' ops' : '',
  ].join('');
}

/** The scheduler's flags with commas; '' for some that it has not, undefined for none at all. */
export function schedulerFlagsText(scheduler: string, flags: number): string | undefined {
  if ((flags & 0x38) === 0) return undefined;
  const names = schedulerFlagNames(scheduler, flags);
  // sh and mh have two: what a third would be is not said.
  const named = scheduler === 'sh' || scheduler === 'mh';
  return names.filter((name) => !named || name !== 'flag-3').join(',');
}

/** undefined: each address for itself. */
export function maskText(key: TableKey, { granularity, mask }: TableSettings): string | undefined {
  if (keyFamily(key) === 'ipv6') return granularity === 128 ? undefined : String(granularity);
  if (mask !== undefined) return mask;
  return granularity === 32 ? undefined : dottedMask(granularity);
}

const dottedMask = (length: number): string =>
  [0, 8, 16, 24].map((before) => 256 - 2 ** (8 - Math.min(8, Math.max(0, length - before)))).join('.');

function serverLine(key: TableKey, server: RealServer, format: ListFormat, names: KnownNames): string {
  const protocol = key.kind === 'address' ? key.protocol : undefined;
  const whole = addressAndPort(server.address, server.port, protocol, names);
  const name = familyOf(server.address) === 'ipv4' ? whole.slice(0, SERVER_WIDTH) : whole;
  return `  -> ${pad(name, SERVER_WIDTH)}${serverColumns(server, format)}`;
}

function serverColumns(server: RealServer, format: ListFormat): string {
  const { weight, upperThreshold, lowerThreshold, connections, statistics } = server;
  const { active, inactive, persistent } = connections;
  const rest = ` ${pad(active, 10)} ${pad(inactive, 10)}`;
  switch (format.columns) {
    case 'stats':
      return counters(statistics.total, format);
    case 'rate':
      return rates(statistics.perSecond, format);
    case 'thresholds':
      return ` ${pad(upperThreshold, 10)} ${pad(lowerThreshold, 10)}${rest}`;
    case 'persistent':
      return ` ${pad(weight, 9)} ${pad(persistent, 11)}${rest}`;
    case 'tunnels':
      return ` ${pad(METHOD[server.forwarding], 7)} ${pad(tunnelText(server), 13)} ${pad(weight, 6)}${rest}`;
    case 'connections':
      return ` ${pad(METHOD[server.forwarding], 7)} ${pad(weight, 6)}${rest}`;
    default:
      return format.columns satisfies never;
  }
}

/** ipvsadm has no word for bypass, and C prints that so. */
const METHOD: Readonly<Record<RealServer['forwarding'], string>> = {
  dr: 'Route',
  nat: 'Masq',
  tun: 'Tunnel',
  local: 'Local',
  bypass: '(null)',
};

const counters = (traffic: Traffic, { exact }: ListFormat): string =>
  COUNTERS.map((name) => formatNumber(traffic[name], exact)).join('');

/** Of real servers, connections and packets are never shortened. */
const rates = (traffic: Traffic, { exact }: ListFormat): string =>
  COUNTERS.map((name) =>
    name.endsWith('Bytes') ? formatNumber(traffic[name], exact) : ` ${String(traffic[name]).padStart(8)}`,
  ).join('');

const CHECKSUM: Readonly<Record<Tunnel['checksum'], string>> = { none: '-c', plain: '+c', remote: 'r+c' };

function tunnelText(server: RealServer): string {
  if (server.forwarding !== 'tun') return 'n/a';
  const { kind, port, checksum } = tunnelOf(server);
  switch (kind) {
    case 'ipip':
      return kind;
    case 'gue':
      return `${kind}:${port}:${CHECKSUM[checksum]}`;
    case 'gre':
      return `${kind}:${CHECKSUM[checksum]}`;
    default:
      return kind satisfies never;
  }
}
