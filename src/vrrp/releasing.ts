/**
 * The rules of the state releasing, vipward's own: a priority of 0 was sent, and the addresses serve on until the
 * successor has spoken, or until none can be expected. No advert but the priority of 0, no announcement.
 */
import { after, centisecondsToMilliseconds, type Instant } from '../model/units.ts';
import { addedTo, among } from './address-list.ts';
import {
  afterRelease,
  enterActive,
  enterBackup,
  enterHeld,
  enterStopped,
  preceded,
  type Step,
  unchanged,
  withdrawal,
} from './enter.ts';
import type { Event } from './event.ts';
import { leaseLifetime } from './lease.ts';
import type { Parameters, Releasing } from './state.ts';
import { earlier, RELEASE_LINGER, releaseRepeatInterval, releaseWait } from './timers.ts';

type Advert = Extract<Event, { event: 'advert' }>;

export function stepReleasing(state: Releasing, event: Event, now: Instant, parameters: Parameters): Step {
  switch (event.event) {
    case 'timer':
      if (now >= state.until) return afterRelease(state, now, parameters);
      return repeat(state, now, parameters);
    case 'advert':
      return heard(state, event, now);
    case 'startup':
    case 'resume':
      return restart(state, now, parameters);
    case 'stop':
      return preceded(withdrawal(parameters), enterStopped(state, event.reason, now));
    case 'interface-lost':
      return preceded(
        withdrawal(parameters),
        enterHeld(state, event.reason, now, state.afterwards.next !== 'stop'),
      );
    case 'step-down':
      return preceded(withdrawal(parameters), afterStepDown(state, event.reason, now, parameters));
    // What comes after it changes, and the hand-over itself goes on.
    case 'shutdown':
      return { state: { ...state, afterwards: { next: 'stop' } }, actions: [] };
    case 'fault':
      if (state.afterwards.next === 'stop') return unchanged(state);
      return { state: { ...state, afterwards: { next: 'hold', obstacle: event.reason } }, actions: [] };
    case 'cleared':
      if (state.afterwards.next !== 'hold') return unchanged(state);
      return { state: { ...state, afterwards: { next: 'listen', ifNobody: 'active' } }, actions: [] };
    case 'addresses-lost':
      return reinstall(state, event, parameters);
    case 'parameters-changed':
      return parametersChanged(state, event, parameters);
    case 'handover':
      if (state.afterwards.next !== 'listen' || event.ifNobody === 'active') return unchanged(state);
      return { state: { ...state, afterwards: { next: 'listen', ifNobody: 'backup' } }, actions: [] };
    case 'stalled':
    case 'contested':
    case 'granted':
    case 'unknown':
    case 'addresses-found':
    case 'refused':
      return unchanged(state);
    default:
      return event satisfies never;
  }
}

function repeat(state: Releasing, now: Instant, parameters: Parameters): Step {
  if (state.repeatAt === undefined || now < state.repeatAt) return unchanged(state);
  const interval = centisecondsToMilliseconds(parameters.advertInterval);
  const repeatsLeft = state.repeatsLeft - 1;
  return {
    state: {
      ...state,
      repeatsLeft,
      repeatAt: repeatsLeft > 0 ? after(now, releaseRepeatInterval(interval)) : undefined,
      until: after(now, releaseWait(parameters)),
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
  if (state.afterwards.next !== 'stop') return unchanged(state);
  const owner = parameters.priority === 255 && !parameters.standby;
  return (state.successor && !owner) || parameters.standby
    ? enterBackup(
        state,
        `started again, after ${state.successor?.address ?? 'nobody'} took over`,
        now,
        parameters,
      )
    : enterActive(state, restartReason(state), now, parameters);
}

const restartReason = ({ successor }: Releasing): string =>
  successor ? 'started again: owner of the addresses' : 'started again before anybody took over';

function reinstall(
  state: Releasing,
  event: Extract<Event, { event: 'addresses-lost' }>,
  parameters: Parameters,
): Step {
  const lost = among(parameters.addresses, event.addresses);
  if (state.successor || lost.length === 0) return unchanged(state);
  const lifetime = leaseLifetime(parameters);
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

/** The leave to be active is gone in the middle of a hand-over: what was to follow follows now. */
const afterStepDown = (state: Releasing, reason: string, now: Instant, parameters: Parameters): Step =>
  state.afterwards.next === 'listen'
    ? enterBackup(state, reason, now, parameters)
    : afterRelease(state, now, parameters);
