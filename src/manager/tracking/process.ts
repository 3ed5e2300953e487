/** Processes that must run: enough of them, and not too many. */
import type { TrackCounts } from '../../model/activity-status.ts';
import type { ProcessTracker, TrackVerdict } from '../../model/tracking.ts';
import { durationText, elapsed, type Instant } from '../../model/units.ts';
import { isNews, type Tracker, type TrackerContext } from './tracker.ts';

export class ProcessWatch implements Tracker {
  readonly #definition: ProcessTracker;
  readonly #context: TrackerContext;
  #verdict: TrackVerdict;
  #timer: NodeJS.Timeout | undefined;
  #graceEnd: NodeJS.Timeout | undefined;
  /** Since when it has not been as it should while it counts as up. */
  #wrongSince: Instant | undefined;
  #decided = false;
  #looking = false;
  #looks = 0;
  #skipped = 0;
  #closed = false;

  constructor(definition: ProcessTracker, context: TrackerContext, before?: TrackVerdict) {
    this.#definition = definition;
    this.#context = context;
    this.#verdict = this.#verdictOf(before?.state ?? 'unknown', 'has not been looked for yet');
  }

  get verdict(): TrackVerdict {
    return this.#verdict;
  }

  get counts(): TrackCounts {
    return { looks: this.#looks, skipped: this.#skipped };
  }

  start(): void {
    this.#timer = setInterval(() => void this.#look(), this.#definition.interval);
    void this.#look();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#graceEnd);
  }

  async #look(): Promise<void> {
    if (this.#looking) {
      this.#skipped++;
      return;
    }
    this.#looking = true;
    this.#looks++;
    try {
      const count = await this.#count();
      if (!this.#closed) this.#take(count);
    } catch (cause) {
      // No descriptor to read /proc with, say: that tells nothing of the processes.
      if (!this.#closed) {
        this.#become(this.#verdict.state, `cannot be looked for: ${(cause as Error).message}; as before`);
      }
    } finally {
      this.#looking = false;
    }
  }

  /** The whole table is read only when those known are too few, or there may be too many. */
  async #count(): Promise<number> {
    const { name, least, most } = this.#definition;
    const remaining = this.#context.processTable.remaining(name);
    return most === undefined && remaining >= least ? remaining : this.#context.processTable.count(name);
  }

  #take(count: number): void {
    const { least, most, grace } = this.#definition;
    const wrong = count < least || (most !== undefined && count > most);
    // As it is when there are enough: how many beyond that is no news.
    const words =
      count < least
        ? `${count} of ${least} wanted are running`
        : wrong
          ? `${count} are running, at most ${most} are wanted`
          : least === 1
            ? 'running'
            : `${least} or more are running`;
    if (!wrong) {
      this.#wrongSince = undefined;
      clearTimeout(this.#graceEnd);
      this.#become('up', words);
      return;
    }
    const now = this.#context.clock();
    this.#wrongSince ??= now;
    const left = grace - elapsed(this.#wrongSince, now);
    // The first look has nothing to wait for: it says how things stand.
    if (!this.#decided || this.#verdict.state !== 'up' || left <= 0) {
      this.#become('down', words);
      return;
    }
    this.#become('up', `${words}; ${durationText(grace)} to come back`);
    clearTimeout(this.#graceEnd);
    this.#graceEnd = setTimeout(() => void this.#look(), Math.ceil(left));
  }

  #become(state: TrackVerdict['state'], reason: string): void {
    const before = this.#verdict;
    this.#decided = true;
    this.#verdict = this.#verdictOf(state, reason);
    if (before.state !== state) {
      const { name } = this.#definition;
      const level = state === 'down' ? 'warn' : 'info';
      this.#context.log(level, `process ${name} is ${state}: ${reason}`, { trackedProcess: name });
    }
    if (isNews(before, this.#verdict)) this.#context.report(this.#verdict);
  }

  #verdictOf(state: TrackVerdict['state'], reason: string): TrackVerdict {
    return { kind: 'process', name: this.#definition.name, state, value: 1, reason };
  }
}
