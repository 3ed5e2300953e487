/** The rules of the state backup (RFC 9568 section 6.4.2). */
import { elapsed, type Instant, instant } from '../model/units.ts';
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
import type { Event } from './event.ts';
import type { Backup, Parameters } from './state.ts';

type Advert = Extract<Event, { event: 'advert' }>;

export function stepBackup(state: Backup, event: Event, now: Instant, parameters: Parameters): Step {
  switch (event.event) {
    case 'timer':
      return now >= state.activeDownAt
        ? enterActive(state, takeOverReason(state, now), now, parameters)
        : unchanged(state);
    case 'advert':
      return { state: heard(state, event, now, parameters), actions: [] };
    case 'parameters-changed':
      return parametersChanged(state, event.previous, now, parameters);
    case 'shutdown':
    case 'stop':
      return enterStopped(state, event.reason, now);
    case 'interface-lost':
      return enterHeld(state, event.reason, now, true);
    case 'startup':
    case 'resume':
    case 'interface-regained':
    case 'addresses-lost':
      return unchanged(state);
    default:
      return event satisfies never;
  }
}

function heard(
  state: Backup,
  { advertisement, source }: Advert,
  now: Instant,
  parameters: Parameters,
): Backup {
  const { priority } = advertisement;
  const activeRouter = { address: source, priority, at: now };
  const setTimer = (setTo: Backup['timerSetTo'], interval: Backup['activeAdvertInterval']): Backup => ({
    ...state,
    activeRouter,
    activeAdvertInterval: interval,
    timerSetAt: now,
    timerSetTo: setTo,
    activeDownAt: activeDownDeadline(now, setTo, parameters.priority, interval),
  });
  if (priority === 0) return setTimer('skew-time', state.activeAdvertInterval);
  if (!parameters.preempt || priority >= parameters.priority) {
    const interval = adoptable(advertisement.maxAdvertiseInterval);
    return { ...setTimer('active-down-interval', interval), adopted: true };
  }
  // Discarded: the timer goes on, and at its end this router preempts that one. Status shows whom we hear.
  return { ...state, activeRouter };
}

/**
 * The running timer is measured anew from when it was set, so that a reload neither hastens nor delays a take-over.
 * Addresses that are new may be on the interface already, and a backup must not answer for them (section 6.4.2).
 */
function parametersChanged(state: Backup, previous: Parameters, now: Instant, parameters: Parameters): Step {
  if (parameters.priority === 255) {
    return enterActive(state, 'configured as owner of the addresses', now, parameters);
  }
  const interval = state.adopted ? state.activeAdvertInterval : parameters.advertInterval;
  const due = activeDownDeadline(state.timerSetAt, state.timerSetTo, parameters.priority, interval);
  const activeDownAt = instant(Math.max(now, due));
  const added = addedTo(parameters.addresses, previous.addresses);
  return {
    state: { ...state, activeAdvertInterval: interval, activeDownAt },
    actions: added.length > 0 ? [{ action: 'remove-addresses', addresses: added }] : [],
  };
}

function takeOverReason({ activeRouter, timerSetAt, timerSetTo }: Backup, now: Instant): string {
  if (activeRouter && activeRouter.at > timerSetAt) {
    return `preempts ${activeRouter.address} of priority ${activeRouter.priority}`;
  }
  if (activeRouter && timerSetTo === 'skew-time') return `${activeRouter.address} let go (priority 0)`;
  const from = activeRouter ? ` from ${activeRouter.address}` : '';
  return `no advert${from} for ${(elapsed(timerSetAt, now) / 1000).toFixed(3)} s`;
}
