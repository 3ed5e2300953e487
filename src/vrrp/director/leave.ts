/**
 * A unit seeks leave to become active: `permission.ts` says what must be waited for, and here that is ordered, the lease
 * and the fence among it, and what came of it is brought to every member that asks.
 */
import {
  centisecondsToMilliseconds,
  elapsed,
  type Instant,
  milliseconds,
  secondsToMilliseconds,
} from '../../model/units.ts';
import { preempts } from '../backup.ts';
import type { Event } from '../event.ts';
import { leaseLifetime } from '../lease.ts';
import type { Parameters, State } from '../state.ts';
import { activeDownInterval } from '../timers.ts';
import type { Order } from './event.ts';
import type { Fences, SilentPeer } from './fences.ts';
import type { Member } from './member.ts';
import {
  answered,
  type Circumstances,
  fenced,
  type Guards,
  idlePermission,
  type Outcome,
  type Permission,
  proceed,
} from './permission.ts';
import type { UnitPlan } from './plan.ts';
import type { Tenure } from './tenure.ts';

/** The unit that seeks it, as it is at each moment. */
export interface Seeker {
  readonly plan: UnitPlan;
  readonly members: readonly Member[];
  readonly tenure: Pick<Tenure, 'leaseHeld' | 'clearAt'>;
  step(member: Member, event: Event, now: Instant): Order[];
}

/** Of one unit: what it waits for, and whether it has asked for the arbiter's lease. */
export class Leave {
  readonly #unit: Seeker;
  readonly #fences: Fences;
  #permission: Permission = idlePermission();
  #leaseWanted = false;
  /** While leave is given to one member after the other nobody asks anew. */
  #granting = false;

  constructor(unit: Seeker, fences: Fences) {
    this.#unit = unit;
    this.#fences = fences;
  }

  /** What is waited for. */
  get permission(): Permission {
    return this.#permission;
  }

  /** Whether leave is just given to one member after the other, so that they are apart for a moment. */
  get granting(): boolean {
    return this.#granting;
  }

  /** Whether a member must ask for leave: where it is not alone, or something guards it. */
  get asks(): boolean {
    const { arbiter, fencing } = this.#unit.plan;
    const together = this.#unit.members.filter(({ leaving }) => !leaving).length > 1;
    return together || arbiter !== undefined || fencing !== undefined || this.#probes();
  }

  /** Begins, or goes on where something has changed; called as often as anybody likes. */
  seek(now: Instant): Order[] {
    if (this.#granting) return [];
    if (!this.#unit.members.some(({ asking }) => asking)) {
      this.#permission = idlePermission();
      return this.#leaseOrder(this.#needsLease());
    }
    const circumstances = this.#circumstances(now);
    const outcome = proceed(this.#permission, this.#guards(), now, circumstances, this.#fences.next());
    return this.#follow(outcome, now);
  }

  /** The end of fence `id`, which may be that of another unit, and free this one all the same. */
  onFenced(id: number, result: { readonly done: boolean; readonly reason: string }, now: Instant): Order[] {
    const leaseHeld = this.#unit.tenure.leaseHeld(now);
    const outcome = fenced(this.#permission, id, result, this.#guards(), now, leaseHeld);
    if (outcome !== undefined) return this.#follow(outcome, now);
    return result.done ? this.seek(now) : [];
  }

  /** Somebody answers for one of the addresses. */
  onAnswered(): void {
    this.#permission = answered(this.#permission);
  }

  /** Asks who has the addresses of one that has just become active without waiting for the answer. */
  probeBeside(member: Member, former: State): readonly Order[] {
    return member.router.probe === 'beside' && mayBeSilent(former, member.parameters)
      ? [probeOf(member)]
      : [];
  }

  /** Gives back what it has of the arbiter. */
  release(): Order[] {
    return this.#leaseOrder(false);
  }

  #follow(outcome: Outcome, now: Instant): Order[] {
    const asking = this.#unit.members.filter((member) => member.asking);
    switch (outcome.outcome) {
      case 'wait': {
        this.#permission = outcome.permission;
        const orders = this.#leaseOrder(this.#needsLease());
        if (outcome.probe) orders.push(...asking.map(probeOf));
        if (outcome.fence !== undefined) orders.push(this.#fenceOrder(outcome.fence, now));
        return orders;
      }
      case 'granted':
        return this.#grant(asking, now);
      case 'refused':
        this.#permission = idlePermission();
        return asking.flatMap((member) =>
          this.#unit.step(member, { event: 'refused', reason: outcome.reason }, now),
        );
      default:
        return outcome satisfies never;
    }
  }

  #grant(asking: readonly Member[], now: Instant): Order[] {
    this.#granting = true;
    const orders = asking.flatMap((member) => this.#unit.step(member, { event: 'granted' }, now));
    this.#granting = false;
    this.#permission = idlePermission();
    return [...orders, ...this.#leaseOrder(this.#needsLease())];
  }

  #guards(): Guards {
    const { plan, members } = this.#unit;
    const probe = this.#probes() && members.some(({ state, parameters }) => mayBeSilent(state, parameters));
    return { probe, arbiter: plan.arbiter !== undefined, fencing: plan.fencing };
  }

  #probes = (): boolean => this.#unit.members.some(({ router }) => router.probe === 'before');

  #circumstances(now: Instant): Circumstances {
    const { members, tenure } = this.#unit;
    const present = members.filter(({ leaving }) => !leaving);
    return {
      unanimous: present.every((member) => member.asking || member.state.name === 'active'),
      leaseHeld: tenure.leaseHeld(now),
      silentPeer: this.#silentPeers(now)[0]?.address,
      clearAt: tenure.clearAt,
      longestLease: milliseconds(
        Math.max(0, ...present.map(({ parameters }) => secondsToMilliseconds(leaseLifetime(parameters)))),
      ),
    };
  }

  #needsLease(): boolean {
    if (this.#unit.plan.arbiter === undefined) return false;
    const { stage } = this.#permission;
    if (stage === 'lease' || stage === 'lapse' || stage === 'fence' || stage === 'fence-failed') return true;
    return this.#unit.members.some(({ holds }) => holds);
  }

  #leaseOrder(wanted: boolean): Order[] {
    if (wanted === this.#leaseWanted) return [];
    this.#leaseWanted = wanted;
    return [{ order: 'lease', unit: this.#unit.plan.name, wanted }];
  }

  #fenceOrder(id: number, now: Instant): Order {
    const addresses = this.#silentPeers(now).map(({ address }) => address);
    this.#fences.order(id, addresses);
    return { order: 'fence', id, unit: this.#unit.plan.name, peer: addresses[0] };
  }

  /** Those that may still be there: none where it was fenced already. */
  #silentPeers(now: Instant): readonly SilentPeer[] {
    const silent = this.#unit.members.flatMap((member) => silentPeerOf(member, now) ?? []);
    return silent.some((peer) => this.#fences.isOff(peer, now)) ? [] : silent;
  }
}

/** The active router whose adverts stopped without a farewell. One of lower priority that still speaks lives. */
function silentPeerOf({ state, parameters }: Member, now: Instant): SilentPeer | undefined {
  if (state.name !== 'backup' || state.activeRouter === undefined) return undefined;
  const { address, priority, at } = state.activeRouter;
  const silence = parameters.downAdverts * centisecondsToMilliseconds(state.activeAdvertInterval);
  const patience = activeDownInterval(parameters, state.activeAdvertInterval);
  return priority !== 0 && elapsed(at, now) >= silence ? { address, at, patience } : undefined;
}

/**
 * Whether a backup that becomes active may find an owner that no longer advertises: not where the active router has let
 * go, or is preempted, which may just still answer.
 */
const mayBeSilent = (state: State, parameters: Parameters): boolean =>
  state.name === 'backup' && state.timerSetTo !== 'skew-time' && !preempts(state, parameters);

const probeOf = (member: Member): Order => ({
  order: 'probe',
  key: member.key,
  addresses: member.parameters.addresses,
});
