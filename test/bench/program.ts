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
  /** How many virtual routers there are, of VRIDs from 1 on and with `manyVip` each; default one, with `VIP`. */
  readonly count?: number;
}

/** The address of one virtual router of many; the network that holds them all is MANY_VIPS. */
export const manyVip = (vrid: number): string => `10.77.${vrid}.9`;
export const MANY_VIPS = '10.77.0.0/16';

interface Router {
  readonly name: string;
  readonly vrid: number;
  readonly address: string;
}

function routersOf({ count }: RouterSettings): readonly Router[] {
  if (count === undefined) return [{ name: 'bench', vrid: VRID, address: `${VIP}/24` }];
  return Array.from({ length: count }, (_, i) => ({
    name: `bench${i + 1}`,
    vrid: i + 1,
    address: `${manyVip(i + 1)}/15`,
  }));
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
const vipwardFile = (settings: RouterSettings): string => `
vrrp: { realtime: ${settings.realtime ?? false} }
virtual_routers:
${routersOf(settings)
  .map(
    ({ name, vrid, address }) => `
  ${name}:
    interface: eth0
    vrid: ${vrid}
    priority: ${settings.priority}
    advert_interval: ${settings.interval}ms
    addresses: [${address}]`,
  )
  .join('\n')}
`;

export const keepalivedFile = (settings: RouterSettings): string => `
global_defs {
  vrrp_version 3
  ${settings.realtime ? 'vrrp_rt_priority 50' : ''}
}
${routersOf(settings)
  .map(
    ({ name, vrid, address }) => `
vrrp_instance ${name} {
  state ${settings.priority === 255 ? 'MASTER' : 'BACKUP'}
  interface eth0
  virtual_router_id ${vrid}
  priority ${settings.priority}
  advert_int ${settings.interval / 1_000}
  virtual_ipaddress {
    ${address}
  }
}`,
  )
  .join('\n')}
`;
