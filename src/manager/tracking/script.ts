/** A script whose exit code decides: 0 is good. Run at an interval, one at a time. */
import type { TrackCounts } from '../../model/activity-status.ts';
import type { ScriptTracker, TrackVerdict } from '../../model/tracking.ts';
import { outcomeOutput, outcomeText, type RunOutcome } from '../run/program.ts';
import { applyResult, beginning, type Standing } from './rise-fall.ts';
import { isNews, type Tracker, type TrackerContext } from './tracker.ts';

export class ScriptWatch implements Tracker {
  readonly #definition: ScriptTracker;
  readonly #context: TrackerContext;
  readonly #ended = new AbortController();
  #standing: Standing;
  #verdict: TrackVerdict;
  #timer: NodeJS.Timeout | undefined;
  /** Resolves when the run that is under way has ended; undefined: none is. */
  #running: Promise<void> | undefined;
  #looks = 0;
  #skipped = 0;
  /** Said once for as long as it lasts. */
  #troubled: 'busy' | 'overrun' | undefined;

  /** `before`: how it stood under an earlier definition, which holds until the first result. */
  constructor(definition: ScriptTracker, context: TrackerContext, before?: TrackVerdict) {
    this.#definition = definition;
    this.#context = context;
    this.#standing = beginning(definition.initial, before?.state);
    this.#verdict = this.#verdictOf('has not been run yet');
  }

  get verdict(): TrackVerdict {
    return this.#verdict;
  }

  get counts(): TrackCounts {
    return { looks: this.#looks, skipped: this.#skipped };
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), this.#definition.interval);
    this.#look();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#ended.abort();
    await this.#running;
  }

  #look(): void {
    if (this.#running !== undefined) {
      this.#skipped++;
      this.#say('overrun', 'is still running when it should run again: left out until it has ended');
      return;
    }
    this.#looks++;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    const { command, user, group, timeout } = this.#definition;
    const { signal } = this.#ended;
    const outcome = await this.#context.run({ command, user, group, timeout, signal });
    if (!signal.aborted) this.#take(outcome);
  }

  #take(outcome: RunOutcome): void {
    const text = outcomeText(outcome);
    // A machine without a process to spare says nothing of what is tracked. It is tried again at the next interval.
    if (outcome.kind === 'not-started' && outcome.busy) {
      this.#say('busy', `could not be run: ${outcome.reason}; it stays ${this.#standing.state}`);
      this.#become(this.#standing, `${text}; as before until it can be run`, outcome);
      return;
    }
    this.#troubled = undefined;
    const { rise, fall } = this.#definition;
    const good = outcome.kind === 'exited' && outcome.code === 0;
    const standing = applyResult(this.#standing, good, this.#definition);
    const count =
      standing.against > 0
        ? ` (${standing.against} of ${good ? rise : fall} to be ${good ? 'up' : 'down'})`
        : '';
    this.#become(standing, `${text}${count}`, outcome);
  }

  #become(standing: Standing, reason: string, outcome: RunOutcome): void {
    const before = this.#verdict;
    const wasDecided = this.#standing.decided;
    this.#standing = standing;
    this.#verdict = this.#verdictOf(reason);
    if (before.state !== standing.state || wasDecided !== standing.decided) this.#logState(outcome);
    if (isNews(before, this.#verdict)) this.#context.report(this.#verdict);
  }

  #logState(outcome: RunOutcome): void {
    const { name, state, reason } = this.#verdict;
    const output = outcomeOutput(outcome);
    this.#context.log(state === 'down' ? 'warn' : 'info', `script ${name} is ${state}: ${reason}`, {
      script: name,
      ...(output === '' ? {} : { output }),
    });
  }

  #say(trouble: 'busy' | 'overrun', message: string): void {
    if (this.#troubled === trouble) return;
    this.#troubled = trouble;
    const { name } = this.#definition;
    this.#context.log('warn', `script ${name} ${message}`, { script: name });
  }

  #verdictOf(reason: string): TrackVerdict {
    return { kind: 'script', name: this.#definition.name, state: this.#standing.state, value: 1, reason };
  }
}
