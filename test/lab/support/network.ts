/**
 * Switches and the network namespaces on them. Host names, switch names and addresses are the caller's; inside a
 * node its interfaces are eth0, eth1 ... in the order of its ports.
 *
 *   const lan = await lab.addSwitch('lan')
 *   const client = await lab.addHost('client', { ports: [{ on: lan, addresses: ['10.1.1.100/24'] }] })
 *   const router = await lab.addHost('router', { ports: [{ on: lan, addresses: [...] }, { on: wan, ... }], forward: true })
 *   await client.ports[0].disconnect() ... connect()      the cable still has light, but nothing passes
 *
 * A lab and a kernel both are a Topology: the one builds on this machine, the other inside its own kernel, where
 * the hosts have IPVS (an own table each), ipip and dummy.
 */
import type { Command } from './node.ts';
import { argumentsOf, Node } from './node.ts';
import type { LabProcess, SpawnOptions } from './process.ts';

export interface PortOptions {
  readonly on: Switch;
  /** With prefix length, e.g. `10.1.1.2/24`. */
  readonly addresses?: readonly string[];
  readonly mac?: string;
}

export interface HostOptions {
  readonly ports: readonly PortOptions[];
  /** As `ip route add` takes them, e.g. `default via 10.1.1.1`. */
  readonly routes?: readonly string[];
  /** Whether it routes between its ports. */
  readonly forward?: boolean;
}

/** One end of a cable in a switch. */
export class Port {
  readonly switch: Switch;
  /** The interface on the switch's side. */
  readonly device: string;

  constructor(on: Switch, device: string) {
    this.switch = on;
    this.device = device;
  }

  /** Cuts the port off silently: no frame passes, but the node's interface stays up. */
  async disconnect(): Promise<void> {
    await this.switch.node.run(['ip', 'link', 'set', this.device, 'nomaster']);
  }

  async connect(): Promise<void> {
    await this.switch.node.run(['ip', 'link', 'set', this.device, 'master', this.switch.bridge]);
  }

  /** Switches the port off (or on): a namespace on it loses (gets) its carrier. */
  async power(on: boolean): Promise<void> {
    await this.switch.node.run(['ip', 'link', 'set', this.device, on ? 'up' : 'down']);
  }
}

/** A bridge; observers run on `node` and listen on `bridge`. */
export class Switch {
  readonly name: string;
  readonly node: NamespaceNode;
  readonly bridge: string;

  constructor(name: string, node: NamespaceNode, bridge: string) {
    this.name = name;
    this.node = node;
    this.bridge = bridge;
  }
}

/** A network namespace of the machine (or kernel) that it stands on. */
export class NamespaceNode extends Node {
  /** The name that `ip netns` knows. */
  readonly namespace: string;
  readonly ports: Port[] = [];
  readonly #machine: Node;

  constructor(name: string, namespace: string, machine: Node, scratch: string) {
    super(name, scratch);
    this.namespace = namespace;
    this.#machine = machine;
  }

  async spawn(command: Command, options: SpawnOptions = {}): Promise<LabProcess> {
    const argv = ['ip', 'netns', 'exec', this.namespace, ...argumentsOf(command)];
    return await this.#machine.spawn(argv, options);
  }

  shellCommand(): string {
    const shell = this.#machine.shellCommand();
    const enter = `ip netns exec ${this.namespace} bash`;
    return shell === 'bash' ? enter : `${shell} ${enter}`;
  }
}

/** Builds switches and hosts on a machine: this one, or a kernel of the lab. */
export class Topology {
  readonly machine: Node;
  readonly #prefix: string;
  #switches: NamespaceNode | undefined;
  #count = 0;

  constructor(machine: Node, prefix: string) {
    this.machine = machine;
    this.#prefix = prefix;
  }

  async addSwitch(name: string): Promise<Switch> {
    const node = await this.switchRoom();
    const bridge = `br-${name}`.slice(0, 15);
    // Without snooping every multicast frame reaches every port, as on a plain switch.
    await node.run(
      `ip link add ${bridge} type bridge forward_delay 0 stp_state 0 mcast_snooping 0 && ip link set ${bridge} up`,
    );
    return new Switch(name, node, bridge);
  }

  async addHost(name: string, options: HostOptions): Promise<NamespaceNode> {
    const host = await this.#addNamespace(name);
    for (const port of options.ports) host.ports.push(await this.#plug(host, port));
    const lines = options.ports.flatMap((port, index) => interfaceLines(`eth${index}`, port));
    lines.push(...(options.routes ?? []).map((route) => `ip route add ${route}`));
    if (options.forward === true) lines.push('echo 1 >/proc/sys/net/ipv4/ip_forward');
    await host.run(['sh', '-ec', lines.join('\n')]);
    return host;
  }

  /** The namespace in which all switches stand, and which the kernels' processes run in. */
  async switchRoom(): Promise<NamespaceNode> {
    this.#switches ??= await this.#addNamespace('switch');
    return this.#switches;
  }

  /** A name for an interface on a switch's side. */
  nextPort(): string {
    return `port${this.#count++}`;
  }

  async #addNamespace(name: string): Promise<NamespaceNode> {
    const namespace = `${this.#prefix}${name}`;
    const scratch = `${this.machine.scratch}/${name}`;
    await this.machine.run(
      `mkdir -p ${scratch} && ip netns add ${namespace} && ip -n ${namespace} link set lo up`,
    );
    return new NamespaceNode(name, namespace, this.machine, scratch);
  }

  async #plug(host: NamespaceNode, options: PortOptions): Promise<Port> {
    const device = this.nextPort();
    const room = options.on.node;
    await room.run(
      `ip link add ${device} type veth peer name eth${host.ports.length} netns ${host.namespace} &&
       ip link set ${device} master ${options.on.bridge} up`,
    );
    return new Port(options.on, device);
  }
}

/** The shell lines that bring an interface up as asked. */
export function interfaceLines(device: string, port: PortOptions): string[] {
  return [
    ...(port.mac === undefined ? [] : [`ip link set ${device} address ${port.mac}`]),
    `ip link set ${device} up`,
    ...(port.addresses ?? []).map((address) => `ip address add ${address} dev ${device}`),
  ];
}
