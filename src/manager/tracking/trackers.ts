/** The book of everything that the manager tracks by itself: scripts, processes and files. */
import type { ActivityStatus } from '../../model/activity-status.ts';
import type { Log } from '../../model/messages.ts';
import {
  type Trackers,
  type TrackKind,
  type TrackUse,
  type TrackVerdict,
  trackKey,
} from '../../model/tracking.ts';
import type { Clock } from '../../model/units.ts';
import type { Run } from '../run/program.ts';
import { runProgram } from '../run/run.ts';
import { FileWatch } from './file.ts';
import { ProcessWatch } from './process.ts';
import { ProcessTable } from './process-table.ts';
import { ScriptWatch } from './script.ts';
import type { Tracker, TrackerContext } from './tracker.ts';

export interface TrackerBookOptions {
  /** Called with the verdicts that changed, in their state, their value or their reason. Never from `configure`. */
  readonly onVerdicts: (verdicts: readonly TrackVerdict[]) => void;
  readonly log: Log;
  readonly clock: Clock;
  /** `runProgram` unless given. */
  readonly run?: Run;
}

interface Entry {
  readonly kind: TrackKind;
  readonly name: string;
  /** As JSON: equal texts are equal definitions. */
  readonly definition: string;
  make(before: TrackVerdict | undefined): Tracker;
}

export class TrackerBook {
  readonly #options: TrackerBookOptions;
  readonly #context: TrackerContext;
  readonly #processTable = new ProcessTable();
  #running = new Map<string, { readonly definition: string; readonly tracker: Tracker }>();
  /** Those that were closed and have not ended yet, by `trackKey`. */
  readonly #retiring = new Map<string, Promise<void>>();
  /** Changed since they were told last. */
  #news = new Map<string, TrackVerdict>();
  #closed = false;

  constructor(options: TrackerBookOptions) {
    this.#options = options;
    this.#context = {
      report: (verdict) => this.#report(verdict),
      log: options.log,
      clock: options.clock,
      run: options.run ?? runProgram,
      processTable: this.#processTable,
    };
  }

  /**
   * Tracks what `uses` name, of what `trackers` define; without `uses`, all. What is tracked already under the same
   * definition goes on untouched. Under another definition it begins anew but keeps its state until its first result.
   */
  configure(trackers: Trackers, uses?: readonly TrackUse[]): void {
    const used = uses === undefined ? undefined : new Set(uses.map(trackKey));
    const wanted = this.#entries(trackers).filter((entry) => used?.has(trackKey(entry)) ?? true);
    const before = this.#running;
    this.#running = new Map();
    const fresh = new Map<string, Tracker>();
    for (const entry of wanted) {
      const key = trackKey(entry);
      const old = before.get(key);
      if (old?.definition === entry.definition) {
        this.#running.set(key, old);
        continue;
      }
      const tracker = entry.make(old?.tracker.verdict);
      this.#running.set(key, { definition: entry.definition, tracker });
      fresh.set(key, tracker);
    }
    for (const [key, { tracker }] of before) {
      if (this.#running.get(key)?.tracker === tracker) continue;
      this.#news.delete(key);
      this.#retire(key, tracker);
    }
    const processes = trackers.processes.filter(({ name }) =>
      this.#running.has(trackKey({ kind: 'process', name })),
    );
    this.#processTable.setWanted(processes);
    for (const [key, tracker] of fresh) void this.#start(key, tracker);
  }

  /** Of everything that is tracked, as it stands. */
  get verdicts(): readonly TrackVerdict[] {
    return [...this.#running.values()].map(({ tracker }) => tracker.verdict);
  }

  /** For status. */
  get activity(): ActivityStatus['trackers'] {
    return [...this.#running.values()].map(({ tracker }) => {
      const { kind, name } = tracker.verdict;
      return { kind, name, ...tracker.counts };
    });
  }

  /** Ends the scripts that run as well. */
  close(): void {
    this.#closed = true;
    for (const { tracker } of this.#running.values()) void tracker.close();
  }

  #retire(key: string, tracker: Tracker): void {
    const gone = Promise.all([this.#retiring.get(key), tracker.close()]).then(() => {
      if (this.#retiring.get(key) === gone) this.#retiring.delete(key);
    });
    this.#retiring.set(key, gone);
  }

  /** After whatever its predecessor still runs has ended, since there is never more than one of a script. */
  async #start(key: string, tracker: Tracker): Promise<void> {
    const predecessor = this.#retiring.get(key);
    if (predecessor !== undefined) await predecessor;
    // Another configuration may have come meanwhile, or the end.
    if (!this.#closed && this.#running.get(key)?.tracker === tracker) tracker.start();
  }

  #entries({ scripts, processes, files }: Trackers): readonly Entry[] {
    const context = this.#context;
    const entry = (kind: TrackKind, definition: { readonly name: string }, make: Entry['make']): Entry => ({
      kind,
      name: definition.name,
      definition: JSON.stringify(definition),
      make,
    });
    return [
      ...scripts.map((one) => entry('script', one, (before) => new ScriptWatch(one, context, before))),
      ...processes.map((one) => entry('process', one, (before) => new ProcessWatch(one, context, before))),
      ...files.map((one) => entry('file', one, (before) => new FileWatch(one, context, before))),
    ];
  }

  /** Verdicts that come together are told together. */
  #report(verdict: TrackVerdict): void {
    this.#news.set(trackKey(verdict), verdict);
    if (this.#news.size > 1) return;
    setImmediate(() => {
      const news = [...this.#news.values()];
      this.#news = new Map();
      if (!this.#closed && news.length > 0) this.#options.onVerdicts(news);
    });
  }
}
