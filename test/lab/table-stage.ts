/** A director with a kernel of its own, a client, and two real servers by direct routing: the stage of the table's tests. */
import { expect } from 'vitest';
import type { ReloadDocument } from '../../src/model/status.ts';
import { type Daemon, startDaemon } from './support/daemon.ts';
import type { Kernel } from './support/kernel.ts';
import { Lab } from './support/lab.ts';
import type { NamespaceNode } from './support/network.ts';
import { prepareDirectRouting, type RealServer, startRealServer } from './support/tools.ts';
import { savedTable } from './traffic-tools.ts';

export const VIP = '10.1.1.254';
const ROUTER = `
virtual_routers:
  web:
    interface: eth0
    vrid: 51
    # The owner need not wait before it is active. It gives up when it stood still for as long as others wait: a busy
    # machine may, for seconds.
    priority: 255
    advert_interval: 300ms
    down_adverts: 60
    addresses: [${VIP}/24]
`;
export const service = (name: string, port: number, realServers: string, more = ''): string => `
  ${name}:
    address: ${VIP}
    port: ${port}
    scheduler: wrr
    forwarding: dr${more}
    real_servers: [${realServers}]`;
export const FIRST = '{ address: 10.1.1.2, weight: 2 }';
export const SECOND = '{ address: 10.1.1.3 }';
export const BOTH = `${FIRST}, ${SECOND}`;
export const config = (...services: readonly string[]): string => `${ROUTER}services:${services.join('')}\n`;
export const WEB = config(service('web', 80, BOTH));
/** WEB as `ipvsadm -Sn` has it. */
export const WEB_SAVED: readonly string[] = [
  `-A -t ${VIP}:80 -s wrr`,
  `-a -t ${VIP}:80 -r 10.1.1.2:80 -g -w 2`,
  `-a -t ${VIP}:80 -r 10.1.1.3:80 -g -w 1`,
];

type Counts = Readonly<Record<string, number>>;

export class Stage {
  readonly lab: Lab;
  readonly director: Kernel;
  readonly client: NamespaceNode;
  readonly nodes: readonly NamespaceNode[];
  /** web1 and web2, on 10.1.1.2 and 10.1.1.3. */
  readonly servers: readonly RealServer[];
  #daemon: Daemon | undefined;

  private constructor(
    lab: Lab,
    director: Kernel,
    client: NamespaceNode,
    nodes: readonly NamespaceNode[],
    servers: readonly RealServer[],
  ) {
    this.lab = lab;
    this.director = director;
    this.client = client;
    this.nodes = nodes;
    this.servers = servers;
  }

  static async create(): Promise<Stage> {
    const lab = await Lab.create();
    const lan = await lab.addSwitch('lan');
    const host = (name: string, last: number) =>
      lab.addHost(name, { ports: [{ on: lan, addresses: [`10.1.1.${last}/24`] }] });
    const client = await host('client', 100);
    const nodes = [await host('web1', 2), await host('web2', 3)];
    for (const node of nodes) await prepareDirectRouting(node, VIP);
    const servers = await Promise.all(nodes.map((node) => startRealServer(node, { body: node.name })));
    const director = await lab.addKernel('lvs1', { ports: [{ on: lan, addresses: ['10.1.1.4/24'] }] });
    await director.boot();
    return new Stage(lab, director, client, nodes, servers);
  }

  get daemon(): Daemon {
    if (this.#daemon === undefined) throw new Error('no daemon was started');
    return this.#daemon;
  }

  /** Directories are the instance's own. */
  async start(yaml: string, instance = 'vipward'): Promise<void> {
    this.#daemon = await startDaemon(this.director, yaml, { instance });
  }

  async stop(): Promise<void> {
    expect(await this.#daemon?.stop()).toEqual({ code: 0 });
  }

  async holdsVip(): Promise<void> {
    await this.daemon.said('virtual router web: MASTER');
  }

  async reload(yaml: string): Promise<ReloadDocument> {
    await this.daemon.configure(yaml);
    return await this.daemon.reload();
  }

  /** A reload by signal, which costs no process in the kernel; what it changed in the table. */
  async hangUp(yaml: string): Promise<readonly string[]> {
    return await this.hangUpAfter(yaml);
  }

  /**
   * The same after these commands of ipvsadm, all in a moment for the daemon, which looks at its table every 10 s: it
   * sees all that they did at once.
   */
  async hangUpAfter(yaml: string, ...commands: readonly string[]): Promise<readonly string[]> {
    const { log, process } = this.daemon;
    await this.daemon.configure(yaml);
    const since = log.mark;
    const kill = (signal: string): string => `kill -${signal} ${process.pid}`;
    const changes = commands.map((command) => `ipvsadm ${command}`).join(' && ');
    const meanwhile = `${kill('STOP')}; ${changes}; code=$?; ${kill('HUP')}; ${kill('CONT')}; exit $code`;
    await this.director.run(commands.length === 0 ? kill('HUP') : meanwhile);
    await this.daemon.said('configuration reloaded', { since });
    const lines = log.all
      .slice(since)
      .filter(({ operation, level }) => operation !== undefined && level === 'info');
    return lines.map(({ message }) => message);
  }

  ipvsadm(...commands: readonly string[]): Promise<string> {
    return this.director.run(commands.map((command) => `ipvsadm ${command}`).join(' && '));
  }

  /** The table as `ipvsadm -Sn` has it, sorted. */
  async table(): Promise<readonly string[]> {
    return [...(await savedTable(this.director))].sort();
  }

  /** Connections so far of each virtual server and real server, by its address. The kernel sums up every 2 s. */
  async counted(): Promise<Counts> {
    const rows = (await this.ipvsadm('-Ln --stats --exact')).matchAll(/(\d+\.\d+\.\d+\.\d+:\d+) +(\d+)/g);
    return Object.fromEntries(
      [...rows].map(([, address = '', connections]) => [address, Number(connections)]),
    );
  }

  /** The counters once those of the service on port 80 have arrived at `connections`. */
  async countedTo(connections: number): Promise<Counts> {
    const ofWeb = async () => (await this.counted())[`${VIP}:80`];
    await expect.poll(ofWeb, { timeout: 60_000 }).toBe(connections);
    return await this.counted();
  }
}
