/**
 * With an arbiter: until when a unit may hold its addresses. Leave comes from the arbiter's lease, or from every other
 * director that confirms that it hears us. No address is put up for longer than that, so that the kernel itself keeps
 * the promise; and whoever becomes active waits until no other kernel can hold them. Without an arbiter all of this
 * allows everything.
 */
import type { IpAddress } from '../../model/address.ts';
import { after, centiseconds, elapsed, type Instant, instant, seconds } from '../../model/units.ts';
import { leaseLifetime } from '../lease.ts';
import type { Order } from './event.ts';
import { Hearers } from './hearers.ts';
import { before, GRAIN, holdHorizon, KERNEL_LATENESS, LATE } from './horizon.ts';
import type { Member } from './member.ts';
import type { UnitPlan } from './plan.ts';

/** The unit that holds, as it is at each moment. */
export interface Tenant {
  readonly plan: Pick<UnitPlan, 'name' | 'arbiter'>;
  readonly members: readonly Member[];
}

/** Of one unit: what it may hold, and for how long. */
export class Tenure {
  readonly #tenant: Tenant;
  readonly #leases: ReadonlyMap<string, Instant>;
  readonly #hearers = new Hearers();
  /** Since when the lease is ours without a break. */
  #leaseSince: Instant | undefined;
  /** Where an arbiter was configured while active: the leave to stay so until its lease has come. */
  #bridgedUntil: Instant | undefined;
  /** Whether the arbiter answers, and another director has the lease. */
  #contended = false;

  /** `leases`: until when the arbiter's lease of each unit is ours. */
  constructor(tenant: Tenant, leases: ReadonlyMap<string, Instant>) {
    this.#tenant = tenant;
    this.#leases = leases;
  }

  /** A member became active: nothing of an earlier time counts. */
  begin(): void {
    this.#hearers.clear();
    this.#bridgedUntil = undefined;
  }

  /** An arbiter was configured, perhaps while active: whoever hears us has heard the last advert. */
  bridge(now: Instant): void {
    const times = this.#tenant.members.flatMap(({ state, parameters }) =>
      state.name === 'active'
        ? [before(after(instant(Math.min(now, state.advertSentAt)), holdHorizon(parameters)), LATE)]
        : [],
    );
    this.#bridgedUntil = times.length === 0 ? undefined : instant(Math.min(...times));
  }

  /** The arbiter's lease was given, kept, lost or refused; `contended`: another director has it. */
  onLease(contended: boolean, now: Instant): void {
    this.#contended = contended;
    this.#leaseSince = this.leaseHeld(now) ? (this.#leaseSince ?? now) : undefined;
  }

  /** A backup answers an advert: orders to hold the addresses for longer, where it gives leave to. */
  onPresence(member: Member, path: number, source: IpAddress, now: Instant): Order[] {
    const former = this.#holdUntil();
    this.#hearers.onAnswer(member.key, path, source);
    // Without the arbiter's lease the answers come just before what the last ones gave leave for has run out.
    return (this.#holdUntil() ?? 0) > (former ?? 0) ? this.renewals(now) : [];
  }

  /** Whether the arbiter's lease is ours, for long enough that addresses can be put up. */
  leaseHeld(now: Instant): boolean {
    const heldUntil = this.#leases.get(this.#tenant.plan.name);
    return heldUntil !== undefined && now < before(heldUntil, GRAIN);
  }

  /** When an active unit must let go, unless more leave has come by then; undefined without an arbiter. */
  get deadline(): Instant | undefined {
    const until = this.#holdUntil();
    return until && before(until, GRAIN);
  }

  /** When no other director's kernel can hold the addresses any more; undefined: they have let go, or nobody asks. */
  get clearAt(): Instant | undefined {
    if (this.#tenant.plan.arbiter === undefined) return undefined;
    const times = this.#tenant.members.flatMap(({ state, parameters, leaving }) => {
      if (state.name !== 'backup' || leaving || state.activeRouter?.priority === 0) return [];
      const interval = centiseconds(Math.max(parameters.advertInterval, state.activeAdvertInterval));
      const heardAt = state.activeRouter?.at ?? state.since;
      return [after(heardAt, holdHorizon({ ...parameters, advertInterval: interval }))];
    });
    if (times.length === 0) return undefined;
    // Cut off from us it may have held them by its lease alone.
    const since = this.#leaseSince === undefined ? [] : [this.#leaseSince];
    return after(instant(Math.max(...times, ...since)), KERNEL_LATENESS);
  }

  /** The addresses for as long as there is leave for by now. */
  renewals(now: Instant): Order[] {
    const renewals = this.#tenant.members
      .filter(({ state }) => state.name === 'active')
      .map(({ key, parameters }): Order => {
        const lifetime = leaseLifetime(parameters);
        const action = { action: 'renew-addresses', addresses: parameters.addresses, lifetime } as const;
        return { order: 'act', key, action };
      });
    return this.within(renewals, now);
  }

  /**
   * What an arbiter changes of a member's orders, which are about to be carried out: no address is put up for longer
   * than there is leave for, and nobody is asked to let go by one that could not take over.
   */
  within(orders: readonly Order[], now: Instant): Order[] {
    if (this.#tenant.plan.arbiter === undefined || orders.length === 0) return [...orders];
    return orders.flatMap((order) => {
      if (order.order !== 'act') return order;
      const { key, action } = order;
      switch (action.action) {
        case 'send-advert':
          this.#hearers.onSent(key, now);
          return order;
        case 'send-presence':
          return { order: 'act', key, action: { ...action, asks: action.asks && this.#mayAsk(now) } };
        case 'install-addresses':
        case 'renew-addresses': {
          const most = Math.floor(elapsed(now, this.#holdUntil() ?? now) / GRAIN);
          if (most < 1) return [];
          const lifetime = seconds(Math.min(action.lifetime, most));
          return { order: 'act', key, action: { ...action, lifetime } };
        }
        default:
          return order;
      }
    });
  }

  /**
   * Until when the addresses may be in the kernel, undefined without an arbiter or while nothing is held: by the
   * arbiter's lease, or as long as every other director has heard us on one of the paths.
   */
  #holdUntil(): Instant | undefined {
    const { arbiter, name } = this.#tenant.plan;
    if (arbiter === undefined) return undefined;
    const active = this.#tenant.members.filter(({ holds }) => holds);
    if (active.length === 0) return undefined;
    const byLease = this.#leases.get(name) ?? instant(0);
    const confirmed = active.map((member) => this.#hearers.confirmedUntil(member, arbiter.directors - 1));
    return instant(Math.max(byLease, this.#bridgedUntil ?? 0, ...confirmed));
  }

  #mayAsk = (now: Instant): boolean => this.#contended || this.leaseHeld(now);
}
