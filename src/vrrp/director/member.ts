/** One instance of the protocol within a director: a virtual router in one family, its parameters and its state. */
import { type Family, familyName, familyOf, type IpAddress } from '../../model/address.ts';
import { centisecondsToMilliseconds, type Instant, type Milliseconds } from '../../model/units.ts';
import type { VirtualRouter } from '../../model/virtual-router.ts';
import {
  type Event,
  holdsAddresses,
  initialState,
  nextDeadline,
  type Parameters,
  type State,
  step,
} from '../machine.ts';
import { type Condition, type InstanceKey, instanceKey, type Order } from './event.ts';
import { inPhase } from './phases.ts';
import { Ties } from './ties.ts';

/** The families that a virtual router has addresses of, IPv4 first. */
export const familiesOf = (router: Pick<VirtualRouter, 'addresses'>): readonly Family[] =>
  (['ipv4', 'ipv6'] as const).filter((family) =>
    router.addresses.some(({ address, excluded }) => familyOf(address) === family && excluded !== true),
  );

/** The instances of a virtual router: one for each family that it advertises. */
export const instancesOf = (
  router: Pick<VirtualRouter, 'interface' | 'vrid' | 'addresses'>,
): readonly { readonly key: InstanceKey; readonly family: Family }[] =>
  familiesOf(router).map((family) => ({ key: instanceKey(router.interface, router.vrid, family), family }));

/** What the unit decides for its members. */
export interface UnitTerms {
  /** With the weights of what is tracked. */
  readonly priority: number;
  readonly asks: boolean;
  readonly standby: boolean;
  /** Preempts nobody, since it has handed over by command. */
  readonly yields: boolean;
  readonly exclusive: boolean;
}

/** Before the interface has an address nothing is sent, so nobody ever sees these. */
const NO_SOURCE: Readonly<Record<Family, IpAddress>> = {
  ipv4: '0.0.0.0' as IpAddress,
  ipv6: '::' as IpAddress,
};

export class Member {
  readonly key: InstanceKey;
  readonly family: Family;
  router: VirtualRouter;
  condition: Condition;
  parameters: Parameters;
  state: State;
  /** When in each interval it advertises while it is active; undefined: one interval after the last advert. */
  phase: Milliseconds | undefined;
  /** No longer configured: handing over, and dropped when that is done. */
  leaving = false;
  becameActive = 0;
  rivals = 0;
  conflicts = 0;
  addressesRestored = 0;
  /** When its addresses were last defended against another host's claim. */
  defendedAt: Instant | undefined;
  readonly ties = new Ties();

  constructor(
    key: InstanceKey,
    family: Family,
    router: VirtualRouter,
    condition: Condition,
    terms: UnitTerms,
    now: Instant,
  ) {
    this.key = key;
    this.family = family;
    this.router = router;
    this.condition = condition;
    this.parameters = parametersOf(router, family, condition, terms, NO_SOURCE[family]);
    this.state = initialState(now);
  }

  get deadline(): Instant | undefined {
    return nextDeadline(this.state);
  }

  get asking(): boolean {
    return this.state.name === 'backup' && this.state.askingSince !== undefined;
  }

  get holds(): boolean {
    return holdsAddresses(this.state);
  }

  /** Whether it takes no part any more and will not by itself. */
  get ended(): boolean {
    return this.state.name === 'initialize' && !this.state.started;
  }

  /** How people call it where its virtual router has both families. */
  get label(): string {
    if (familiesOf(this.router).length < 2) return this.router.name;
    return `${this.router.name} (${familyName(this.family)})`;
  }

  handle(event: Event, now: Instant): readonly Order[] {
    const { state, actions } = step(this.state, event, now, this.parameters);
    this.state = this.#inPhase(state, now);
    if (actions.length === 0) return NOTHING;
    for (const action of actions) {
      if (action.action === 'report' && action.to === 'active' && action.from !== 'active')
        this.becameActive++;
      if (action.action === 'rival') this.rivals++;
    }
    return actions.map((action): Order => ({ order: 'act', key: this.key, action }));
  }

  /** The state that the rules give, with the next advert in phase wherever they set its time. */
  #inPhase(state: State, now: Instant): State {
    if (this.phase === undefined || state.name !== 'active') return state;
    if (this.state.name === 'active' && this.state.advertAt === state.advertAt) return state;
    const interval = centisecondsToMilliseconds(this.parameters.advertInterval);
    return { ...state, advertAt: inPhase(state.advertAt, now, interval, this.phase) };
  }

  /** Takes in other settings, another condition or other terms; does nothing for the same ones. */
  reconfigure(terms: UnitTerms, now: Instant): readonly Order[] {
    const previous = this.parameters;
    // While the interface has no address the last one stays, so that its return changes nothing.
    const parameters = parametersOf(this.router, this.family, this.condition, terms, previous.source);
    // Plain data without functions, made in one place: equal when their text is.
    if (JSON.stringify(previous) === JSON.stringify(parameters)) return NOTHING;
    this.parameters = parameters;
    return this.handle({ event: 'parameters-changed', previous }, now);
  }
}

const NOTHING: readonly Order[] = [];

function parametersOf(
  router: VirtualRouter,
  family: Family,
  { source, room }: Condition,
  { priority, asks, standby, yields, exclusive }: UnitTerms,
  lastSource: IpAddress,
): Parameters {
  const { vrid, version, advertInterval, downAdverts, preempt, preemptDelay, startupDelay, announce } =
    router;
  return {
    vrid,
    version,
    family,
    priority,
    advertInterval,
    downAdverts,
    preempt: preempt && !yields,
    preemptDelay,
    startupDelay,
    announce,
    addresses: addressesOf(router, family),
    source: source ?? lastSource,
    room,
    asks,
    standby,
    exclusive,
  };
}

/** The addresses of one family; excluded ones of a family that is not advertised go with the first instance. */
function addressesOf(router: VirtualRouter, family: Family) {
  const families = familiesOf(router);
  const first = families[0] === family;
  return router.addresses.filter(({ address }) => {
    const own = familyOf(address);
    return own === family || (first && !families.includes(own));
  });
}
