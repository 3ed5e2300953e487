/** Which modules of the kernel the virtual servers need. Pure. */
import type { Config, ConfiguredVirtualServer } from '../model/config.ts';
import { masqueradedOf } from './director.ts';

export interface KernelModule {
  readonly name: string;
  /** As of a KernelSetting; '' where whoever keeps the table tells what is missing. */
  readonly without: string;
}

/** Most kernels load the schedulers by themselves when the table asks for them, not all do. */
export function directorModules({ virtualServers }: Pick<Config, 'virtualServers'>): readonly KernelModule[] {
  return [
    ...(virtualServers.length > 0 ? [{ name: 'ip_vs', without: '' }] : []),
    ...[...new Set(virtualServers.map(({ scheduler }) => `ip_vs_${scheduler}`))].map((name) => ({
      name,
      without: '',
    })),
    ...(virtualServers.some(({ persistence }) => persistence?.engine === 'sip')
      ? [{ name: 'ip_vs_pe_sip', without: '' }]
      : []),
    ...(virtualServers.some(mayHaveFtp)
      ? [{ name: 'ip_vs_ftp', without: 'FTP data connections do not get through nat' }]
      : []),
  ];
}

/**
 * Whether the control connections of FTP may come by nat. The kernel tells them by the port that the client has asked
 * for (tcp_app_conn_bind()), whatever the virtual server's key is.
 */
const mayHaveFtp = (virtualServer: ConfiguredVirtualServer): boolean =>
  masqueradedOf(virtualServer).length > 0 &&
  (hasFtpPort(virtualServer) || isAnyPort(virtualServer) || marksFtp(virtualServer));

const FTP = 21;

const hasFtpPort = ({ entries }: ConfiguredVirtualServer): boolean =>
  entries.some((key) => key.kind === 'address' && key.protocol === 'tcp' && key.port === FTP);

const isAnyPort = ({ entries }: ConfiguredVirtualServer): boolean =>
  entries.some((key) => key.kind === 'address' && key.protocol === 'tcp' && key.port === 0);

/** A mark that others set may stand for FTP as well: they know, and load it. */
const marksFtp = ({ match }: ConfiguredVirtualServer): boolean =>
  match.some(
    ({ protocol, ports }) =>
      protocol === 'tcp' && (ports.length === 0 || ports.some(({ from, to }) => from <= FTP && FTP <= to)),
  );

/**
 * The first one whose clients of FTP in passive mode are told the real server's own address. ip_vs_ftp corrects it only
 * where connections are tracked. The kernel sees to that itself for a virtual server of port 21 by nat, and then for
 * every other one (__ip_vs_update_dest(), seen on Linux 6.1); the rules of fullnat track them, too.
 */
export function withoutPassiveFtp({
  virtualServers,
}: Pick<Config, 'virtualServers'>): ConfiguredVirtualServer | undefined {
  const isTracked = virtualServers.some(
    (each) =>
      masqueradedOf(each).some(({ forwarding }) => forwarding === 'fullnat') ||
      (hasFtpPort(each) && masqueradedOf(each).length > 0),
  );
  return isTracked ? undefined : virtualServers.find(mayHaveFtp);
}
