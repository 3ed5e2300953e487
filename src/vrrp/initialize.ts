/** The rules of the state initialize (RFC 9568 section 6.4.1). */
import type { Instant } from '../model/units.ts';
import { enterActive, enterHeld, enterService, enterStopped, type Step, unchanged } from './enter.ts';
import type { Event } from './event.ts';
import type { Initialize, Parameters } from './state.ts';

export function stepInitialize(state: Initialize, event: Event, now: Instant, parameters: Parameters): Step {
  switch (event.event) {
    case 'startup':
      if (state.started) return unchanged(state);
      if (state.obstacle !== undefined) return enterHeld(state, state.obstacle, now, true);
      return enterService(state, 'started', now, parameters);
    case 'resume':
      if (state.obstacle !== undefined) return enterHeld(state, state.obstacle, now, true);
      if (parameters.standby) return enterService(state, 'started', now, parameters);
      return enterActive(state, 'resumed for a process that died while active', now, parameters);
    case 'shutdown':
    case 'stop':
      return state.started ? enterStopped(state, event.reason, now) : unchanged(state);
    case 'interface-lost':
    case 'fault':
      if (state.obstacle === event.reason) return unchanged(state);
      return state.started
        ? enterHeld(state, event.reason, now, true)
        : { state: { ...state, obstacle: event.reason }, actions: [] };
    case 'cleared':
      if (state.obstacle === undefined) return unchanged(state);
      return state.started
        ? enterService(state, event.reason, now, parameters)
        : { state: { ...state, obstacle: undefined }, actions: [] };
    case 'advert':
    case 'timer':
    case 'contested':
    case 'granted':
    case 'refused':
    case 'handover':
    case 'step-down':
    case 'stalled':
    case 'addresses-lost':
    case 'parameters-changed':
      return unchanged(state);
    default:
      return event satisfies never;
  }
}
