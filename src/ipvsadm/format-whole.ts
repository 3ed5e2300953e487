/** What ipvsadm prints of the table as a whole. */

import type { IpvsInfo } from '../netlink/ipvs/command.ts';
import type { SyncDaemon } from '../netlink/ipvs/daemon.ts';
import type { ConnectionTimeouts } from '../netlink/ipvs/timeouts.ts';
import { addressText } from './format-address.ts';

export const formatHeader = ({ version, connectionTableSize }: IpvsInfo): string =>
  `IP Virtual Server version ${version} (size=${connectionTableSize})\n`;

export const formatTimeouts = ({ tcp, tcpFin, udp }: ConnectionTimeouts): string =>
  `Timeout (tcp tcpfin udp): ${tcp} ${tcpFin} ${udp}\n`;

export const formatDaemons = (daemons: readonly SyncDaemon[]): string => daemons.map(daemonLine).join('');

/** What an old kernel does not tell is left out. */
function daemonLine(daemon: SyncDaemon): string {
  const { role, syncId, maxLength, group, port, ttl } = daemon;
  const fields = [
    `mcast=${daemon.interface}`,
    `syncid=${syncId}`,
    ...(maxLength === 0 ? [] : [`maxlen=${maxLength}`]),
    ...(group === '0.0.0.0' ? [] : [`group=${addressText(group)}`]),
    ...(port === 0 ? [] : [`port=${port}`]),
    ...(ttl === 0 ? [] : [`ttl=${ttl}`]),
  ];
  return `${role} sync daemon (${fields.join(', ')})\n`;
}
