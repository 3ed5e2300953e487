/** The rules of the state backup (RFC 9568 section 6.4.2). */
import { after, type Centiseconds, elapsed, type Instant, instant } from '../model/units.ts';
import type { VirtualAddress } from '../model/virtual-router.ts';
import type { Action } from './action.ts';
import { addedTo } from './address-list.ts';
import {
  activeDownDeadline,
  adoptable,
  enterActive,
  enterHeld,
  enterStopped,
  type Step,
  unchanged,
} from './enter.ts';
import type { AdvertEvent, Event } from './event.ts';
import type { Backup, Parameters } from './state.ts';
import { activeDownInterval, earlier } from './timers.ts';

export function stepBackup(state: Backup, event: Event, now: Instant, parameters: Parameters): Step {
  switch (event.event) {
    case 'timer':
      return timer(state, now, parameters);
    case 'advert':
      return heard(state, event, now, parameters);
    case 'granted':
      return state.askingSince === undefined || parameters.standby
        ? unchanged(state)
        : enterActive(state, takeOverReason(state, state.askingSince, parameters), now, parameters);
    case 'refused':
      return refused(state, event.reason, now, parameters);
    case 'addresses-found':
      return { state, actions: removal(event.addresses, parameters) };
    case 'parameters-changed':
      return parametersChanged(state, event.previous, now, parameters);
    case 'shutdown':
    case 'stop':
      return enterStopped(state, event.reason, now);
    case 'interface-lost':
    case 'fault':
      return enterHeld(state, event.reason, now, true);
    case 'startup':
    case 'resume':
    case 'handover':
    case 'step-down':
    case 'stalled':
    case 'contested':
    case 'cleared':
    case 'unknown':
    case 'addresses-lost':
      return unchanged(state);
    default:
      return event satisfies never;
  }
}

function timer(state: Backup, now: Instant, parameters: Parameters): Step {
  if (state.askingSince !== undefined || now < state.activeDownAt) return unchanged(state);
  if (parameters.standby) return { state: waitAgain(state, now, parameters), actions: [] };
  if (parameters.asks) return { state: { ...state, askingSince: now }, actions: [{ action: 'ask-leave' }] };
  return enterActive(state, takeOverReason(state, now, parameters), now, parameters);
}

function heard(
  state: Backup,
  { advertisement, source }: AdvertEvent,
  now: Instant,
  parameters: Parameters,
): Step {
  const { priority } = advertisement;
  const next: Backup = { ...state, activeRouter: { address: source, priority, at: now } };
  if (priority === 0) return { state: letGo(next, now, parameters), actions: [] };
  if (!parameters.preempt || priority >= parameters.priority) {
    return {
      state: accepted(next, advertisement.maxAdvertiseInterval, now, parameters),
      actions: answer(parameters, false),
    };
  }
  return {
    state: inferior(next, advertisement.maxAdvertiseInterval, now, parameters),
    actions: answer(parameters, state.askingSince !== undefined),
  };
}

/** A backup must not answer for the addresses (section 6.4.2), whoever put them up. */
function removal(found: readonly VirtualAddress[], parameters: Parameters): readonly Action[] {
  // With whatever prefix length they were put up.
  const virtual = new Set(parameters.addresses.map(({ address }) => address));
  const addresses = found.filter(({ address }) => virtual.has(address));
  return addresses.length > 0 ? [{ action: 'remove-addresses', addresses }] : [];
}

/** With an arbiter the active router must know that it is heard, and who wants to preempt it. */
const answer = ({ exclusive }: Parameters, asks: boolean): readonly Action[] =>
  exclusive ? [{ action: 'send-presence', asks }] : [];

function letGo(state: Backup, now: Instant, parameters: Parameters): Backup {
  if (state.askingSince !== undefined) return state;
  return waiting(state, 'skew-time', state.activeAdvertInterval, now, parameters);
}

/** The active router is there and stays so: nothing is wanted any more. */
function accepted(state: Backup, interval: Centiseconds, now: Instant, parameters: Parameters): Backup {
  const adopted = parameters.version === 2 ? parameters.advertInterval : adoptable(interval);
  const next = waiting(state, 'active-down-interval', adopted, now, parameters);
  return { ...next, adopted: parameters.version === 3, inferiorSince: undefined, askingSince: undefined };
}

/**
 * A router of lower priority is active. Its adverts are discarded (section 6.4.2), so that the timer runs out and this
 * router preempts it. While `preempt: { delay }` lasts they count, so that only its silence ends the wait before.
 */
function inferior(state: Backup, interval: Centiseconds, now: Instant, parameters: Parameters): Backup {
  const { preemptDelay } = parameters;
  if (preemptDelay === 0 || state.askingSince !== undefined) return state;
  const since = state.inferiorSince ?? now;
  const preemptAt = after(since, preemptDelay);
  const next = waiting(state, 'active-down-interval', adoptable(interval), now, parameters);
  return {
    ...next,
    inferiorSince: since,
    activeDownAt: earlier(next.activeDownAt, instant(Math.max(now, preemptAt))),
  };
}

function waiting(
  state: Backup,
  setTo: Backup['timerSetTo'],
  interval: Centiseconds,
  now: Instant,
  parameters: Parameters,
): Backup {
  return {
    ...state,
    activeAdvertInterval: interval,
    timerSetAt: now,
    timerSetTo: setTo,
    activeDownAt: activeDownDeadline(now, setTo, parameters, interval, state.listenUntil),
  };
}

/** The wait begins again, and what was asked is no longer wanted. */
function waitAgain(state: Backup, now: Instant, parameters: Parameters): Backup {
  const activeDownAt = after(now, activeDownInterval(parameters, state.activeAdvertInterval));
  return { ...state, askingSince: undefined, inferiorSince: undefined, activeDownAt };
}

const refused = (state: Backup, reason: string, now: Instant, parameters: Parameters): Step =>
  state.askingSince === undefined
    ? unchanged(state)
    : { state: { ...waitAgain(state, now, parameters), reason }, actions: [] };

/**
 * The running timer is measured anew from when it was set, so that a reload neither hastens nor delays a take-over.
 * Addresses that are new may be on the interface already, and a backup must not answer for them (section 6.4.2).
 */
function parametersChanged(state: Backup, previous: Parameters, now: Instant, parameters: Parameters): Step {
  const { priority, asks, standby, addresses } = parameters;
  if (priority === 255 && !asks && !standby)
    return enterActive(state, 'configured as owner of the addresses', now, parameters);
  const interval = state.adopted ? state.activeAdvertInterval : parameters.advertInterval;
  const due = activeDownDeadline(state.timerSetAt, state.timerSetTo, parameters, interval, state.listenUntil);
  const activeDownAt = instant(Math.max(now, due));
  const askingSince = asks && !standby ? state.askingSince : undefined;
  const added = addedTo(addresses, previous.addresses);
  return {
    state: { ...state, activeAdvertInterval: interval, activeDownAt, askingSince },
    actions: added.length > 0 ? [{ action: 'remove-addresses', addresses: added }] : [],
  };
}

/** Whether a take-over now is from a router of lower priority that still speaks, and not because it is silent. */
export function preempts(
  { activeRouter, timerSetAt, inferiorSince, activeDownAt }: Backup,
  { preemptDelay }: Parameters,
): boolean {
  if (activeRouter === undefined || activeRouter.priority === 0) return false;
  if (activeRouter.at > timerSetAt) return true;
  return inferiorSince !== undefined && activeDownAt >= after(inferiorSince, preemptDelay);
}

function takeOverReason(state: Backup, now: Instant, parameters: Parameters): string {
  const { activeRouter, timerSetAt, timerSetTo } = state;
  if (activeRouter && preempts(state, parameters)) {
    return `preempts ${activeRouter.address} of priority ${activeRouter.priority}`;
  }
  if (activeRouter && (timerSetTo === 'skew-time' || activeRouter.priority === 0))
    return `${activeRouter.address} let go (priority 0)`;
  const from = activeRouter ? ` from ${activeRouter.address}` : '';
  return `no advert${from} for ${(elapsed(timerSetAt, now) / 1000).toFixed(3)} s`;
}
