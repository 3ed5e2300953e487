/** From results to a state; pure. */
import type { ScriptTracker, TrackVerdict } from '../../model/tracking.ts';

export interface Standing {
  readonly state: TrackVerdict['state'];
  /** Whether a result has counted. */
  readonly decided: boolean;
  /** Results in a row that disagree with the state: 0 up to rise or fall. */
  readonly against: number;
}

/** Before the first result. A state that was known before the definition changed goes on until then. */
export const beginning = (
  initial: ScriptTracker['initial'],
  before: TrackVerdict['state'] | undefined,
): Standing => ({
  state: before !== undefined && before !== 'unknown' ? before : initial === 'wait' ? 'unknown' : initial,
  decided: false,
  against: 0,
});

/**
 * After one more result: the first ever counts alone; later, `fall` bad ones in a row bring down what is up and `rise`
 * good ones bring it back, and a result that agrees starts the count anew.
 */
export function applyResult(
  standing: Standing,
  good: boolean,
  { rise, fall }: Pick<ScriptTracker, 'rise' | 'fall'>,
): Standing {
  const result = good ? 'up' : 'down';
  const turned: Standing = { state: result, decided: true, against: 0 };
  if (!standing.decided || standing.state === result) return turned;
  const against = standing.against + 1;
  return against >= (good ? rise : fall) ? turned : { ...standing, against };
}
