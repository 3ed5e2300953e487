/** vipward and keepalived as directors of a bench: their configuration files and command lines. */
import { join } from 'node:path';
import { VIPWARD } from '../lab/support/daemon.ts';
import type { Node } from '../lab/support/node.ts';
import type { Program } from './bench.ts';

export const VIP = '10.1.1.254';
export const VRID = 51;

export interface RouterSettings {
  /** Advert interval in ms. */
  readonly interval: number;
  readonly priority: number;
  /** Ahead of every ordinary process. Default false. */
  readonly realtime?: boolean;
}

/** Writes the program's file on the node and gives the command line that runs it in the foreground. */
export async function prepareProgram(
  program: Program,
  node: Node,
  settings: RouterSettings,
): Promise<readonly string[]> {
  const directory = join(node.scratch, program);
  // As after a boot: a pid file that a killed keepalived left behind would keep the next one from starting.
  await node.run(['rm', '-rf', directory]);
  switch (program) {
    case 'vipward': {
      const file = join(directory, 'vipward.yaml');
      await node.writeFile(file, vipwardFile(settings));
      return vipwardCommand(directory, file);
    }
    case 'keepalived': {
      const file = join(directory, 'keepalived.conf');
      await node.writeFile(file, keepalivedFile(settings));
      return [...keepalivedCommand(directory, file), '--vrrp'];
    }
    default:
      return program satisfies never;
  }
}

export const vipwardCommand = (directory: string, file: string): readonly string[] => [
  ...[VIPWARD, 'run', '--config', file, '--runtime-dir', join(directory, 'run')],
  ...['--state-dir', join(directory, 'state')],
];

/** Without any log: where there is no syslog daemon its lines could go to a slow console and cost it milliseconds. */
export const keepalivedCommand = (directory: string, file: string): readonly string[] => [
  ...['keepalived', '--dont-fork', '--no-syslog', '-f', file, '-p', join(directory, 'parent.pid')],
  ...['-r', join(directory, 'vrrp.pid'), '-c', join(directory, 'checkers.pid')],
];

/** Backups of equal priority stay backups, so whoever is active stays it until it goes. */
const vipwardFile = ({ interval, priority, realtime = false }: RouterSettings): string => `
vrrp: { realtime: ${realtime} }
virtual_routers:
  bench:
    interface: eth0
    vrid: ${VRID}
    priority: ${priority}
    advert_interval: ${interval}ms
    addresses: [${VIP}/24]
`;

export const keepalivedFile = ({ interval, priority, realtime = false }: RouterSettings): string => `
global_defs {
  vrrp_version 3
  ${realtime ? 'vrrp_rt_priority 50' : ''}
}
vrrp_instance bench {
  state ${priority === 255 ? 'MASTER' : 'BACKUP'}
  interface eth0
  virtual_router_id ${VRID}
  priority ${priority}
  advert_int ${interval / 1_000}
  virtual_ipaddress {
    ${VIP}/24
  }
}
`;
