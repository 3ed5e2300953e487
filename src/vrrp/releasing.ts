/**
 * The rules of the state releasing, vipward's own: a priority of 0 was sent, and the addresses serve on until the
 * successor has spoken, or until none can be expected. No advert but the priority of 0, no announcement.
 */
import { after, centisecondsToMilliseconds, type Instant } from '../model/units.ts';
import type { Action } from './action.ts';
import { addedTo, among } from './address-list.ts';
import {
  enterActive,
  enterBackup,
  enterHeld,
  enterStopped,
  preceded,
  type Step,
  unchanged,
} from './enter.ts';
import type { Event } from './event.ts';
import { leaseLifetime } from './lease.ts';
import type { Parameters, Releasing } from './state.ts';
import { earlier, RELEASE_LINGER, releaseRepeatInterval, releaseWait } from './timers.ts';

type Advert = Extract<Event, { event: 'advert' }>;

export function stepReleasing(state: Releasing, event: Event, now: Instant, parameters: Parameters): Step {
  switch (event.event) {
    case 'timer':
      if (now >= state.until) return finish(state, endReason(state), now, parameters);
      return repeat(state, now, parameters);
    case 'advert':
      return heard(state, event, now);
    case 'startup':
    case 'resume':
      return restart(state, now, parameters);
    case 'stop':
      return finish(state, event.reason, now, parameters);
    case 'interface-lost':
      return preceded([removal(parameters)], enterHeld(state, event.reason, now, false));
    case 'addresses-lost':
      return reinstall(state, event, parameters);
    case 'parameters-changed':
      return parametersChanged(state, event, parameters);
    case 'shutdown':
    case 'interface-regained':
      return unchanged(state);
    default:
      return event satisfies never;
  }
}

function repeat(state: Releasing, now: Instant, { advertInterval }: Parameters): Step {
  if (state.repeatAt === undefined || now < state.repeatAt) return unchanged(state);
  const interval = centisecondsToMilliseconds(advertInterval);
  const repeatsLeft = state.repeatsLeft - 1;
  return {
    state: {
      ...state,
      repeatsLeft,
      repeatAt: repeatsLeft > 0 ? after(now, releaseRepeatInterval(interval)) : undefined,
      until: after(now, releaseWait(interval)),
    },
    actions: [{ action: 'send-advert', priority: 0 }],
  };
}

/** Whoever advertises now, of whatever priority, is the successor; only another that lets go is not. */
function heard(state: Releasing, { advertisement, source }: Advert, now: Instant): Step {
  if (advertisement.priority === 0 || state.successor) return unchanged(state);
  const soon = after(now, RELEASE_LINGER);
  const successor = { address: source, priority: advertisement.priority, at: now };
  const until = earlier(soon, state.until);
  return { state: { ...state, successor, until, repeatAt: undefined, repeatsLeft: 0 }, actions: [] };
}

/** Started again before the end: what was not yet taken over is kept. The owner takes it back in any case. */
function restart(state: Releasing, now: Instant, parameters: Parameters): Step {
  return state.successor && parameters.priority !== 255
    ? enterBackup(state, `started again, after ${state.successor.address} took over`, now, parameters)
    : enterActive(state, restartReason(state), now, parameters);
}

const restartReason = ({ successor }: Releasing): string =>
  successor ? 'started again: owner of the addresses' : 'started again before anybody took over';

function reinstall(
  state: Releasing,
  event: Extract<Event, { event: 'addresses-lost' }>,
  { addresses, advertInterval }: Parameters,
): Step {
  const lost = among(event.addresses, addresses);
  if (state.successor || lost.length === 0) return unchanged(state);
  const lifetime = leaseLifetime(advertInterval);
  return { state, actions: [{ action: 'install-addresses', addresses: lost, lifetime }] };
}

/** What is configured no more goes now, since the end removes only what is configured then; nothing is added. */
function parametersChanged(
  state: Releasing,
  { previous }: Extract<Event, { event: 'parameters-changed' }>,
  { addresses }: Parameters,
): Step {
  const removed = addedTo(previous.addresses, addresses);
  if (removed.length === 0) return unchanged(state);
  return { state, actions: [{ action: 'remove-addresses', addresses: removed }] };
}

const finish = (state: Releasing, reason: string, now: Instant, parameters: Parameters): Step =>
  preceded([removal(parameters)], enterStopped(state, reason, now));

const endReason = ({ reason, successor }: Releasing): string =>
  successor ? `${reason}: ${successor.address} took over` : `${reason}: no successor was heard`;

const removal = ({ addresses }: Parameters): Action => ({ action: 'remove-addresses', addresses });
