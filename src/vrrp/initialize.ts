/** The rules of the state initialize (RFC 9568 section 6.4.1). */
import type { Instant } from '../model/units.ts';
import {
  enterActive,
  enterHeld,
  enterService,
  enterStopped,
  preceded,
  type Step,
  unchanged,
  withdrawal,
} from './enter.ts';
import type { Event } from './event.ts';
import type { Initialize, Parameters } from './state.ts';

export function stepInitialize(state: Initialize, event: Event, now: Instant, parameters: Parameters): Step {
  switch (event.event) {
    case 'startup':
      if (state.started) return unchanged(state);
      if (state.obstacle !== undefined) return heldFromTheStart(state, state.obstacle, now, parameters);
      return enterService(state, 'started', now, parameters);
    case 'resume':
      // It runs, and what has not been looked at yet faults nobody that runs.
      if (state.obstacle !== undefined && !state.waiting)
        return heldFromTheStart(state, state.obstacle, now, parameters);
      if (parameters.standby) return enterService(state, 'started', now, parameters);
      return enterActive(state, 'resumed for a process that died while active', now, parameters);
    case 'shutdown':
    case 'stop':
      return state.started ? enterStopped(state, event.reason, now) : unchanged(state);
    case 'interface-lost':
    case 'fault':
      return held(state, event.reason, now, false);
    case 'unknown':
      return held(state, event.reason, now, true);
    case 'cleared':
      if (state.obstacle === undefined) return unchanged(state);
      return state.started
        ? enterService(state, event.reason, now, parameters)
        : { state: { ...state, obstacle: undefined, waiting: false }, actions: [] };
    case 'advert':
    case 'timer':
    case 'contested':
    case 'granted':
    case 'refused':
    case 'handover':
    case 'step-down':
    case 'stalled':
    case 'addresses-lost':
    case 'addresses-found':
    case 'parameters-changed':
      return unchanged(state);
    default:
      return event satisfies never;
  }
}

function held(state: Initialize, obstacle: string, now: Instant, waiting: boolean): Step {
  if (state.obstacle === obstacle && state.waiting === waiting) return unchanged(state);
  return state.started
    ? enterHeld(state, obstacle, now, true, waiting)
    : { state: { ...state, obstacle, waiting }, actions: [] };
}

/** A predecessor that crashed may have left the addresses, and whoever is held back must not answer for them. */
const heldFromTheStart = (state: Initialize, obstacle: string, now: Instant, parameters: Parameters): Step =>
  preceded(withdrawal(parameters), enterHeld(state, obstacle, now, true, state.waiting));
