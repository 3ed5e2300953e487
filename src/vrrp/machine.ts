/**
 * The state machine of a virtual router (RFC 9568 section 6.4): the rules, and nothing but the rules. No clock, no
 * socket, no address is touched here; the same arguments always give the same result.
 *
 * Where `mustHearFirst` says so the caller hands in packets that wait before a timer that is due: after a stall the
 * adverts that arrived meanwhile then count, and no election starts because this process was slow. After each step it
 * does the actions in order, keeps the state, and arms one timer for `nextDeadline(state)`.
 */
import type { Instant } from '../model/units.ts';
import { stepActive } from './active.ts';
import { stepBackup } from './backup.ts';
import { type Step, unchanged } from './enter.ts';
import type { Event } from './event.ts';
import { stepInitialize } from './initialize.ts';
import { stepReleasing } from './releasing.ts';
import type { Parameters, State } from './state.ts';

export { type Action, advertisementOf } from './action.ts';
export type { Step } from './enter.ts';
export type { Event } from './event.ts';
export {
  describeState,
  type HeardRouter,
  hasStalled,
  holdsAddresses,
  initialState,
  mustHearFirst,
  nextDeadline,
  type Parameters,
  routerState,
  type State,
} from './state.ts';

/**
 * What comes of `event` at `now`. Never throws; an event that means nothing in the state gives the very same state
 * and no actions. `parameters` are those in force now, after a `parameters-changed` the new ones.
 */
export function step(state: State, event: Event, now: Instant, parameters: Parameters): Step {
  // Multicast can loop back to its sender, and an advert of our own says nothing about anybody.
  if (event.event === 'advert' && event.source === event.local) return unchanged(state);
  switch (state.name) {
    case 'initialize':
      return stepInitialize(state, event, now, parameters);
    case 'backup':
      return stepBackup(state, event, now, parameters);
    case 'active':
      return stepActive(state, event, now, parameters);
    case 'releasing':
      return stepReleasing(state, event, now, parameters);
    default:
      return state satisfies never;
  }
}
