/** One director on a kernel with IPVS, and two real servers: one checked by HTTP, the other by TCP, every second. */
import { join } from 'node:path';
import type { Kernel } from '../lab/support/kernel.ts';
import type { Lab } from '../lab/support/lab.ts';
import type { NamespaceNode, Switch } from '../lab/support/network.ts';
import type { LabProcess } from '../lab/support/process.ts';
import { type RealServer, startRealServer } from '../lab/support/tools.ts';
import type { Program } from './bench.ts';
import { keepalivedCommand, keepalivedFile, VIP, VRID, vipwardCommand } from './program.ts';

export const CHECKS = ['HTTP', 'TCP'] as const;
export type Check = (typeof CHECKS)[number];

/** Between two checks, in ms. */
export const CHECK_INTERVAL = 1_000;
const PORTS: Readonly<Record<Check, number>> = { HTTP: 80, TCP: 81 };
const ADDRESSES: Readonly<Record<Check, string>> = { HTTP: '10.1.1.2', TCP: '10.1.1.3' };

export interface BackEnd {
  readonly check: Check;
  readonly address: string;
  readonly node: NamespaceNode;
  readonly server: RealServer;
  readonly port: number;
  /** As /proc/net/ip_vs writes it. */
  readonly tableName: string;
}

/** `group` tells the namespaces of several back ends for the same check apart. */
export async function addBackEnd(lab: Lab, on: Switch, check: Check, group = 'web'): Promise<BackEnd> {
  const address = ADDRESSES[check];
  const port = PORTS[check];
  const node = await lab.addHost(`${group}-${check}`, { ports: [{ on, addresses: [`${address}/24`] }] });
  const server = await startRealServer(node, { body: check, port });
  const hex = (number: number, digits: number): string =>
    number.toString(16).toUpperCase().padStart(digits, '0');
  const tableName = `${address
    .split('.')
    .map((byte) => hex(Number(byte), 2))
    .join('')}:${hex(port, 4)}`;
  return { check, address, node, server, port, tableName };
}

/** Starts the program with its whole duty: a virtual router and both services. `launcher`: default the checkout's. */
export async function startService(kernel: Kernel, program: Program, launcher?: string): Promise<LabProcess> {
  const directory = join(kernel.scratch, program);
  await kernel.run(['rm', '-rf', directory]);
  if (program === 'keepalived') {
    const file = join(directory, 'keepalived.conf');
    await kernel.writeFile(file, keepalivedService());
    return await kernel.spawn(keepalivedCommand(directory, file));
  }
  const file = join(directory, 'vipward.yaml');
  await kernel.writeFile(file, vipwardService());
  const [own = '', ...rest] = vipwardCommand(directory, file);
  return await kernel.spawn([launcher ?? own, ...rest]);
}

const vipwardService = (): string => `
virtual_routers:
  bench: { interface: eth0, vrid: ${VRID}, priority: 150, addresses: [${VIP}/24] }
services:${CHECKS.map(
  (check) => `
  ${check}:
    address: ${VIP}
    port: ${PORTS[check]}
    scheduler: wrr
    forwarding: dr
    check: { ${check === 'HTTP' ? 'http: { path: /, status: 200 }' : 'tcp: {}'}, interval: ${CHECK_INTERVAL}ms, connect_timeout: 1s, timeout: 2s, rise: 1, fall: 1 }
    real_servers: [{ address: ${ADDRESSES[check]} }]`,
).join('')}
`;

const keepalivedService = (): string => `
${keepalivedFile({ interval: 1_000, priority: 150 })}
${CHECKS.map(
  (check) => `
virtual_server ${VIP} ${PORTS[check]} {
  delay_loop ${CHECK_INTERVAL / 1_000}
  lvs_sched wrr
  lvs_method DR
  protocol TCP
  real_server ${ADDRESSES[check]} ${PORTS[check]} {
    ${check === 'HTTP' ? 'HTTP_GET' : 'TCP_CHECK'} {
      connect_timeout 1
      retry 0
      delay_before_retry 1
      ${check === 'HTTP' ? 'url {\n path /\n status_code 200\n }' : ''}
    }
  }
}`,
).join('\n')}
`;
