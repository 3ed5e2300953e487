/** The ways into each state, with the actions that belong to the entry, in their order. */
import {
  after,
  type Centiseconds,
  centiseconds,
  centisecondsToMilliseconds,
  type Instant,
} from '../model/units.ts';
import type { Action } from './action.ts';
import { announced, announceFrom } from './announcements.ts';
import { leaseLifetime, renewalInterval } from './lease.ts';
import type { HeardRouter, Parameters, State } from './state.ts';
import {
  activeDownInterval,
  RELEASE_REPEATS,
  releaseRepeatInterval,
  releaseWait,
  skewTime,
} from './timers.ts';

export interface Step {
  readonly state: State;
  readonly actions: readonly Action[];
}

/** Nothing comes of the event. */
export const unchanged = (state: State): Step => ({ state, actions: [] });

/** An active router that was heard, and the interval that it advertised. */
export interface Heard {
  readonly router: HeardRouter;
  readonly interval: Centiseconds;
}

/**
 * Begins to take part (RFC 9568 section 6.4.1): the owner at once, everybody else as a backup. `why` in words; it
 * opens the reason.
 */
export function enterService(from: State, why: string, now: Instant, parameters: Parameters): Step {
  return parameters.priority === 255
    ? enterActive(from, `${why}: owner of the addresses`, now, parameters)
    : enterBackup(from, why, now, parameters);
}

/** First the advert, so that the others know; then the addresses; then the announcement. Nothing slow in between. */
export function enterActive(from: State, reason: string, now: Instant, parameters: Parameters): Step {
  const { priority, advertInterval, addresses } = parameters;
  const state: State = {
    name: 'active',
    reason,
    since: now,
    advertAt: after(now, centisecondsToMilliseconds(advertInterval)),
    advertSentAt: now,
    renewAt: after(now, renewalInterval(advertInterval)),
    announcements: announced(announceFrom(now), now),
  };
  return {
    state,
    actions: [
      { action: 'send-advert', priority },
      { action: 'install-addresses', addresses, lifetime: leaseLifetime(advertInterval) },
      { action: 'announce', addresses: addresses.map(({ address }) => address) },
      report(from, state),
    ],
  };
}

/**
 * Listens from now on. The addresses are removed whatever the state before, since a predecessor that crashed may have
 * left them, and a backup must not answer for them (section 6.4.2).
 */
export function enterBackup(
  from: State,
  reason: string,
  now: Instant,
  parameters: Parameters,
  heard?: Heard,
): Step {
  const activeAdvertInterval = adoptable(heard?.interval ?? parameters.advertInterval);
  const state: State = {
    name: 'backup',
    reason,
    since: now,
    activeAdvertInterval,
    activeRouter: heard?.router,
    adopted: heard !== undefined,
    timerSetAt: now,
    timerSetTo: 'active-down-interval',
    activeDownAt: after(now, activeDownInterval(parameters.priority, activeAdvertInterval)),
  };
  return {
    state,
    actions: [{ action: 'remove-addresses', addresses: parameters.addresses }, report(from, state)],
  };
}

/**
 * Makes before it breaks: tells the others to take over, and serves on. The lease is renewed once, so that it
 * outlasts the hand-over.
 */
export function enterReleasing(from: State, reason: string, now: Instant, parameters: Parameters): Step {
  const { advertInterval, addresses } = parameters;
  const interval = centisecondsToMilliseconds(advertInterval);
  const state: State = {
    name: 'releasing',
    reason,
    since: now,
    repeatAt: after(now, releaseRepeatInterval(interval)),
    repeatsLeft: RELEASE_REPEATS,
    until: after(now, releaseWait(interval)),
    successor: undefined,
  };
  return {
    state,
    actions: [
      { action: 'send-advert', priority: 0 },
      { action: 'renew-addresses', addresses, lifetime: leaseLifetime(advertInterval) },
      report(from, state),
    ],
  };
}

/** Takes no part any more until it is started again. */
export function enterStopped(from: State, reason: string, now: Instant): Step {
  const obstacle = from.name === 'initialize' ? from.obstacle : undefined;
  const state: State = { name: 'initialize', reason, since: now, started: false, obstacle };
  return { state, actions: [report(from, state)] };
}

/** Is held back by `obstacle`, and takes part again when that is gone, if it is `started`. */
export function enterHeld(from: State, obstacle: string, now: Instant, started: boolean): Step {
  const state: State = { name: 'initialize', reason: obstacle, since: now, started, obstacle };
  return { state, actions: [report(from, state)] };
}

/** The same step with these actions first. */
export const preceded = (first: readonly Action[], { state, actions }: Step): Step => ({
  state,
  actions: [...first, ...actions],
});

/** When a timer that was set at `setAt` fires: skewTime after a priority of 0, activeDownInterval otherwise. */
export function activeDownDeadline(
  setAt: Instant,
  setTo: 'active-down-interval' | 'skew-time',
  priority: number,
  interval: Centiseconds,
): Instant {
  return after(
    setAt,
    setTo === 'skew-time' ? skewTime(priority, interval) : activeDownInterval(priority, interval),
  );
}

/** The receive checks refuse an interval of 0; if one came here all the same it would mean an endless election. */
export const adoptable = (interval: Centiseconds): Centiseconds => centiseconds(Math.max(1, interval));

const report = (from: State, to: State): Action => ({
  action: 'report',
  from: from.name,
  to: to.name,
  reason: to.reason,
});
