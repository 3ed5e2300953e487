/** What a fault is. */
import type { Guard, Plan } from './configuration.ts';
import type { StartOptions } from './director.ts';
import type { Place, Stage } from './stage.ts';

export interface Fault {
  /** For `--only` and the JSON document. */
  readonly name: string;
  /** What is done, in words. */
  readonly title: string;
  /** Default: namespaces. */
  readonly place?: Place;
  /** Whether nothing else may run beside it. */
  readonly alone?: boolean;
  /** What differs from the plain plan. */
  readonly plan?: Partial<Plan>;
  /** With which of its guards vipward is played, as far as it has them. */
  readonly guards?: readonly Guard[];
  readonly start?: StartOptions;
  /** Seconds that are measured from the fault to its undoing, or the end. */
  readonly lasts: number;
  /** Seconds that it takes to come about, where that is part of it. */
  readonly takes?: number;
  /** Seconds that are measured after it was undone. */
  readonly after?: number;
  /** Before anything is measured: makes ready what it needs. */
  prepare(stage: Stage): Promise<Inflict>;
}

/** Gives how it is undone, if it is. */
export type Inflict = () => Promise<Undo | undefined>;
export type Undo = () => Promise<unknown>;
