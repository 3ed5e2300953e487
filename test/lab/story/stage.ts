/**
 * The machines of the story, on one switch:
 *
 *   client 10.1.1.100     lvs1 10.1.1.4, lvs2 10.1.1.5     web1 10.1.1.2, web2 10.1.1.3
 *   (namespace)           (a kernel each, with IPVS)       (namespaces)
 */
import { Lab } from '../support/lab.ts';
import type { NamespaceNode, Switch } from '../support/network.ts';
import type { ArpSeen, VrrpSeen } from '../support/observer.ts';
import {
  type Observer,
  observe,
  prepareDirectRouting,
  type RealServer,
  startRealServer,
} from '../support/tools.ts';
import { PATIENCE, VIP } from './configuration.ts';
import { Director } from './director.ts';
import type { Traffic } from './traffic.ts';

export interface WebServer {
  readonly name: string;
  readonly address: string;
  readonly node: NamespaceNode;
  readonly server: RealServer;
}

export class Stage {
  readonly lab: Lab;
  readonly client: NamespaceNode;
  readonly lvs1: Director;
  readonly lvs2: Director;
  readonly web1: WebServer;
  readonly web2: WebServer;
  readonly #observer: Observer;
  #traffic: Traffic | undefined;

  private constructor(
    lab: Lab,
    client: NamespaceNode,
    directors: readonly [Director, Director],
    servers: readonly [WebServer, WebServer],
    observer: Observer,
  ) {
    this.lab = lab;
    this.client = client;
    [this.lvs1, this.lvs2] = directors;
    [this.web1, this.web2] = servers;
    this.#observer = observer;
  }

  static async set(): Promise<Stage> {
    const lab = await Lab.create();
    try {
      const lan = await lab.addSwitch('lan');
      const observer = await observe(lan);
      const client = await lab.addHost('client', { ports: [{ on: lan, addresses: ['10.1.1.100/24'] }] });
      const servers = await Promise.all([
        webServer(lab, lan, 'web1', '10.1.1.2'),
        webServer(lab, lan, 'web2', '10.1.1.3'),
      ]);
      const directors = await Promise.all([
        director(lab, lan, 'lvs1', '10.1.1.4', 150),
        director(lab, lan, 'lvs2', '10.1.1.5', 100),
      ]);
      return new Stage(lab, client, directors, servers, observer);
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  /** The steady client; there from the first step on. */
  get traffic(): Traffic {
    if (this.#traffic === undefined)
      throw new Error('the client does not send yet: play the first step first');
    return this.#traffic;
  }

  set traffic(traffic: Traffic) {
    this.#traffic = traffic;
  }

  /** The place of the next packet on the wire. */
  get wireMark(): number {
    return this.#observer.events.mark;
  }

  /** The first gratuitous ARP from place `since` on by which this director draws the VIP's traffic to itself. */
  async announcement(director: Director, since: number): Promise<ArpSeen> {
    const seen = await this.#observer.events.waitFor(
      (event) =>
        event.kind === 'arp' && event.gratuitous && event.sender === VIP && event.senderMac === director.mac,
      { since, timeout: PATIENCE, what: `a gratuitous ARP of ${director.name} for ${VIP}` },
    );
    return seen as ArpSeen;
  }

  /** The last advert of this director before `time`. */
  lastAdvert(director: Director, time: number): VrrpSeen | undefined {
    const { all } = this.#observer.events;
    const last = all.findLast(
      (event) => event.kind === 'vrrp' && event.priority === director.priority && event.time <= time,
    );
    return last?.kind === 'vrrp' ? last : undefined;
  }

  async close(): Promise<void> {
    await this.lab.close();
  }
}

async function webServer(lab: Lab, lan: Switch, name: string, address: string): Promise<WebServer> {
  const node = await lab.addHost(name, { ports: [{ on: lan, addresses: [`${address}/24`] }] });
  await prepareDirectRouting(node, VIP);
  return { name, address, node, server: await startRealServer(node, { body: name }) };
}

async function director(
  lab: Lab,
  lan: Switch,
  name: string,
  address: string,
  priority: number,
): Promise<Director> {
  const kernel = await lab.addKernel(name, { ports: [{ on: lan, addresses: [`${address}/24`] }] });
  // So that a kernel which stands still for seconds loses nothing of what a probe asks it each millisecond.
  for (const { device, switch: on } of kernel.ports)
    await on.node.run(['ip', 'link', 'set', device, 'txqueuelen', '10000']);
  const made = new Director(kernel, priority);
  await made.boot();
  return made;
}
