/**
 * One virtual router at work: hands events to the rules of `machine.ts`, keeps the state that comes of them, and does
 * the actions, in their order and without ever waiting.
 */
import type { IpAddress, Prefix } from '../../model/address.ts';
import type { VirtualRouter } from '../../model/config.ts';
import type { RouterStatus } from '../../model/router-status.ts';
import type { Instant, Seconds } from '../../model/units.ts';
import { encode, VRRP_GROUP_IPV4 } from '../advertisement.ts';
import {
  type Action,
  advertisementOf,
  describeState,
  type Event,
  holdsAddresses,
  initialState,
  mustHearFirst,
  nextDeadline,
  type Parameters,
  type State,
  step,
} from '../machine.ts';
import { type LocalRouter, noRejections, type RejectReason, type Verdict } from '../receive-checks.ts';
import { type AddressCondition, isOwnersOwn, OWNER_PRIORITY } from './interface-view.ts';

/** What a virtual router does on its interface; see `router-interface.ts`. Nothing of it throws or waits. */
export interface InterfacePort {
  /** Where our adverts come from; undefined while there is none. */
  readonly source: IpAddress | undefined;
  /** The addresses that the kernel held at the last refresh. */
  readonly held: readonly AddressCondition[];
  /** False when it could not be sent. */
  send(message: Uint8Array): boolean;
  put(prefixes: readonly Prefix[], lifetime: Seconds): void;
  /** As `put`, without waiting for the kernel. */
  renew(prefixes: readonly Prefix[], lifetime: Seconds): void;
  remove(prefixes: readonly Prefix[]): void;
  announce(addresses: readonly IpAddress[]): void;
}

export interface InstanceContext {
  readonly interface: InterfacePort;
  /** Milliseconds since 1970, for people. */
  readonly date: () => number;
  /** Told of every change of state. */
  onState(status: RouterStatus): void;
  /** Whether another virtual router of the interface holds this address now: then it is not ours to remove. */
  heldByAnother(address: IpAddress): boolean;
}

/** Before the interface has an address nothing is sent, so nobody ever sees this one. */
const NO_SOURCE = '0.0.0.0' as IpAddress;

export class Instance {
  readonly #context: InstanceContext;
  #router: VirtualRouter;
  #parameters: Parameters;
  #state: State;
  #since: number;
  readonly #rejected = noRejections();
  #advertsSent = 0;
  #advertsReceived = 0;
  #becameActive = 0;
  #addressesRestored = 0;
  #sendErrors = 0;

  constructor(router: VirtualRouter, context: InstanceContext, now: Instant) {
    this.#context = context;
    this.#router = router;
    this.#parameters = parametersOf(router, context.interface.source ?? NO_SOURCE);
    this.#state = initialState(now);
    this.#since = context.date();
  }

  get router(): VirtualRouter {
    return this.#router;
  }

  /** What the receive checks need to know. An owner that lets go waits for its successor's advert. */
  get local(): LocalRouter {
    const { vrid, priority, addresses, source } = this.#parameters;
    const isOwner = priority === OWNER_PRIORITY && this.#state.name !== 'releasing';
    return { vrid, isOwner, addresses, source };
  }

  /** When a `timer` event is due. */
  get deadline(): Instant | undefined {
    return nextDeadline(this.#state);
  }

  isDue(now: Instant): boolean {
    const { deadline } = this;
    return deadline !== undefined && deadline <= now;
  }

  /** Whether what waits in the socket must be received before a `timer` event. */
  mustHearFirst(now: Instant): boolean {
    return mustHearFirst(this.#state, now, this.#parameters);
  }

  /** Whether this address ought to be on the interface because of this virtual router. */
  holds(address: IpAddress): boolean {
    return holdsAddresses(this.#state) && this.#router.addresses.some((prefix) => prefix.address === address);
  }

  /** Whether it takes no part any more and will not by itself: it may be dropped. */
  get ended(): boolean {
    return this.#state.name === 'initialize' && !this.#state.started;
  }

  handle(event: Event, now: Instant): void {
    const from = this.#state.name;
    const { state, actions } = step(this.#state, event, now, this.#parameters);
    this.#state = state;
    if (state.name !== from) this.#since = this.#context.date();
    for (const action of actions) this.#perform(action);
  }

  /** Counts what the receive checks said of a packet for this VRID, and handles the advert that passed them. */
  receive(verdict: Verdict, source: IpAddress, now: Instant): void {
    if (!verdict.accepted) {
      this.#rejected[verdict.reason]++;
      return;
    }
    this.#advertsReceived++;
    this.handle({ event: 'advert', advertisement: verdict.advertisement, source }, now);
  }

  /** Takes in other settings of the same virtual router, or another source address; does nothing for the same ones. */
  reconfigure(router: VirtualRouter, now: Instant): void {
    const previous = this.#parameters;
    // While the interface has no address the last one stays, so that its return changes nothing.
    const parameters = parametersOf(router, this.#context.interface.source ?? previous.source);
    this.#router = router;
    if (sameParameters(previous, parameters)) return;
    this.#parameters = parameters;
    this.handle({ event: 'parameters-changed', previous }, now);
  }

  /**
   * Compares with what the interface holds now: what is missing of the addresses is put back by the rules, and
   * returned.
   */
  verifyAddresses(now: Instant): readonly Prefix[] {
    if (!holdsAddresses(this.#state)) return [];
    const held = new Set(this.#context.interface.held.map(({ prefix }) => prefix.address));
    const addresses = this.#router.addresses.filter(({ address }) => !held.has(address));
    if (addresses.length === 0) return [];
    this.#addressesRestored += addresses.length;
    this.handle({ event: 'addresses-lost', addresses }, now);
    return addresses;
  }

  /** `alsoRejected`: packets on the interface that named no virtual router at all, which may have been meant for us. */
  status(alsoRejected: Readonly<Record<RejectReason, number>> | undefined): RouterStatus {
    const { name, vrid, priority, addresses } = this.#router;
    return {
      name,
      interface: this.#router.interface,
      vrid,
      priority,
      ...describeState(this.#state, this.#parameters),
      since: this.#since,
      addresses: addresses.map(({ address, length }) => `${address}/${length}`),
      counters: {
        advertsSent: this.#advertsSent,
        advertsReceived: this.#advertsReceived,
        becameActive: this.#becameActive,
        rejected: sum(this.#rejected, alsoRejected),
        addressesRestored: this.#addressesRestored,
        sendErrors: this.#sendErrors,
      },
    };
  }

  #perform(action: Action): void {
    const port = this.#context.interface;
    switch (action.action) {
      case 'send-advert':
        this.#sendAdvert(action.priority);
        break;
      case 'install-addresses':
        port.put(this.#leased(action.addresses), action.lifetime);
        break;
      case 'renew-addresses':
        port.renew(this.#leased(action.addresses), action.lifetime);
        break;
      case 'remove-addresses':
        port.remove(
          this.#leased(action.addresses).filter(({ address }) => !this.#context.heldByAnother(address)),
        );
        break;
      case 'announce':
        port.announce(action.addresses);
        break;
      case 'report':
        if (action.to === 'active' && action.from !== 'active') this.#becameActive++;
        this.#context.onState(this.status(undefined));
        break;
      default:
        action satisfies never;
    }
  }

  #sendAdvert(priority: number): void {
    const { source } = this.#parameters;
    const message = encode(advertisementOf(this.#parameters, priority), source, VRRP_GROUP_IPV4);
    if (this.#context.interface.send(message)) this.#advertsSent++;
    else this.#sendErrors++;
  }

  /** Without those that are the owner's own. */
  #leased(prefixes: readonly Prefix[]): readonly Prefix[] {
    const own = this.#context.interface.held.filter((address) => isOwnersOwn(this.#router, address));
    if (own.length === 0) return prefixes;
    return prefixes.filter((prefix) => !own.some((address) => address.prefix.address === prefix.address));
  }
}

function parametersOf(router: VirtualRouter, source: IpAddress): Parameters {
  const { vrid, priority, advertInterval, preempt, addresses } = router;
  return { vrid, priority, advertInterval, preempt, addresses, source };
}

/** Plain data without functions, made in one place: equal when their text is. */
const sameParameters = (a: Parameters, b: Parameters): boolean => JSON.stringify(a) === JSON.stringify(b);

function sum(
  own: Readonly<Record<RejectReason, number>>,
  others: Readonly<Record<RejectReason, number>> | undefined,
): Readonly<Record<string, number>> {
  if (others === undefined) return { ...own };
  return Object.fromEntries(
    Object.entries(own).map(([reason, count]) => [reason, count + others[reason as RejectReason]]),
  );
}
