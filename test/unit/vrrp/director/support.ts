/** A director on a bench: what it is told, and what it orders, in short words. */
import { centiseconds, type Instant, instant, milliseconds } from '../../../../src/model/units.ts';
import type { VirtualRouter } from '../../../../src/model/virtual-router.ts';
import { Director } from '../../../../src/vrrp/director/director.ts';
import type { Condition, DirectorEvent, InstanceKey, Order } from '../../../../src/vrrp/director/event.ts';
import { instancesOf } from '../../../../src/vrrp/director/member.ts';
import { ANNOUNCE, advert, brief, ip, prefix } from '../support.ts';

type Network = Extract<DirectorEvent, { type: 'configure' }>['network'];

export const NO_NOTIFY: VirtualRouter['notify'] = {
  all: undefined,
  active: undefined,
  backup: undefined,
  fault: undefined,
  stop: undefined,
  mail: false,
};

/** `vip1` on eth0 with VRID 51, and so on. */
export const routerOf = (number = 1, changes: Partial<VirtualRouter> = {}): VirtualRouter => ({
  name: `vip${number}`,
  interface: `eth${number - 1}`,
  vrid: 50 + number,
  version: 3,
  priority: 100,
  advertInterval: centiseconds(100),
  downAdverts: 3,
  preempt: true,
  preemptDelay: milliseconds(0),
  startupDelay: milliseconds(0),
  checksum: 'rfc9568',
  authentication: undefined,
  heartbeat: [{ interface: `eth${number - 1}`, transport: 'vrrp', peers: [], source: [], port: 0 }],
  addresses: [prefix(`10.1.1.${250 + number}`)],
  routes: [],
  rules: [],
  vmac: undefined,
  accept: true,
  announce: { ...ANNOUNCE, count: 1, delayedCount: 0, delay: milliseconds(0) },
  track: [],
  probe: 'off',
  notify: NO_NOTIFY,
  ...changes,
});

export const networkOf = (changes: Partial<Network> = {}): Network => ({
  routers: [routerOf()],
  groups: [],
  arbiter: undefined,
  fencing: undefined,
  ...changes,
});

/** `vip1` and `vip2`, active only together. */
export const GROUPED = networkOf({
  routers: [routerOf(1), routerOf(2)],
  groups: [{ name: 'g', members: ['vip1', 'vip2'], track: [], notify: NO_NOTIFY }],
});

export const KEY1 = 'eth0 51 ipv4';
export const KEY2 = 'eth1 52 ipv4';
export const UP: Condition = { obstacle: undefined, source: ip('10.1.1.11'), room: 255 };
export const DOWN: Condition = { ...UP, obstacle: 'interface is down' };

/** A director's time begins at 10 s. */
const BEGIN = 10_000;

export class Bench {
  readonly director = new Director();
  now: Instant = instant(BEGIN);

  constructor(
    network: Network,
    { resume = [] as readonly InstanceKey[], standby = [] as readonly string[] } = {},
  ) {
    this.configured = this.configure(network, { resume, standby });
  }

  readonly configured: string;

  configure(
    network: Network,
    { resume = [] as readonly InstanceKey[], standby = [] as readonly string[] } = {},
  ): string {
    const keys = network.routers.flatMap((router) => instancesOf(router).map(({ key }) => key));
    const conditions = Object.fromEntries(keys.map((key) => [key, UP]));
    return this.tell({ type: 'configure', network, conditions, resume, standby });
  }

  tell(event: DirectorEvent): string {
    return briefOrders(this.director.handle(event, this.now));
  }

  /** Lets time pass, with every timer at its time; what was ordered meanwhile. */
  pass(duration: number): string {
    const end = this.now + duration;
    const done: string[] = [];
    for (
      let next = this.director.deadline;
      next !== undefined && next <= end;
      next = this.director.deadline
    ) {
      this.now = instant(Math.max(next, this.now));
      done.push(this.tell({ type: 'timer' }));
    }
    this.now = instant(end);
    return done.filter((text) => text !== '').join(' | ');
  }

  hear(key: InstanceKey, priority: number, { source = '10.1.1.12', path = 0 } = {}): string {
    const { advertisement } = advert(priority);
    return this.tell({
      type: 'advert',
      key,
      path,
      source: ip(source),
      local: ip('10.1.1.11'),
      advertisement,
    });
  }

  /** The time of an instant, counted from the beginning. */
  at = (time: number): Instant => instant(BEGIN + time);

  states(): string {
    return [...this.director.members()].map(({ state }) => state.name).join(' ');
  }
}

export const briefOrders = (orders: readonly Order[]): string => orders.map(briefOrder).join(', ');

function briefOrder(order: Order): string {
  switch (order.order) {
    case 'act':
      return `${order.key.split(' ')[1]}: ${brief([order.action])}`;
    case 'probe':
      return `${order.key.split(' ')[1]}: probe`;
    case 'lease':
      return `lease ${order.unit} ${order.wanted ? 'wanted' : 'given back'}`;
    case 'fence':
      return `fence ${order.id} ${order.peer ?? 'nobody'}`;
    case 'handed-over':
      return `handed over ${order.id}: ${order.outcomes.map(({ name, outcome, successor }) => `${name} ${outcome}${successor ? ` ${successor}` : ''}`).join(' ')}`;
    case 'tell':
      return `${order.level}: ${order.message}`;
    default:
      return order satisfies never;
  }
}
