/** The same table of many virtual servers as a file of vipward's and of keepalived's. */
import { join } from 'node:path';
import type { Node } from '../lab/support/node.ts';
import type { Program } from './bench.ts';
import { keepalivedCommand, keepalivedFile, VIP, VRID, vipwardCommand } from './program.ts';

/** Real servers of each virtual server; all have addresses of their own in REAL_SERVERS. */
export const REAL_SERVERS_EACH = 10;
export const REAL_SERVERS = '10.3.0.0/16';
/** Between two adverts, in ms. */
export const ADVERT_INTERVAL = 100;
const PRIORITY = 150;
const FIRST_PORT = 10_001;
/** Of one more virtual server, whose only real server is checked every second. */
export const CHECKED = { port: 9_000, address: '10.1.1.3' } as const;
/** Where all real servers answer a check. */
export const CHECK_PORT = 9_001;
/** Between two checks of a real server where all are checked, in seconds. */
const CHECK_INTERVAL = 60;

export const portOf = (service: number): number => FIRST_PORT + service;

export interface Variant {
  /** Virtual servers. */
  readonly services: number;
  /** Of the very last real server; all others have 1. */
  readonly lastWeight: number;
  /** Which real servers are checked: `one` is that of one more virtual server, CHECKED. */
  readonly checks: 'none' | 'one' | 'all';
}

interface Server {
  readonly address: string;
  readonly weight: number;
}

function serversOf(service: number, { services, lastWeight }: Variant): readonly Server[] {
  return Array.from({ length: REAL_SERVERS_EACH }, (_, i) => {
    const place = service * REAL_SERVERS_EACH + i;
    const isLast = place === services * REAL_SERVERS_EACH - 1;
    return { address: `10.3.${place >> 8}.${place & 255}`, weight: isLast ? lastWeight : 1 };
  });
}

const forEachService = (variant: Variant, write: (service: number) => string): string =>
  Array.from({ length: variant.services }, (_, service) => write(service)).join('');

export function fileOf(program: Program, variant: Variant): string {
  switch (program) {
    case 'vipward':
      return vipwardFile(variant);
    case 'keepalived':
      return keepalivedTable(variant);
    default:
      return program satisfies never;
  }
}

/** Up at first, as they are for keepalived. */
const ALL_CHECKED = `    initial: up
    check: { tcp: {}, port: ${CHECK_PORT}, interval: ${CHECK_INTERVAL}s, connect_timeout: 5s, timeout: 5s, rise: 1, fall: 3 }
`;

const vipwardFile = (variant: Variant): string => `
virtual_routers:
  bench: { interface: eth0, vrid: ${VRID}, priority: ${PRIORITY}, advert_interval: ${ADVERT_INTERVAL}ms, addresses: [${VIP}/24] }
services:
${forEachService(
  variant,
  (service) => `  s${service}:
    address: ${VIP}
    port: ${portOf(service)}
    scheduler: wrr
    forwarding: dr
${variant.checks === 'all' ? ALL_CHECKED : ''}    real_servers:
${serversOf(service, variant)
  .map(({ address, weight }) => `      - { address: ${address}, weight: ${weight} }\n`)
  .join('')}`,
)}${
  variant.checks === 'one'
    ? `  checked:
    address: ${VIP}
    port: ${CHECKED.port}
    scheduler: wrr
    forwarding: dr
    check: { tcp: {}, interval: 1s, connect_timeout: 1s, timeout: 2s, rise: 1, fall: 1 }
    real_servers:
      - { address: ${CHECKED.address} }
`
    : ''
}`;

const keepalivedTable = (variant: Variant): string => `
${keepalivedFile({ interval: ADVERT_INTERVAL, priority: PRIORITY })}
${forEachService(variant, (service) =>
  keepalivedService(
    portOf(service),
    serversOf(service, variant).map(
      ({ address, weight }) =>
        `  real_server ${address} ${portOf(service)} {\n    weight ${weight}\n${
          variant.checks === 'all' ? ALL_CHECKED_BY_KEEPALIVED : ''
        }  }\n`,
    ),
    variant.checks === 'all' ? CHECK_INTERVAL : 1,
  ),
)}${
  variant.checks === 'one'
    ? keepalivedService(CHECKED.port, [
        `  real_server ${CHECKED.address} ${CHECKED.port} {
    TCP_CHECK {
      connect_timeout 1
      retry 0
      delay_before_retry 1
    }
  }
`,
      ])
    : ''
}`;

const ALL_CHECKED_BY_KEEPALIVED = `    TCP_CHECK {
      connect_port ${CHECK_PORT}
      connect_timeout 5
      retry 2
    }
`;

const keepalivedService = (port: number, realServers: readonly string[], interval = 1): string => `
virtual_server ${VIP} ${port} {
  delay_loop ${interval}
  lvs_sched wrr
  lvs_method DR
  protocol TCP
${realServers.join('')}}
`;

/** A program with its file on a node, not yet started. */
export class BigTableProgram {
  readonly program: Program;
  readonly #node: Node;
  readonly #directory: string;

  constructor(program: Program, node: Node) {
    this.program = program;
    this.#node = node;
    this.#directory = join(node.scratch, `big-${program}`);
  }

  /** As on a new machine: no pid file, no state, and nothing but the file of this variant. */
  async prepare(variant: Variant): Promise<void> {
    await this.#node.run(['rm', '-rf', this.#directory]);
    await this.#node.writeFile(this.#file, fileOf(this.program, variant));
  }

  get command(): readonly string[] {
    return this.program === 'vipward'
      ? vipwardCommand(this.#directory, this.#file)
      : keepalivedCommand(this.#directory, this.#file);
  }

  /** Where vipward keeps what it has read of the file. */
  get kept(): string {
    return join(this.#directory, 'state/configuration.kept');
  }

  /** Lays the file of this variant beside the program's own; `place` is then the command that puts it there. */
  async writeNext(variant: Variant): Promise<void> {
    await this.#node.writeFile(this.#next, fileOf(this.program, variant));
  }

  get place(): readonly string[] {
    return ['mv', this.#next, this.#file];
  }

  get #file(): string {
    return join(this.#directory, 'configuration');
  }

  get #next(): string {
    return join(this.#directory, 'next');
  }
}
