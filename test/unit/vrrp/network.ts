/**
 * Routers on one network in virtual time: the state machine with an interface that the test can break, a kernel that
 * keeps address leases, and a network that loses, delays and splits. Everything follows from one seed.
 */
import type { Prefix } from '../../../src/model/address.ts';
import { type Instant, instant } from '../../../src/model/units.ts';
import {
  type Action,
  advertisementOf,
  type Event,
  initialState,
  nextDeadline,
  type Parameters,
  type State,
  step,
} from '../../../src/vrrp/machine.ts';

interface Router {
  readonly name: string;
  parameters: Parameters;
  /** undefined: the process is dead. */
  state: State | undefined;
  /** What the kernel holds, with the end of each lease. It outlives the process. */
  readonly leases: Map<string, { readonly prefix: Prefix; readonly until: number }>;
  /** Routers of the same side hear each other. */
  side: number;
}

interface Delivery {
  readonly at: number;
  readonly to: Router;
  readonly event: Event;
}

/** A stretch of time in which the same routers held the address. */
export interface Holding {
  readonly from: number;
  readonly holders: readonly string[];
}

export class Network {
  now = 0;
  /** Share of adverts that each receiver misses, 0 to 1. */
  loss = 0;
  readonly history: Holding[] = [{ from: 0, holders: [] }];
  readonly adverts: { readonly at: number; readonly from: string; readonly priority: number }[] = [];
  readonly #routers: readonly Router[];
  readonly #random: () => number;
  #deliveries: Delivery[] = [];

  constructor(routers: Readonly<Record<string, Parameters>>, random: () => number) {
    this.#random = random;
    this.#routers = Object.entries(routers).map(([name, parameters]) => ({
      name,
      parameters,
      state: undefined,
      leases: new Map(),
      side: 0,
    }));
  }

  get names(): readonly string[] {
    return this.#routers.map(({ name }) => name);
  }

  get holders(): readonly string[] {
    return this.#routers.filter(({ leases }) => leases.size > 0).map(({ name }) => name);
  }

  stateOf(name: string): State | undefined {
    return this.#find(name).state;
  }

  start(name: string, event: 'startup' | 'resume' = 'startup'): void {
    const router = this.#find(name);
    router.state ??= initialState(this.#instant());
    this.#step(router, { event });
  }

  tell(name: string, event: Event): void {
    this.#step(this.#find(name), event);
  }

  /** The process dies; the kernel keeps the addresses until their lease ends. */
  kill(name: string): void {
    this.#find(name).state = undefined;
  }

  place(name: string, side: number): void {
    this.#find(name).side = side;
  }

  reconfigure(name: string, changes: Partial<Parameters>): void {
    const router = this.#find(name);
    const previous = router.parameters;
    router.parameters = { ...previous, ...changes };
    this.#step(router, { event: 'parameters-changed', previous });
  }

  /** Lets `duration` ms go by. Packets come before timers, as the machine's contract wants it. */
  run(duration: number): void {
    const end = this.now + duration;
    for (;;) {
      const due = Math.min(
        ...this.#deliveries.map(({ at }) => at),
        ...this.#routers.map((router) => (router.state && nextDeadline(router.state)) ?? Infinity),
        ...this.#routers.flatMap(({ leases }) => [...leases.values()].map(({ until }) => until)),
      );
      if (due > end) break;
      this.now = Math.max(this.now, due);
      this.#deliver();
      for (const router of this.#routers) this.#expire(router);
      for (const router of this.#routers) {
        const deadline = router.state && nextDeadline(router.state);
        if (deadline !== undefined && deadline <= this.now) this.#step(router, { event: 'timer' });
      }
    }
    this.now = end;
  }

  #deliver(): void {
    const due = this.#deliveries.filter(({ at }) => at <= this.now).sort((a, b) => a.at - b.at);
    this.#deliveries = this.#deliveries.filter(({ at }) => at > this.now);
    for (const { to, event } of due) this.#step(to, event);
  }

  #expire(router: Router): void {
    const lost = [...router.leases.values()].filter(({ until }) => until <= this.now);
    if (lost.length === 0) return;
    for (const { prefix } of lost) router.leases.delete(prefix.address);
    this.#step(router, { event: 'addresses-lost', addresses: lost.map(({ prefix }) => prefix) });
    this.#note();
  }

  #step(router: Router, event: Event): void {
    if (!router.state) return;
    const { state, actions } = step(router.state, event, this.#instant(), router.parameters);
    router.state = state;
    for (const action of actions) this.#act(router, action);
    this.#note();
  }

  #act(router: Router, action: Action): void {
    switch (action.action) {
      case 'send-advert':
        this.#send(router, action.priority);
        return;
      case 'install-addresses':
      case 'renew-addresses':
        for (const prefix of action.addresses) {
          router.leases.set(prefix.address, { prefix, until: this.now + action.lifetime * 1000 });
        }
        return;
      case 'remove-addresses':
        for (const { address } of action.addresses) router.leases.delete(address);
        return;
      case 'announce':
      case 'report':
      case 'send-presence':
      case 'install-routes':
      case 'remove-routes':
      case 'ask-leave':
      case 'rival':
        return;
      default:
        action satisfies never;
    }
  }

  #send(from: Router, priority: number): void {
    this.adverts.push({ at: this.now, from: from.name, priority });
    const advertisement = advertisementOf(from.parameters, priority);
    for (const to of this.#routers) {
      if (to === from || to.side !== from.side || this.#random() < this.loss) continue;
      const at = this.now + 0.05 + this.#random();
      const { source } = from.parameters;
      const local = to.parameters.source;
      const event: Event = { event: 'advert', advertisement, source, local, decidesTies: true };
      this.#deliveries.push({ at, to, event });
    }
  }

  #note(): void {
    const { holders } = this;
    const last = this.history.at(-1);
    if (last?.holders.join() === holders.join()) return;
    if (last?.from === this.now) this.history.pop();
    this.history.push({ from: this.now, holders });
  }

  #instant = (): Instant => instant(this.now);

  #find(name: string): Router {
    const router = this.#routers.find((candidate) => candidate.name === name);
    if (!router) throw new Error(`no router ${name} in this network`);
    return router;
  }
}

/** mulberry32: small, even, and the same everywhere. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
