/** The story, in the order in which it is played. */
import type { Step } from './step.ts';
import { hanging, refusing } from './steps/failing.ts';
import { cleanStop, comeback, restart } from './steps/hand-over.ts';
import { loss } from './steps/loss.ts';
import { brokenFile, newWeight } from './steps/reload.ts';
import { sorry } from './steps/sorry.ts';
import { start } from './steps/start.ts';
import { whole } from './steps/whole.ts';

export const STEPS: readonly Step[] = [
  start,
  refusing,
  hanging,
  sorry,
  newWeight,
  brokenFile,
  loss,
  comeback,
  cleanStop,
  restart,
  whole,
];
