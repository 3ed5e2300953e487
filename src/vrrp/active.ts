/** The rules of the state active (RFC 9568 section 6.4.3). */
import { compareAddresses, type IpAddress, type Prefix } from '../model/address.ts';
import { after, centisecondsToMilliseconds, type Instant } from '../model/units.ts';
import type { Action } from './action.ts';
import { addedTo, among, samePrefixes } from './address-list.ts';
import { announceAgain, announced } from './announcements.ts';
import {
  enterBackup,
  enterHeld,
  enterReleasing,
  enterStopped,
  preceded,
  type Step,
  unchanged,
} from './enter.ts';
import type { Event } from './event.ts';
import { leaseLifetime, renewalInterval, renewedWith } from './lease.ts';
import type { Active, Parameters } from './state.ts';
import { earlier, mayHaveLapsed, nextAdvertAt, SHORTEST_INTERVAL } from './timers.ts';

type Advert = Extract<Event, { event: 'advert' }>;

/** A state that stays active, with the actions so far. */
interface ActiveStep {
  readonly state: Active;
  readonly actions: readonly Action[];
}

export function stepActive(state: Active, event: Event, now: Instant, parameters: Parameters): Step {
  const { addresses } = parameters;
  switch (event.event) {
    case 'timer':
      return timer(state, now, parameters);
    case 'advert':
      return heard(state, event, now, parameters);
    case 'addresses-lost':
      return reinstall(state, among(event.addresses, addresses), parameters);
    case 'parameters-changed':
      return parametersChanged(state, event.previous, now, parameters);
    case 'shutdown':
      return enterReleasing(state, event.reason, now, parameters);
    case 'stop':
      return preceded(
        [
          { action: 'send-advert', priority: 0 },
          { action: 'remove-addresses', addresses },
        ],
        enterStopped(state, event.reason, now),
      );
    case 'interface-lost':
      return preceded([{ action: 'remove-addresses', addresses }], enterHeld(state, event.reason, now, true));
    case 'startup':
    case 'resume':
    case 'interface-regained':
      return unchanged(state);
    default:
      return event satisfies never;
  }
}

/** What is due at once is done in this order, whichever deadline was the earlier: advert, lease, announcement. */
function timer(state: Active, now: Instant, parameters: Parameters): Step {
  const renewed = withLease(withAdvert({ state, actions: [] }, now, parameters), now, parameters);
  return withAnnouncement(renewed, now, parameters);
}

function withAdvert(step: ActiveStep, now: Instant, parameters: Parameters): ActiveStep {
  const { advertAt, advertSentAt } = step.state;
  if (now < advertAt) return step;
  const interval = centisecondsToMilliseconds(parameters.advertInterval);
  const next = nextAdvertAt(advertAt, now, interval);
  const renewAt = renewedWith(parameters.advertInterval, now, next, step.state.renewAt);
  const sent = { ...step.state, advertAt: next, advertSentAt: now, renewAt };
  // So long without an advert that a backup may have taken over, and the lease may have ended: claim it all again.
  const state = mayHaveLapsed(advertSentAt, now, interval)
    ? { ...sent, renewAt: now, announcements: announceAgain(sent.announcements, now) }
    : sent;
  return { state, actions: [...step.actions, { action: 'send-advert', priority: parameters.priority }] };
}

function withLease(step: ActiveStep, now: Instant, { advertInterval, addresses }: Parameters): ActiveStep {
  if (now < step.state.renewAt) return step;
  return {
    state: { ...step.state, renewAt: after(now, renewalInterval(advertInterval)) },
    actions: [
      ...step.actions,
      { action: 'renew-addresses', addresses, lifetime: leaseLifetime(advertInterval) },
    ],
  };
}

function withAnnouncement(step: ActiveStep, now: Instant, { addresses }: Parameters): ActiveStep {
  const { nextAt } = step.state.announcements;
  if (nextAt === undefined || now < nextAt) return step;
  return {
    state: { ...step.state, announcements: announced(step.state.announcements, now) },
    actions: [...step.actions, announce(addresses)],
  };
}

function heard(state: Active, advert: Advert, now: Instant, parameters: Parameters): Step {
  const { priority, maxAdvertiseInterval } = advert.advertisement;
  // The owner gives way to nobody (section 7.1 discards what it receives).
  if (parameters.priority === 255) return unchanged(state);
  if (priority === 0) {
    const step = assertActive({ state, actions: [] }, now, parameters);
    if (step.actions.length === 0) return step;
    const advertAt = after(now, centisecondsToMilliseconds(parameters.advertInterval));
    return { ...step, state: { ...step.state, advertAt } };
  }
  if (outranks(priority, advert.source, parameters)) {
    const router = { address: advert.source, priority, at: now };
    const reason = `${advert.source} has ${priority > parameters.priority ? `priority ${priority}` : 'the same priority and a greater address'}`;
    return enterBackup(state, reason, now, parameters, { router, interval: maxAdvertiseInterval });
  }
  // A rival may have drawn the traffic: assert at once (section 6.4.3), and announce anew for switches and hosts.
  const contested = { ...state, announcements: announceAgain(state.announcements, now) };
  return withAnnouncement(assertActive({ state: contested, actions: [] }, now, parameters), now, parameters);
}

const outranks = (priority: number, source: IpAddress, parameters: Parameters): boolean =>
  priority > parameters.priority ||
  (priority === parameters.priority && compareAddresses(source, parameters.source) > 0);

/**
 * Sends an advert out of turn; the regular ones go on as they were. Within the shortest interval of the last advert
 * it is put off instead, so that no flood of packets makes us answer one for one.
 */
function assertActive(step: ActiveStep, now: Instant, parameters: Parameters): ActiveStep {
  const { advertAt, advertSentAt } = step.state;
  const soonest = after(advertSentAt, SHORTEST_INTERVAL);
  if (now < soonest) {
    return { ...step, state: { ...step.state, advertAt: earlier(soonest, advertAt) } };
  }
  // One that is due by now is this one.
  const interval = centisecondsToMilliseconds(parameters.advertInterval);
  const next = now < advertAt ? advertAt : nextAdvertAt(advertAt, now, interval);
  const renewAt = renewedWith(parameters.advertInterval, now, next, step.state.renewAt);
  const sent: ActiveStep = {
    state: { ...step.state, advertAt: next, advertSentAt: now, renewAt },
    actions: [...step.actions, { action: 'send-advert', priority: parameters.priority }],
  };
  return withLease(sent, now, parameters);
}

/** Puts back what somebody else removed; stays active all the while. */
function reinstall(state: Active, lost: readonly Prefix[], { advertInterval }: Parameters): Step {
  if (lost.length === 0) return unchanged(state);
  const lifetime = leaseLifetime(advertInterval);
  return {
    state,
    actions: [{ action: 'install-addresses', addresses: lost, lifetime }, announce(lost)],
  };
}

/**
 * An advert first, as the others must learn a longer interval before the shorter one has passed three times. New
 * addresses come before old ones go.
 */
function parametersChanged(state: Active, previous: Parameters, now: Instant, parameters: Parameters): Step {
  const { priority, advertInterval, addresses } = parameters;
  const intervalChanged = advertInterval !== previous.advertInterval;
  if (!intervalChanged && priority === previous.priority && samePrefixes(previous.addresses, addresses)) {
    return unchanged(state);
  }
  const lifetime = leaseLifetime(advertInterval);
  const added = addedTo(addresses, previous.addresses);
  const removed = addedTo(previous.addresses, addresses);
  const actions: Action[] = [{ action: 'send-advert', priority }];
  if (added.length > 0) actions.push({ action: 'install-addresses', addresses: added, lifetime });
  if (intervalChanged) actions.push({ action: 'renew-addresses', addresses, lifetime });
  if (added.length > 0) actions.push(announce(added));
  if (removed.length > 0) actions.push({ action: 'remove-addresses', addresses: removed });
  const next: Active = {
    ...state,
    advertAt: after(now, centisecondsToMilliseconds(advertInterval)),
    advertSentAt: now,
    renewAt: intervalChanged ? after(now, renewalInterval(advertInterval)) : state.renewAt,
    announcements: added.length > 0 ? announceAgain(state.announcements, now) : state.announcements,
  };
  return { state: next, actions };
}

const announce = (addresses: readonly Prefix[]): Action => ({
  action: 'announce',
  addresses: addresses.map(({ address }) => address),
});
