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
import type { AfterRelease, HeardRouter, Parameters, Releasing, State } from './state.ts';
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
  if (parameters.priority === 255 && !parameters.asks && !parameters.standby)
    return enterActive(from, `${why}: owner of the addresses`, now, parameters);
  const listenUntil = after(now, parameters.startupDelay);
  return enterBackup(from, why, now, parameters, parameters.startupDelay > 0 ? { listenUntil } : {});
}

/**
 * First the advert, so that the others know; then the addresses, the routes that use them, the announcement. Nothing
 * slow in between.
 */
export function enterActive(from: State, reason: string, now: Instant, parameters: Parameters): Step {
  const { priority, advertInterval, addresses, announce } = parameters;
  const state: State = {
    name: 'active',
    reason,
    since: now,
    advertAt: after(now, centisecondsToMilliseconds(advertInterval)),
    advertSentAt: now,
    renewAt: after(now, renewalInterval(advertInterval)),
    announcements: announced(announceFrom(now), now, announce),
    rivalAt: undefined,
  };
  return {
    state,
    actions: [
      { action: 'send-advert', priority },
      { action: 'install-addresses', addresses, lifetime: leaseLifetime(parameters) },
      { action: 'announce', addresses },
      { action: 'install-routes' },
      report(from, state),
    ],
  };
}

/** What the entry to backup may be told beside its reason. */
export interface Listening {
  /** The active router that was heard. */
  readonly heard?: Heard;
  /** Listens at least until then. */
  readonly listenUntil?: Instant;
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
  { heard, listenUntil }: Listening = {},
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
    activeDownAt: later(after(now, activeDownInterval(parameters, activeAdvertInterval)), listenUntil),
    listenUntil,
    inferiorSince: undefined,
    askingSince: undefined,
  };
  return { state, actions: [...withdrawal(parameters), report(from, state)] };
}

/**
 * Makes before it breaks: tells the others to take over, and serves on. The lease is renewed once, so that it
 * outlasts the hand-over. With an arbiter nobody may hold the addresses twice, not even for that moment: they go.
 */
export function enterReleasing(
  from: State,
  reason: string,
  now: Instant,
  parameters: Parameters,
  afterwards: AfterRelease,
): Step {
  const { advertInterval, addresses } = parameters;
  const interval = centisecondsToMilliseconds(advertInterval);
  const state: State = {
    name: 'releasing',
    reason,
    since: now,
    repeatAt: after(now, releaseRepeatInterval(interval)),
    repeatsLeft: RELEASE_REPEATS,
    until: after(now, releaseWait(parameters)),
    successor: undefined,
    afterwards,
  };
  const letGo: Action = { action: 'send-advert', priority: 0 };
  // Whoever hears that we let go may have the addresses at once.
  if (parameters.exclusive) return beforeReport(afterRelease(state, now, parameters, from), letGo);
  return {
    state,
    actions: [
      letGo,
      { action: 'renew-addresses', addresses, lifetime: leaseLifetime(parameters) },
      report(from, state),
    ],
  };
}

/** The end of a hand-over: what was to come after it comes. `from`: the state that is left, where it took no time. */
export function afterRelease(
  state: Releasing,
  now: Instant,
  parameters: Parameters,
  from: State = state,
): Step {
  const { afterwards, successor } = state;
  const reason = releaseOutcome(state);
  switch (afterwards.next) {
    case 'stop':
      return preceded(withdrawal(parameters), enterStopped(from, reason, now));
    case 'hold':
      return preceded(withdrawal(parameters), enterHeld(from, afterwards.obstacle, now, true));
    case 'listen': {
      const back = successor === undefined && afterwards.ifNobody === 'active' && !parameters.exclusive;
      if (back) return enterActive(from, `${reason}: stays active`, now, parameters);
      const heard = successor && { router: successor, interval: parameters.advertInterval };
      return enterBackup(from, reason, now, parameters, heard ? { heard } : {});
    }
    default:
      return afterwards satisfies never;
  }
}

const releaseOutcome = ({ reason, successor }: Releasing): string =>
  successor ? `${reason}: ${successor.address} took over` : `${reason}: no successor was heard`;

/** Everything of the virtual router leaves this host: first what uses the addresses. */
export const withdrawal = ({ addresses }: Parameters): readonly Action[] => [
  { action: 'remove-routes' },
  { action: 'remove-addresses', addresses },
];

const later = (at: Instant, least: Instant | undefined): Instant =>
  least !== undefined && least > at ? least : at;

/** Takes no part any more until it is started again. */
export function enterStopped(from: State, reason: string, now: Instant): Step {
  const { obstacle, waiting } = from.name === 'initialize' ? from : { obstacle: undefined, waiting: false };
  const state: State = { name: 'initialize', reason, since: now, started: false, obstacle, waiting };
  return { state, actions: [report(from, state)] };
}

/**
 * Is held back by `obstacle`, and takes part again when that is gone, if it is `started`. `waiting`: nothing is known to
 * be wrong.
 */
export function enterHeld(
  from: State,
  obstacle: string,
  now: Instant,
  started: boolean,
  waiting = false,
): Step {
  const state: State = { name: 'initialize', reason: obstacle, since: now, started, obstacle, waiting };
  return { state, actions: [report(from, state)] };
}

/** The same step with these actions first. */
export const preceded = (first: readonly Action[], { state, actions }: Step): Step => ({
  state,
  actions: [...first, ...actions],
});

/** The same step with this action last but for the report. */
export const beforeReport = ({ state, actions }: Step, action: Action): Step => ({
  state,
  actions: [...actions.slice(0, -1), action, ...actions.slice(-1)],
});

/** When a timer that was set at `setAt` fires: skewTime after a priority of 0, activeDownInterval otherwise. */
export function activeDownDeadline(
  setAt: Instant,
  setTo: 'active-down-interval' | 'skew-time',
  parameters: Parameters,
  interval: Centiseconds,
  listenUntil: Instant | undefined,
): Instant {
  const wait =
    setTo === 'skew-time'
      ? skewTime(parameters.priority, interval, parameters.version)
      : activeDownInterval(parameters, interval);
  return later(after(setAt, wait), listenUntil);
}

/** The receive checks refuse an interval of 0; if one came here all the same it would mean an endless election. */
export const adoptable = (interval: Centiseconds): Centiseconds => centiseconds(Math.max(1, interval));

const report = (from: State, to: State): Action => ({
  action: 'report',
  from: from.name,
  to: to.name,
  reason: to.reason,
});
