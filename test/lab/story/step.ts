/** A step of the story. */
import type { Finding } from './row.ts';
import type { Stage } from './stage.ts';

export interface Step {
  /** For the first column of the table. */
  readonly title: string;
  /** What is going to happen and why, in words for somebody who has never seen LVS. */
  readonly tale: string;
  /** Plays it; `tell` prints a line of progress. Throws when the story cannot go on at all. */
  readonly play: (stage: Stage, tell: (line: string) => void) => Promise<readonly Finding[]>;
}
