/** The table as the command lines that make it: what `ipvsadm -S` prints, and `-R` reads. */
import type { ActualTable, ActualVirtualServer, TableKey } from '../model/ipvs-table.ts';
import { tunnelOf } from '../model/ipvs-table.ts';
import { SERVICE_FLAG } from '../model/service-flags.ts';
import type { Protocol, Tunnel } from '../model/virtual-server.ts';
import { addressAndPort } from './format-address.ts';
import { maskText, schedulerFlagsText } from './format-table.ts';
import type { KnownNames } from './names.ts';
import { compareKeys, compareServers, mergeSorted } from './order.ts';

type RealServer = ActualVirtualServer['realServers'][number];

const SERVICE_OPTION: Readonly<Record<Protocol, string>> = { tcp: '-t', udp: '-u', sctp: '--sctp-service' };
const METHOD: Readonly<Record<RealServer['forwarding'], string>> = {
  dr: '-g',
  nat: '-m',
  tun: '-i',
  local: '-g',
  bypass: '(null)',
};
const CHECKSUM: Readonly<Record<Tunnel['checksum'], string>> = {
  none: '--tun-nocsum',
  plain: '--tun-csum',
  remote: '--tun-remcsum',
};

/** A line each, with its end. Thresholds are not among what ipvsadm saves. */
export function formatRules(table: ActualTable, names: KnownNames): string {
  const lines = mergeSorted(table, (a, b) => compareKeys(a.key, b.key)).flatMap((server) => {
    const service = serviceText(server.key, names);
    return [
      serviceRule(server, service),
      ...mergeSorted(server.realServers, compareServers).map((real) =>
        serverRule(server.key, service, real, names),
      ),
    ];
  });
  return lines.map((line) => `${line}\n`).join('');
}

function serviceText(key: TableKey, names: KnownNames): string {
  if (key.kind === 'mark') return `-f ${key.mark}${key.family === 'ipv6' ? ' -6' : ''}`;
  return `${SERVICE_OPTION[key.protocol]} ${addressAndPort(key.address, key.port, key.protocol, names)}`;
}

function serviceRule({ key, settings }: ActualVirtualServer, service: string): string {
  const { scheduler, flags, timeout, engine } = settings;
  const persistent = (flags & SERVICE_FLAG.persistent) !== 0;
  const mask = persistent ? maskText(key, settings) : undefined;
  const ofScheduler = schedulerFlagsText(scheduler, flags);
  return [
    `-A ${service} -s ${scheduler}`,
    persistent ? ` -p ${timeout}` : '',
    mask === undefined ? '' : ` -M ${mask}`,
    engine === '' ? '' : ` --pe ${engine}`,
    (flags & SERVICE_FLAG.onePacket) !== 0 ? ' -o' : '',
    ofScheduler === undefined ? '' : ` -b ${ofScheduler}`,
  ].join('');
}

function serverRule(key: TableKey, service: string, server: RealServer, names: KnownNames): string {
  const protocol = key.kind === 'address' ? key.protocol : undefined;
  const name = addressAndPort(server.address, server.port, protocol, names);
  return `-a ${service} -r ${name} ${METHOD[server.forwarding]} -w ${server.weight}${tunnelOptions(server)}`;
}

function tunnelOptions(server: RealServer): string {
  if (server.forwarding !== 'tun') return '';
  const { kind, port, checksum } = tunnelOf(server);
  switch (kind) {
    case 'ipip':
      return ' --tun-type ipip';
    case 'gue':
      return ` --tun-type gue --tun-port ${port} ${CHECKSUM[checksum]}`;
    case 'gre':
      return ` --tun-type gre ${CHECKSUM[checksum]}`;
    default:
      return kind satisfies never;
  }
}
