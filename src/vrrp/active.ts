/** The rules of the state active (RFC 9568 section 6.4.3). */
import { compareAddresses } from '../model/address.ts';
import { after, centisecondsToMilliseconds, elapsed, type Instant, milliseconds } from '../model/units.ts';
import type { VirtualAddress } from '../model/virtual-router.ts';
import type { Action } from './action.ts';
import { addedTo, among, sameAddresses } from './address-list.ts';
import { announceAgain, announced } from './announcements.ts';
import {
  beforeReport,
  enterBackup,
  enterHeld,
  enterReleasing,
  enterStopped,
  preceded,
  type Step,
  unchanged,
  withdrawal,
} from './enter.ts';
import type { AdvertEvent, Event } from './event.ts';
import { leaseLifetime, renewalInterval, renewedWith } from './lease.ts';
import type { Active, Parameters } from './state.ts';
import { earlier, mayHaveLapsed, nextAdvertAt, SHORTEST_INTERVAL } from './timers.ts';

/** For so long after it took over an active router expects to hear from the one that it preempted. */
const PREEMPTED_WITHIN = milliseconds(1_000);

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
      return reinstall(state, among(addresses, event.addresses), parameters);
    case 'parameters-changed':
      return parametersChanged(state, event.previous, now, parameters);
    case 'shutdown':
      return enterReleasing(state, event.reason, now, parameters, { next: 'stop' });
    case 'handover':
      return enterReleasing(state, event.reason, now, parameters, {
        next: 'listen',
        ifNobody: event.ifNobody,
      });
    case 'fault':
      return enterReleasing(state, event.reason, now, parameters, { next: 'hold', obstacle: event.reason });
    case 'stop':
      return stopped(state, event.reason, now, parameters);
    case 'step-down':
      return beforeReport(enterBackup(state, event.reason, now, parameters), LET_GO);
    case 'stalled':
      // Whoever took over speaks at once when it hears that, and whoever gave way to an advert that left our machine
      // only when that woke up need not wait until we are missed again.
      return beforeReport(enterBackup(state, event.reason, now, parameters), LET_GO);
    case 'interface-lost':
      return preceded(withdrawal(parameters), enterHeld(state, event.reason, now, true));
    case 'contested':
      return withAnnouncement(contested(state, now, parameters), now, parameters);
    case 'startup':
    case 'resume':
    case 'granted':
    case 'refused':
    case 'unknown':
    case 'addresses-found':
    case 'cleared':
      return unchanged(state);
    default:
      return event satisfies never;
  }
}

/** Whoever hears that we let go may have the addresses at once, where an arbiter sees to it that nobody else does. */
function stopped(state: Active, reason: string, now: Instant, parameters: Parameters): Step {
  const gone = enterStopped(state, reason, now);
  return parameters.exclusive
    ? preceded([...withdrawal(parameters), LET_GO], gone)
    : preceded([LET_GO, ...withdrawal(parameters)], gone);
}

const contested = (state: Active, now: Instant, { announce }: Parameters): ActiveStep => ({
  state: { ...state, announcements: announceAgain(state.announcements, now, announce) },
  actions: [],
});

const LET_GO: Action = { action: 'send-advert', priority: 0 };

/** What is due at once is done in this order, whichever deadline was the earlier: advert, lease, announcement. */
function timer(state: Active, now: Instant, parameters: Parameters): Step {
  const renewed = withLease(withAdvert({ state, actions: [] }, now, parameters), now, parameters);
  return withAnnouncement(renewed, now, parameters);
}

function withAdvert(step: ActiveStep, now: Instant, parameters: Parameters): ActiveStep {
  const { advertAt, advertSentAt } = step.state;
  if (now < advertAt) return step;
  const next = nextAdvertAt(advertAt, now, centisecondsToMilliseconds(parameters.advertInterval));
  const renewAt = renewedWith(parameters.advertInterval, now, next, step.state.renewAt);
  const sent = { ...step.state, advertAt: next, advertSentAt: now, renewAt };
  // So long without an advert that a backup may have taken over, and the lease may have ended: claim it all again.
  const state = mayHaveLapsed(advertSentAt, now, parameters)
    ? { ...sent, renewAt: now, announcements: announceAgain(sent.announcements, now, parameters.announce) }
    : sent;
  return { state, actions: [...step.actions, { action: 'send-advert', priority: parameters.priority }] };
}

function withLease(step: ActiveStep, now: Instant, parameters: Parameters): ActiveStep {
  if (now < step.state.renewAt) return step;
  const { advertInterval, addresses } = parameters;
  return {
    state: { ...step.state, renewAt: after(now, renewalInterval(advertInterval)) },
    actions: [...step.actions, { action: 'renew-addresses', addresses, lifetime: leaseLifetime(parameters) }],
  };
}

function withAnnouncement(step: ActiveStep, now: Instant, { addresses, announce }: Parameters): ActiveStep {
  const { nextAt } = step.state.announcements;
  if (nextAt === undefined || now < nextAt) return step;
  return {
    state: { ...step.state, announcements: announced(step.state.announcements, now, announce) },
    actions: [...step.actions, { action: 'announce', addresses }],
  };
}

function heard(state: Active, event: AdvertEvent, now: Instant, parameters: Parameters): Step {
  const { priority, maxAdvertiseInterval } = event.advertisement;
  // The owner gives way to nobody (section 7.1 discards what it receives).
  if (parameters.priority === 255) return unchanged(state);
  if (priority === 0) {
    const step = assertActive({ state, actions: [] }, now, parameters);
    if (step.actions.length === 0) return step;
    const advertAt = after(now, centisecondsToMilliseconds(parameters.advertInterval));
    return { ...step, state: { ...step.state, advertAt } };
  }
  if (priority === parameters.priority && !event.decidesTies) return unchanged(state);
  if (outranks(event, parameters)) {
    const router = { address: event.source, priority, at: now };
    const reason = `${event.source} has ${priority > parameters.priority ? `priority ${priority}` : 'the same priority and a greater address'}`;
    const interval = parameters.version === 2 ? parameters.advertInterval : maxAdvertiseInterval;
    const listening = enterBackup(state, reason, now, parameters, { heard: { router, interval } });
    return preceded([rival(event, 'lost')], lastWord(listening, parameters));
  }
  // A rival may have drawn the traffic: assert at once (section 6.4.3), and announce anew for switches and hosts.
  // At first it may be the last word of the one that was preempted, which is no news.
  const expected = elapsed(state.since, now) < PREEMPTED_WITHIN;
  const disputed = {
    ...state,
    rivalAt: expected ? state.rivalAt : now,
    announcements: announceAgain(state.announcements, now, parameters.announce),
  };
  const told = !expected && isNewMeeting(state, now, parameters) ? [rival(event, 'won')] : [];
  return withAnnouncement(assertActive({ state: disputed, actions: told }, now, parameters), now, parameters);
}

/**
 * Whoever gives way says so with one more advert of its own priority (keepalived: vrrp_higher_prio_send_advert).
 * Otherwise the one that goes on may never have heard of it when a partition heals, does not announce its addresses
 * again, and clients that learnt the loser's Ethernet address go on sending to it: for 15 s and more, measured. With an
 * arbiter no two were active.
 */
const lastWord = (step: Step, { exclusive, priority }: Parameters): Step =>
  exclusive ? step : beforeReport(step, { action: 'send-advert', priority });

/** One meeting is told once, however many adverts it takes until the other gives way. */
const isNewMeeting = (
  { rivalAt }: Active,
  now: Instant,
  { advertInterval, downAdverts }: Parameters,
): boolean =>
  rivalAt === undefined || elapsed(rivalAt, now) > downAdverts * centisecondsToMilliseconds(advertInterval);

const rival = ({ source, advertisement }: AdvertEvent, outcome: 'won' | 'lost'): Action => ({
  action: 'rival',
  address: source,
  priority: advertisement.priority,
  outcome,
});

const outranks = ({ source, local, advertisement }: AdvertEvent, { priority }: Parameters): boolean =>
  advertisement.priority > priority ||
  (advertisement.priority === priority && compareAddresses(source, local) > 0);

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

/** Puts back what somebody else removed; stays active all the while. The kernel may have dropped routes with it. */
function reinstall(state: Active, lost: readonly VirtualAddress[], parameters: Parameters): Step {
  if (lost.length === 0) return unchanged(state);
  return {
    state,
    actions: [
      { action: 'install-addresses', addresses: lost, lifetime: leaseLifetime(parameters) },
      { action: 'announce', addresses: lost },
      { action: 'install-routes' },
    ],
  };
}

/**
 * An advert first, as the others must learn a longer interval before the shorter one has passed three times. New
 * addresses come before old ones go.
 */
function parametersChanged(state: Active, previous: Parameters, now: Instant, parameters: Parameters): Step {
  const { priority, advertInterval, addresses } = parameters;
  const leaseChanged = leaseLifetime(parameters) !== leaseLifetime(previous);
  const intervalChanged = advertInterval !== previous.advertInterval;
  const same = !leaseChanged && !intervalChanged && priority === previous.priority;
  if (same && sameAddresses(previous.addresses, addresses)) return unchanged(state);
  const lifetime = leaseLifetime(parameters);
  const added = addedTo(addresses, previous.addresses);
  const removed = addedTo(previous.addresses, addresses);
  const actions: Action[] = [{ action: 'send-advert', priority }];
  if (added.length > 0) actions.push({ action: 'install-addresses', addresses: added, lifetime });
  if (leaseChanged) actions.push({ action: 'renew-addresses', addresses, lifetime });
  if (added.length > 0) actions.push({ action: 'announce', addresses: added });
  if (removed.length > 0) actions.push({ action: 'remove-addresses', addresses: removed });
  // IPv6 has each address but once, of whatever length: what was put was the one that has just been removed.
  const again = added.filter(({ address, device }) =>
    removed.some((each) => each.address === address && each.device === device),
  );
  if (again.length > 0) actions.push({ action: 'install-addresses', addresses: again, lifetime });
  const next: Active = {
    ...state,
    advertAt: after(now, centisecondsToMilliseconds(advertInterval)),
    advertSentAt: now,
    renewAt: leaseChanged ? after(now, renewalInterval(advertInterval)) : state.renewAt,
    announcements:
      added.length > 0 ? announceAgain(state.announcements, now, parameters.announce) : state.announcements,
  };
  return { state: next, actions };
}
