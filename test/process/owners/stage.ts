/**
 * Directors with whole daemons, a real etcd, and who owned their VIPs when:
 *
 *   one  eth0 10.1.1.1 ─┬─ lan  ─┬─ eth0 10.1.1.2  two …      VRRP and the VIPs
 *        eth1 10.2.2.1 ─┴─ back ─┴─ eth1 10.2.2.2             etcd: 10.2.2.100
 */
import { type Daemon, startDaemon } from '../../lab/support/daemon.ts';
import { Lab } from '../../lab/support/lab.ts';
import type { NamespaceNode, Port, Switch } from '../../lab/support/network.ts';
import type { LabProcess } from '../../lab/support/process.ts';
import { Owners } from './owners.ts';

const ETCD = 'http://10.2.2.100:2379';
const NAMES = ['one', 'two', 'three'] as const;
export type Name = (typeof NAMES)[number];

/** The arbiter's section of a file. `lease` in seconds. */
export const arbiter = (lease: number, directors = 2): string =>
  `arbiter: { etcd: [${ETCD}], lease: ${lease}s, directors: ${directors} }`;

export class Director {
  readonly name: Name;
  readonly node: NamespaceNode;
  #daemon: Daemon | undefined;

  constructor(name: Name, node: NamespaceNode) {
    this.name = name;
    this.node = node;
  }

  get daemon(): Daemon {
    if (this.#daemon === undefined) throw new Error(`${this.name}: no daemon was started`);
    return this.#daemon;
  }

  /** The cable to the network of the VIPs. */
  get lan(): Port {
    return this.#port(0);
  }

  /** The cable to etcd. */
  get back(): Port {
    return this.#port(1);
  }

  async start(yaml: string): Promise<Daemon> {
    this.#daemon = await startDaemon(this.node, yaml);
    return this.#daemon;
  }

  /** The manager first. */
  async pids(): Promise<readonly number[]> {
    const main = this.daemon.process.pid;
    const list = await this.node.run(`cat /proc/${main}/task/*/children`);
    return [main, ...list.trim().split(/\s+/).map(Number)];
  }

  /** To all of its processes at once. */
  async signal(signal: NodeJS.Signals, pids?: readonly number[]): Promise<void> {
    for (const pid of pids ?? (await this.pids())) process.kill(pid, signal);
  }

  #port(index: number): Port {
    const port = this.node.ports[index];
    if (port === undefined) throw new Error(`${this.name} has no eth${index}`);
    return port;
  }
}

export class Stage {
  readonly lab: Lab;
  readonly lan: Switch;
  readonly etcdHost: NamespaceNode;
  readonly directors: readonly Director[];
  readonly owners: Owners;
  #etcd: LabProcess | undefined;

  private constructor(
    lab: Lab,
    lan: Switch,
    etcdHost: NamespaceNode,
    directors: readonly Director[],
    owners: Owners,
  ) {
    this.lab = lab;
    this.lan = lan;
    this.etcdHost = etcdHost;
    this.directors = directors;
    this.owners = owners;
  }

  static async build(count: 2 | 3): Promise<Stage> {
    const lab = await Lab.create();
    const lan = await lab.addSwitch('lan');
    const back = await lab.addSwitch('back');
    const directors: Director[] = [];
    for (const [index, name] of NAMES.slice(0, count).entries()) {
      const node = await lab.addHost(name, {
        ports: [
          { on: lan, addresses: [`10.1.1.${index + 1}/24`, `2001:db8::${index + 1}/64`] },
          { on: back, addresses: [`10.2.2.${index + 1}/24`] },
        ],
      });
      directors.push(new Director(name, node));
    }
    const etcdHost = await lab.addHost('etcd', { ports: [{ on: back, addresses: ['10.2.2.100/24'] }] });
    const owners = await Owners.watch(
      lab,
      directors.map(({ node }) => node),
    );
    return new Stage(lab, lan, etcdHost, directors, owners);
  }

  director(name: string): Director {
    const director = this.directors.find((each) => each.name === name);
    if (director === undefined) throw new Error(`there is no director ${name}`);
    return director;
  }

  get etcd(): LabProcess {
    if (this.#etcd === undefined) throw new Error('etcd was not started');
    return this.#etcd;
  }

  /** With the data of an earlier one. Resolves when it takes requests. */
  async startEtcd(): Promise<void> {
    this.#etcd = await this.etcdHost.spawn([
      'etcd',
      ...['--data-dir', `${this.etcdHost.scratch}/etcd`, '--logger', 'zap', '--unsafe-no-fsync'],
      ...['--listen-client-urls', ETCD, '--advertise-client-urls', ETCD],
    ]);
    await this.#etcd.output.waitFor(
      (line) => /ready to serve client requests|serving client traffic/.test(line),
      {
        what: 'etcd to be ready',
      },
    );
  }

  async close(): Promise<void> {
    await this.lab.close();
  }
}
