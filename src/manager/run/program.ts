/** A program of the administrator's: what is asked for, and what can come of it. */
import type { RunAs } from '../../model/notify.ts';
import { durationText, type Milliseconds } from '../../model/units.ts';

export interface RunRequest extends RunAs {
  /** Program (a path, or a name looked up in PATH) and its arguments: at least one. No shell ever reads them. */
  readonly command: readonly string[];
  /** What it finds on its standard input; /dev/null unless given. */
  readonly input?: string;
  /** Beside PATH and LANG, which are all that it gets otherwise. */
  readonly environment?: Readonly<Record<string, string>>;
  /** After which it and its children get SIGTERM. */
  readonly timeout: Milliseconds;
  /** Between SIGTERM and SIGKILL; 2 s unless given, as in keepalived. */
  readonly grace?: Milliseconds;
  /** Ends it early, in the same way. */
  readonly signal?: AbortSignal;
}

export type RunOutcome =
  /** `code`: 0 to 255. */
  | { readonly kind: 'exited'; readonly code: number; readonly output: string }
  /** By somebody else's signal. */
  | { readonly kind: 'signalled'; readonly signal: NodeJS.Signals; readonly output: string }
  | { readonly kind: 'timed-out'; readonly after: Milliseconds; readonly output: string }
  | { readonly kind: 'aborted'; readonly output: string }
  /**
   * `busy`: the machine has no process, memory or descriptor left, which says nothing of the program: worth another
   * try. Otherwise the program itself is missing, or may not be run.
   */
  | { readonly kind: 'not-started'; readonly busy: boolean; readonly reason: string };

/** Runs one program. Never throws, and never rejects: whatever goes wrong is an outcome. */
export type Run = (request: RunRequest) => Promise<RunOutcome>;

/** In words: `exit code 1`, `ended by SIGSEGV`, `timed out after 2s`, `not started: …`. */
export function outcomeText(outcome: RunOutcome): string {
  switch (outcome.kind) {
    case 'exited':
      return `exit code ${outcome.code}`;
    case 'signalled':
      return `ended by ${outcome.signal}`;
    case 'timed-out':
      return `timed out after ${durationText(outcome.after)}`;
    case 'aborted':
      return 'ended by vipward';
    case 'not-started':
      return `not started: ${outcome.reason}`;
    default:
      return outcome satisfies never;
  }
}

/** What it printed, to its standard output and standard error: the first 4 KiB. */
export const outcomeOutput = (outcome: RunOutcome): string =>
  outcome.kind === 'not-started' ? '' : outcome.output;

/** Refused before it was tried: the message says what is wrong and what would be right. */
export class RefusedProgram extends Error {
  override readonly name = 'RefusedProgram';
}
