/**
 * The machines on which a fault is played, the same for both programs:
 *
 *   client 10.1.1.100 ── left ══ trunk ══ right
 *                         │                 │          10.1.1.0/24, the VIP is 10.1.1.254
 *              director a .1 (priority 150)  b .2 (priority 100)
 *                         │                 │
 *                         └───── second ────┘          10.2.2.0/24
 *
 * Directors are network namespaces of this machine, or kernels of their own where the fault needs one. A director owns
 * the VIP while its kernel holds it on an interface that has a carrier, and while the director is not lost as a whole.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Kernel } from '../lab/support/kernel.ts';
import type { Lab } from '../lab/support/lab.ts';
import { NamespaceNode, type Port, type Switch } from '../lab/support/network.ts';
import type { LabProcess } from '../lab/support/process.ts';
import { type Observer, observe, startRealServer } from '../lab/support/tools.ts';
import { ETCD, type Plan, VIP } from './configuration.ts';
import { Director, type StartOptions, type Subject } from './director.ts';
import type { OwnerLine } from './owner-watch.ts';
import { NAMES, type Name, now, Timeline } from './timeline.ts';

/** 224.0.0.18 as /proc/net/igmp writes it. */
const VRRP_GROUP = '120000E0';
/** How long anything may take before the stage gives up, in ms. */
const LIMIT = 60_000;
const ADDRESSES: Readonly<Record<Name, string>> = { a: '10.1.1.1', b: '10.1.1.2' };
const PRIORITIES: Readonly<Record<Name, number>> = { a: 150, b: 100 };
const SECOND: Readonly<Record<Name, string>> = { a: '10.2.2.1', b: '10.2.2.2' };

export type Place = 'namespaces' | 'kernels';

export interface Machines {
  readonly left: Switch;
  readonly a: NamespaceNode | Kernel;
  readonly b: NamespaceNode | Kernel;
  readonly client: NamespaceNode;
}

export class Stage {
  readonly lab: Lab;
  readonly machines: Machines;
  readonly a: Director;
  readonly b: Director;
  readonly timeline = new Timeline();
  readonly #observer: Observer;
  #plan: Plan | undefined;

  private constructor(lab: Lab, machines: Machines, subject: Subject, observer: Observer) {
    this.lab = lab;
    this.machines = machines;
    this.a = new Director('a', machines.a, ADDRESSES.a, subject);
    this.b = new Director('b', machines.b, ADDRESSES.b, subject);
    this.#observer = observer;
  }

  /** In a lab of its own, whose end is the stage's. */
  static async build(lab: Lab, place: Place, subject: Subject): Promise<Stage> {
    const machines = await buildMachines(lab, place);
    const stage = new Stage(lab, machines, subject, await observe(machines.left));
    const room = await lab.switchRoom();
    await room.run(
      'nft "add table bridge faults; add chain bridge faults loss { type filter hook forward priority 0; }"',
    );
    for (const director of [stage.a, stage.b]) await stage.#watchOwner(director, place);
    return stage;
  }

  /** Starts the program on both; resolves when `a` is the owner and `b`, which has been listening for a while, is not. */
  async start(plan: Plan, options: StartOptions = {}): Promise<void> {
    const { client } = this.machines;
    if (plan.service) await startRealServer(client, { body: 'ok' });
    if (plan.guards.includes('arbiter')) await startEtcd(client);
    const { a, b, timeline } = this;
    this.#plan = plan;
    await a.start(planOn('a', plan), options);
    await whileRuns(a, timeline.become(['a'], LIMIT));
    await b.start(planOn('b', plan), options);
    await until('director b to listen', async () => {
      if (b.process.ended !== undefined) throw new Error('director b: the program ended');
      return (await b.node.readFile('/proc/net/igmp')).includes(VRRP_GROUP);
    });
    // Its start is over when it has heard two.
    for (let i = 0; i < 2; i++) await this.advert();
    await timeline.become(['a'], LIMIT);
    await this.advert();
  }

  /** Changes the files of some directors, all at once, and has them read. */
  async reload(changes: Partial<Plan>, names: readonly Name[] = NAMES): Promise<void> {
    if (this.#plan === undefined) throw new Error('nothing was started');
    const plan = { ...this.#plan, ...changes };
    await Promise.all(names.map((name) => this[name].configure(planOn(name, plan))));
    await Promise.all(names.map((name) => this[name].signal([this[name].process.pid], 'HUP')));
  }

  /** Resolves just after the next advert of the active director. */
  async advert(): Promise<void> {
    await this.#observer.events.waitFor(
      (seen) => seen.kind === 'vrrp' && seen.source === ADDRESSES.a && seen.priority > 0,
      { since: this.#observer.events.mark, what: 'an advert of director a', timeout: LIMIT },
    );
  }

  /** From now on frames vanish that pass the switches so, e.g. `iifname trunk0`. */
  async lose(frames: readonly string[]): Promise<void> {
    const room = await this.lab.switchRoom();
    for (const which of frames) await room.run(['nft', `add rule bridge faults loss ${which} drop`]);
  }

  /** All cables work again. */
  async mend(): Promise<void> {
    const room = await this.lab.switchRoom();
    await room.run('nft flush chain bridge faults loss');
  }

  /** The switch's side of a director's interface `eth<index>`. */
  portOf({ node, name }: Director, index = 0): Port {
    const port = node.ports[index];
    if (port === undefined) throw new Error(`director ${name} has no eth${index}`);
    return port;
  }

  /** Gives a director another eth0 in the place of one that was removed. */
  async plugAgain(director: Director): Promise<void> {
    const { device, switch: on } = this.portOf(director);
    if (!(director.node instanceof NamespaceNode)) throw new Error(`director ${director.name} is a kernel`);
    const { namespace } = director.node;
    await on.node.run(
      `ip link add ${device} type veth peer name eth0 netns ${namespace} && ip link set ${device} master ${on.bridge} up`,
    );
  }

  kernelOf({ node, name }: Director): Kernel {
    if (!(node instanceof Kernel)) throw new Error(`director ${name} is no kernel`);
    return node;
  }

  /** A machine that does not run owns nothing: call this when it stops to and when it runs again. */
  runs(director: Director, is: boolean): void {
    this.timeline.record(director.name, 'runs', is);
  }

  /** Lets a state last. */
  async pause(seconds: number): Promise<void> {
    await delay(seconds * 1_000);
  }

  async #watchOwner(director: Director, place: Place): Promise<void> {
    const program = ['node', `${import.meta.dirname}/owner-watch.ts`, VIP];
    const watch: LabProcess = await director.node.spawn(program);
    let heard = 0;
    watch.onData('stdout', () =>
      // The lines themselves are kept first, whole.
      queueMicrotask(() => {
        for (const line of watch.stdout.all.slice(heard)) {
          const { owns, time } = JSON.parse(line) as OwnerLine;
          // A kernel's own clock means nothing here; its word takes a few milliseconds to come out.
          this.timeline.record(director.name, 'holds', owns, place === 'namespaces' ? time : now());
        }
        heard = watch.stdout.all.length;
      }),
    );
    await watch.stdout.waitFor(() => true, { what: `the watch on director ${director.name}` });
  }
}

const planOn = (name: Name, plan: Plan): Plan => ({ ...plan, priority: PRIORITIES[name] });

async function buildMachines(lab: Lab, place: Place): Promise<Machines> {
  const left = await lab.addSwitch('left');
  const right = await lab.addSwitch('right');
  const second = await lab.addSwitch('second');
  await left.node.run(
    `ip link add trunk-left type veth peer name trunk-right &&
     ip link set trunk-left master ${left.bridge} up && ip link set trunk-right master ${right.bridge} up`,
  );
  const client = await lab.addHost('client', { ports: [{ on: left, addresses: ['10.1.1.100/24'] }] });
  const portsOf = (name: Name, on: Switch) => [
    { on, addresses: [`${ADDRESSES[name]}/24`] },
    { on: second, addresses: [`${SECOND[name]}/24`] },
  ];
  if (place === 'namespaces') {
    const a = await lab.addHost('a', { ports: portsOf('a', left) });
    const b = await lab.addHost('b', { ports: portsOf('b', right) });
    return { left, client, a, b };
  }
  const a = await lab.addKernel('a', { ports: portsOf('a', left) });
  const b = await lab.addKernel('b', { ports: portsOf('b', right) });
  await Promise.all([a.boot(), b.boot()]);
  return { left, client, a, b };
}

async function startEtcd(node: NamespaceNode): Promise<void> {
  const peer = 'http://127.0.0.1:2380';
  const etcd = await node.spawn([
    ...['etcd', '--data-dir', `${node.scratch}/etcd`, '--name', 'arbiter', '--log-level', 'error'],
    ...['--listen-client-urls', ETCD, '--advertise-client-urls', ETCD],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
    ...['--initial-cluster', `arbiter=${peer}`],
  ]);
  await until('etcd', async () => {
    if (etcd.ended !== undefined) throw new Error(`etcd ended:\n${etcd.output.all.join('\n')}`);
    return (await node.exec(['curl', '-sf', `${ETCD}/health`])).stdout.includes('true');
  });
}

/** As `wanted`, but rejects as soon as the director's program ends. */
async function whileRuns<T>({ name, process }: Director, wanted: Promise<T>): Promise<T> {
  const ended = process.exit.then(({ code }): never => {
    throw new Error(`director ${name}: the program ended with ${code}`);
  });
  return await Promise.race([wanted, ended]);
}

/** Asks again and again, since nothing tells when it comes true. */
export async function until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  const limit = performance.now() + LIMIT;
  while (!(await isTrue())) {
    if (performance.now() > limit) throw new Error(`nothing within ${LIMIT} ms: waiting for ${what}`);
    await delay(50);
  }
}
