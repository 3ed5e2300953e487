/**
 * One simulated machine: a clock, a kernel, the vrrp process with its `Director`, and as much of the manager as it
 * takes to start that, to hold the arbiter's lease and to run a fence agent. Does what src/vrrp/process does, in the
 * same order.
 */
import type { IpAddress } from '../../src/model/address.ts';
import { type Instant, instant } from '../../src/model/units.ts';
import type { Action } from '../../src/vrrp/action.ts';
import { Director } from '../../src/vrrp/director/director.ts';
import type { Condition, DirectorEvent, InstanceKey, Order } from '../../src/vrrp/director/event.ts';
import { instancesOf } from '../../src/vrrp/director/member.ts';
import { EtcdClient } from './etcd.ts';
import { Kernel } from './kernel.ts';
import { addressOf, interfaceName, networkOf } from './names.ts';
import { brokenRules } from './rules.ts';
import { type DirectorSetting, type Extent, nameOf } from './setting.ts';
import type { World } from './world.ts';

/** Packets that a socket keeps for a process that does not read. */
const RECEIVE_QUEUE = 64;

interface Process {
  readonly director: Director;
  /** Told while it stood still, in their order. */
  readonly waiting: DirectorEvent[];
  packets: number;
  /** Units whose lease it has said that it wants. */
  readonly leases: Set<string>;
}

export class Machine {
  readonly index: number;
  readonly name: string;
  readonly kernel: Kernel;
  setting: DirectorSetting;
  process: Process | undefined;
  paused: Extent | undefined;
  /** Whether its process fell asleep between deciding on adverts and sending them. */
  #isSending = false;
  /** The machine itself is off. */
  off = false;
  etcdReachable = true;
  lateness = 1;
  client: EtcdClient | undefined;
  readonly #world: World;
  readonly #tracks = new Map<string, boolean>();
  #clockStart: number;
  #pausedAt = 0;
  #standby: readonly string[] = [];
  #armed: number | undefined;
  #timerNumber = 0;
  #kernelNumber = 0;
  #kernelArmed: number | undefined;
  #starts = 0;

  constructor(index: number, setting: DirectorSetting, world: World) {
    this.index = index;
    this.name = nameOf(index);
    this.setting = setting;
    this.#world = world;
    this.kernel = new Kernel(world.random);
    this.#clockStart = setting.clockStart;
  }

  get clock(): Instant {
    return instant(this.#world.agenda.now * this.setting.clockRate + this.#clockStart);
  }

  #worldTime = (at: number): number => (at - this.#clockStart) / this.setting.clockRate;

  /** Whether its kernel does anything. */
  get kernelRuns(): boolean {
    return !this.off && this.paused !== 'machine';
  }

  get runs(): boolean {
    return this.process !== undefined && this.paused === undefined && !this.off;
  }

  /** Whether this machine answers for an address of the instance. */
  owns(key: InstanceKey): boolean {
    return this.kernelRuns && this.kernel.has(key);
  }

  /** Starts everything that is not there; `resume` as the manager does after a crash of the vrrp process. */
  start(resume: readonly InstanceKey[] = []): void {
    if (this.process !== undefined) return;
    this.off = false;
    this.#starts++;
    this.#startClient();
    const process: Process = { director: new Director(), waiting: [], packets: 0, leases: new Set() };
    this.process = process;
    for (const [unit, heldUntil] of this.client?.held ?? []) this.tell({ type: 'lease', unit, heldUntil });
    this.#configure(resume.filter((key) => this.#isIntact(key)));
    // What its predecessor wanted it may no longer want.
    this.client?.keepOnly(process.leases);
  }

  reload(setting: DirectorSetting): void {
    this.setting = setting;
    if (this.process !== undefined) this.#configure([]);
  }

  kill(extent: Extent): void {
    const held = [...(this.process?.director.members() ?? [])].filter(({ state }) => state.name === 'active');
    const wasMachine = this.paused === 'machine';
    this.process = undefined;
    this.paused = undefined;
    this.#armed = undefined;
    if (wasMachine) this.#wakeKernel();
    this.#world.forgetHandovers(this.index);
    if (extent === 'vrrp') {
      const keys = held.map(({ key }) => key);
      const starts = this.#starts;
      const delay = this.#world.random.between(30, 400);
      this.#world.agenda.in(delay, () => {
        if (this.#starts === starts && !this.off) this.start(keys);
      });
      return;
    }
    this.#starts++;
    this.client?.close();
    this.client = undefined;
    this.#standby = [];
    if (extent === 'machine') {
      this.off = true;
      this.kernel.clear();
      this.#world.note();
    }
  }

  pause(extent: Extent): void {
    if (this.process === undefined || this.paused !== undefined) return;
    this.paused = extent;
    this.#isSending = this.#world.random.chance(0.2);
    this.#pausedAt = this.#world.agenda.now;
    this.#world.note();
  }

  /** First what a stall means, then what waits, then what is due. */
  continue(jump: boolean): void {
    if (this.paused === undefined || this.process === undefined) return;
    const wasMachine = this.paused === 'machine';
    this.paused = undefined;
    if (this.#isSending) this.#speak(this.process);
    if (wasMachine && !jump)
      this.#clockStart -= (this.#world.agenda.now - this.#pausedAt) * this.setting.clockRate;
    if (wasMachine) this.#expire();
    this.#world.note();
    // Whatever fired meanwhile was not heard.
    this.#armed = undefined;
    this.tell({ type: 'stalls' });
    this.#drain();
    this.tell({ type: 'timer' });
    this.#armKernel(true);
  }

  track(name: string, up: boolean): void {
    this.#tracks.set(name, up);
    this.tell({ type: 'verdicts', verdicts: [verdict(name, up)] });
  }

  /** Its link to a network went down or came up. */
  linkChanged(): void {
    for (const router of this.setting.routers) {
      for (const { key } of instancesOf(router)) {
        this.tell({ type: 'condition', key, condition: this.#condition(key) });
      }
    }
  }

  setStandby(names: readonly string[]): void {
    this.#standby = names;
  }

  get standby(): readonly string[] {
    return this.#standby;
  }

  /** Somebody takes all addresses from it. */
  removeAddresses(): void {
    for (const key of [...this.kernel.keys()]) {
      const addresses = this.kernel.remove(key, this.kernel.held(key));
      if (addresses.length > 0) this.tell({ type: 'addresses-lost', key, addresses });
    }
    this.#world.note();
  }

  /** An event for the director: at once, or when its process goes on. */
  tell(event: DirectorEvent): void {
    const { process } = this;
    if (process === undefined || this.off) return;
    if (this.paused === undefined) {
      this.#handle(process, event);
      return;
    }
    const isPacket = event.type === 'advert' || event.type === 'presence';
    if (isPacket && ++process.packets > RECEIVE_QUEUE) return;
    process.waiting.push(event);
  }

  /** Sends what it had in hand when it fell asleep. */
  #speak({ director }: Process): void {
    const active = [...director.members()].filter(({ state }) => state.name === 'active');
    for (const member of active) this.#world.sendAdvert(this, member, member.parameters.priority);
  }

  #drain(): void {
    const { process } = this;
    if (process === undefined) return;
    process.packets = 0;
    for (const event of process.waiting.splice(0)) this.tell(event);
  }

  #configure(resume: readonly InstanceKey[]): void {
    const { routers, groups } = this.setting;
    const { arbiter, fencing } = this.#world.setting;
    const conditions: Record<InstanceKey, Condition> = {};
    for (const router of routers)
      for (const { key } of instancesOf(router)) conditions[key] = this.#condition(key);
    const names = new Set([...routers, ...groups].flatMap(({ track }) => track.map(({ name }) => name)));
    const verdicts = [...names].map((name) => verdict(name, this.#tracks.get(name) ?? true));
    this.tell({ type: 'verdicts', verdicts });
    const network = { routers, groups, arbiter, fencing };
    this.tell({ type: 'configure', network, conditions, resume, standby: this.#standby });
  }

  #condition(key: InstanceKey): Condition {
    const network = networkOf(key);
    const up = this.#world.wire.isUp(this.index, network);
    return {
      obstacle: up ? undefined : `interface ${interfaceName(network)} is down`,
      source: addressOf(key, network, this.setting.hosts[network] ?? 0),
      room: 255,
    };
  }

  /** Whether everything that a dead predecessor held is still there. */
  #isIntact(key: InstanceKey): boolean {
    const router = this.setting.routers.find((each) => instancesOf(each).some((one) => one.key === key));
    const wanted = router?.addresses.filter(({ address }) => address.includes(':') === key.endsWith('ipv6'));
    return wanted !== undefined && wanted.length === this.kernel.held(key).length;
  }

  #startClient(): void {
    const { agenda, random, etcd, setting } = this.#world;
    if (setting.arbiter === undefined || this.client !== undefined) return;
    const client: EtcdClient = new EtcdClient({
      agenda,
      random,
      etcd,
      clock: () => this.clock,
      runs: () => !this.off && (this.paused === undefined || this.paused === 'vrrp'),
      reaches: () => etcd.up && this.etcdReachable && this.kernelRuns,
      tell: (unit, heldUntil, contended) => {
        if (this.client === client) this.tell({ type: 'lease', unit, heldUntil, contended });
      },
    });
    this.client = client;
  }

  #handle(process: Process, event: DirectorEvent): void {
    const now = this.clock;
    const orders = process.director.handle(event, now);
    this.#world.journal?.handled(this, event, orders);
    const turns = this.kernel.turns;
    for (const order of orders) this.#perform(process, order);
    if (this.kernel.turns !== turns) this.#world.note();
    for (const rule of brokenRules(process.director, this.kernel))
      this.#world.broken(`${this.name}: ${rule}`);
    if (process.director.ended) {
      this.process = undefined;
      this.client?.keepOnly(new Set());
      return;
    }
    this.#arm(process);
  }

  #perform(process: Process, order: Order): void {
    switch (order.order) {
      case 'act':
        this.#act(process, order.key, order.action);
        return;
      case 'probe':
        this.#world.probe(this, order.key, order.addresses);
        return;
      case 'lease':
        if (order.wanted) process.leases.add(order.unit);
        else process.leases.delete(order.unit);
        this.client?.want(order.unit, order.wanted);
        return;
      case 'fence':
        this.#world.fence(this, order.id, order.peer);
        return;
      case 'handed-over':
        this.#world.handedOver(order.id);
        return;
      case 'tell':
        return;
      default:
        order satisfies never;
    }
  }

  #act(process: Process, key: InstanceKey, action: Action): void {
    const member = process.director.member(key);
    switch (action.action) {
      case 'send-advert':
        if (member) this.#world.sendAdvert(this, member, action.priority);
        return;
      case 'send-presence':
        if (member) this.#world.sendPresence(this, member, action.asks);
        return;
      case 'install-addresses':
      case 'renew-addresses':
        this.kernel.put(key, action.addresses, action.lifetime, this.clock);
        this.#armKernel();
        return;
      case 'remove-addresses':
        this.kernel.remove(key, action.addresses);
        return;
      case 'report':
        this.#world.changed(this, key, action.from, action.to);
        return;
      case 'announce':
      case 'install-routes':
      case 'remove-routes':
      case 'ask-leave':
      case 'rival':
        return;
      default:
        action satisfies never;
    }
  }

  #arm(process: Process): void {
    const { deadline } = process.director;
    if (deadline === this.#armed) return;
    this.#armed = deadline;
    const number = ++this.#timerNumber;
    if (deadline === undefined) return;
    const { agenda, random } = this.#world;
    // A timer never fires early.
    const at = this.#worldTime(deadline) + 0.001 + random.between(0, this.lateness);
    agenda.add(at, () => this.#fire(process, number));
  }

  #fire(process: Process, number: number): void {
    if (this.#timerNumber !== number || this.process !== process || !this.runs) return;
    this.#armed = undefined;
    this.tell({ type: 'stalls' });
    if (this.process !== process) return;
    this.#armed = undefined;
    this.tell({ type: 'timer' });
  }

  #armKernel(again = false): void {
    const end = this.kernel.nextEnd;
    if (end === undefined || (!again && this.#kernelArmed !== undefined && this.#kernelArmed <= end)) return;
    this.#kernelArmed = end;
    const number = ++this.#kernelNumber;
    const at = this.#worldTime(end) + 0.001;
    this.#world.agenda.add(at, () => {
      if (number !== this.#kernelNumber) return;
      this.#kernelArmed = undefined;
      if (!this.kernelRuns) return;
      this.#expire();
      this.#armKernel();
    });
  }

  #expire(): void {
    for (const [key, addresses] of this.kernel.expire(this.clock)) {
      this.#world.journal?.expired(this, key, addresses);
      this.#world.agenda.in(0.2, () => this.tell({ type: 'addresses-lost', key, addresses }));
    }
    this.#world.note();
  }

  /** What has run out while the whole machine stood still goes as soon as it does not, with processes or without. */
  #wakeKernel(): void {
    this.#expire();
    this.#armKernel(true);
  }

  /** The address that others know it by on a network. */
  addressOn(key: InstanceKey, network: number): IpAddress {
    return addressOf(key, network, this.setting.hosts[network] ?? 0);
  }
}

const verdict = (name: string, up: boolean) =>
  ({
    kind: 'script',
    name,
    state: up ? 'up' : 'down',
    value: 1,
    reason: up ? 'exit code 0' : 'exit code 1',
  }) as const;
