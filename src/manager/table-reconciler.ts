/**
 * What is done to the kernel's table in one turn (`table-turns.ts`): it is brought to what it should be, by a plan
 * against the table as it was left or by reading it, and what comes of that is told. When that is done, `TableKeeper` decides.
 */
import type { Ipvs } from '../kernel/ipvs.ts';
import type { ConfiguredVirtualServer } from '../model/config.ts';
import {
  type ActualTable,
  type DesiredTable,
  type OperationOutcome,
  type TableKey,
  tableKeyText,
} from '../model/ipvs-table.ts';
import type { Log } from '../model/messages.ts';
import type { OverrideOf } from '../model/override.ts';
import type { Steps } from '../model/steps.ts';
import { type Clock, elapsed, type Milliseconds, milliseconds } from '../model/units.ts';
import { NO_TIMEOUTS, TimeoutKeeper, type TimeoutMemory } from './ipvs-timeouts.ts';
import { TableAccess } from './table-access.ts';
import type { ConfiguredTable, TablePlanner } from './table-planner.ts';
import { type Preview, TablePreview } from './table-preview.ts';
import { TableReport, type TableReportStatus } from './table-report.ts';
import type { TableTurns } from './table-turns.ts';
import { refusalTexts } from './table-words.ts';
import { carryOut, partOf, refreshed, withoutConsequences, withPart } from './table-work.ts';

/** Plans made for one reconciliation before the rest is left to the next: others may be changing the table too. */
const ATTEMPTS = 3;
/** A table of more virtual servers takes a second or more to look at, which nobody who asks is made to wait for. */
const LONG = 2_048;

export interface TableReconcilerOptions {
  readonly log: Log;
  readonly clock: Clock;
  /** Told of the table as it is, before it is planned. */
  readonly onRead?: (actual: ActualTable) => void;
  /** Virtual servers of which somebody waits for connections to end. */
  readonly awaited?: () => readonly TableKey[];
  /** Works out what the status says of a table, ahead of those who ask: for one that takes long to go through. */
  readonly summarise?: (actual: ActualTable) => Steps<void>;
  /** Told when the table can be had again, and when it no longer can. */
  readonly onReach?: () => void;
  /** What was changed of the time-outs of connections; forgotten with this process unless given. */
  readonly timeouts?: TimeoutMemory;
  /** The kernel's unless given. */
  readonly open?: () => Ipvs;
}

/** What was changed by memory, in words, and whether that was all. */
export interface Quick {
  readonly changes: readonly string[];
  readonly done: boolean;
}

/** What was changed by reading the table, in words, and whether the rest is worth another try soon. */
export interface Reconciled {
  readonly changes: readonly string[];
  readonly soon: boolean;
}

export class TableReconciler {
  readonly #options: TableReconcilerOptions;
  readonly #planner: TablePlanner;
  readonly #turns: TableTurns;
  readonly #report: TableReport;
  readonly #timeouts: TimeoutKeeper;
  readonly #access: TableAccess;
  readonly #preview: TablePreview;
  #left: ActualTable | undefined;
  #cost = milliseconds(0);

  /** `turns`: those that the work is done in, for what of it gives way. */
  constructor(options: TableReconcilerOptions, planner: TablePlanner, turns: TableTurns) {
    this.#options = options;
    this.#planner = planner;
    this.#turns = turns;
    this.#report = new TableReport(options.log, options.onReach ?? (() => undefined));
    this.#timeouts = new TimeoutKeeper(options.log, options.timeouts);
    this.#access = new TableAccess({
      report: this.#report,
      isIdle: () => !planner.isConfigured || (planner.isIdle && !this.#timeouts.hasChanged),
      onLost: () => {
        this.#left = undefined;
      },
      open: options.open,
    });
    this.#preview = new TablePreview(planner, this.#access, this.#timeouts, () => this.look());
  }

  get status(): TableReportStatus {
    const { status } = this.#report;
    const { problem } = this.#timeouts;
    return problem === undefined ? status : { ...status, refused: [...status.refused, problem] };
  }

  /**
   * The table as the last reconciliation left it: any other one since then is somebody else's doing. undefined: it has
   * not been reached.
   */
  get left(): ActualTable | undefined {
    return this.#left;
  }

  /** As it was left last; empty where nobody wants it, undefined where it cannot be had. */
  get known(): ActualTable | undefined {
    const isMissing = this.#report.status.unavailable !== undefined && !this.#access.lacking;
    return this.#left ?? (isMissing ? undefined : []);
  }

  /** Whether a look at the table takes long. */
  get isLong(): boolean {
    return this.#left !== undefined && this.#left.length > LONG;
  }

  /** Of reading the table the last time. */
  get cost(): Milliseconds {
    return this.#cost;
  }

  get closed(): boolean {
    return this.#access.closed;
  }

  /** Whose connections decide what comes next. */
  get awaited(): readonly TableKey[] {
    return [...(this.#options.awaited?.() ?? []), ...this.#planner.draining];
  }

  /** Of a long table, as it was left; else as the kernel holds it, empty while that cannot be reached. */
  *look(): Steps<ActualTable> {
    return this.isLong ? (this.#left ?? []) : yield* this.#access.guardSteps(this.#listed(), []);
  }

  *#listed(): Steps<ActualTable> {
    const ipvs = this.#access.open();
    return ipvs === undefined ? [] : yield* this.#turns.interruptible(ipvs.dumpSteps(), false);
  }

  /** What `config` in the place of the present one would make of the table; nothing is done. */
  preview(config: ConfiguredTable, overrideOf: OverrideOf): Steps<Preview> {
    return this.#preview.of(config, overrideOf);
  }

  /** By the table as it was left; not done where that will not do, or something was refused. */
  *quickly(): Steps<Quick> {
    const changes: string[] = [];
    if (this.#left === undefined || this.#access.closed) return { changes, done: false };
    const looked = this.#access.guard(() => this.#lookAtAwaited(), false);
    const done = looked && (yield* this.#access.guardSteps(this.#fromMemory(changes), false));
    return { changes, done };
  }

  /**
   * As `quickly`, for the entries of these definitions alone. Not done, with nothing changed, where more than their real
   * servers is at stake: somebody finishes connections, something is refused or missing. A refusal is answered by
   * reading the table, whoever asked.
   */
  *partly(virtualServers: readonly ConfiguredVirtualServer[]): Steps<Quick> {
    const changes: string[] = [];
    const done = yield* this.#access.guardSteps(this.#partFromMemory(virtualServers, changes), false);
    return { changes, done };
  }

  /** Reads the kernel's table and brings it to what it should be; `givesWay`: the look at it, to whoever comes. */
  *reconcile(givesWay: boolean): Steps<Reconciled> {
    const changes: string[] = [];
    const done = yield* this.#access.guardSteps(this.#reconciled(changes, givesWay), false);
    // What was refused for good is tried again when the table is verified.
    const soon = !done && !this.#access.lacking && this.#report.status.refused.length === 0;
    return { changes, soon };
  }

  /** For good: the table stays as it is in the kernel, and the time-outs of connections are put back. */
  close(): void {
    const { current } = this.#access;
    if (current !== undefined) this.#timeouts.keep(current, NO_TIMEOUTS);
    this.#access.close();
  }

  /** False where somebody else changed what was looked at. */
  #lookAtAwaited(): boolean {
    const ipvs = this.#access.open();
    const keys = this.awaited;
    if (ipvs === undefined || this.#left === undefined) return false;
    if (keys.length === 0) return true;
    const table = refreshed(ipvs, this.#left, keys);
    if (table === undefined) return false;
    this.#left = table;
    this.#options.onRead?.(table);
    return true;
  }

  *#fromMemory(changes: string[]): Steps<boolean> {
    const ipvs = this.#access.open();
    const { plan, table } = yield* this.#planner.plan(this.#left ?? []);
    if (ipvs === undefined || this.#left === undefined) return false;
    changes.push(...this.#keepTimeouts(ipvs));
    if (plan.operations.length === 0) {
      this.#report.made(plan.foreign);
      return true;
    }
    const work = yield* carryOut(ipvs, plan.operations, this.#left);
    // Also after a refusal: what was made is no drift.
    yield* this.#leave(work.table, table);
    yield* this.#tell(
      work.outcomes.filter(({ error }) => error === undefined),
      changes,
    );
    const done = work.outcomes.every(({ error }) => error === undefined);
    if (done) this.#report.made(plan.foreign);
    return done;
  }

  *#partFromMemory(virtualServers: readonly ConfiguredVirtualServer[], changes: string[]): Steps<boolean> {
    const ipvs = this.#access.open();
    const left = this.#left;
    if (ipvs === undefined || left === undefined || this.#access.closed) return false;
    if (this.#report.status.refused.length > 0 || this.awaited.length > 0) return false;
    const keys = new Set(virtualServers.flatMap(({ entries }) => entries.map(tableKeyText)));
    const part = partOf(left, keys);
    if (part.length < keys.size) return false;
    const operations = yield* this.#planner.planPart(virtualServers, part, keys);
    if (operations.length === 0) return true;
    const work = yield* carryOut(ipvs, operations, part);
    this.#left = withPart(left, part, work.table);
    const made = work.outcomes.filter(({ error }) => error === undefined);
    yield* this.#tell(made, changes);
    return made.length === work.outcomes.length;
  }

  *#reconciled(changes: string[], givesWay: boolean): Steps<boolean> {
    const ipvs = this.#access.open();
    if (ipvs === undefined) return true;
    changes.push(...this.#keepTimeouts(ipvs));
    let refused: readonly OperationOutcome[] = [];
    let actual = yield* this.#list(ipvs, givesWay);
    if (this.#left !== undefined) this.#report.drift(yield* this.#planner.drift(this.#left, actual));
    this.#options.onRead?.(actual);
    let planned = yield* this.#planner.plan(actual);
    for (let attempt = 1; attempt <= ATTEMPTS && planned.plan.operations.length > 0; attempt++) {
      const work = yield* carryOut(ipvs, planned.plan.operations, actual);
      refused = work.outcomes.filter(({ error }) => error !== undefined);
      yield* this.#tell(withoutConsequences(work.outcomes), changes);
      // It is looked at soon, by itself.
      if (refused.length === 0 && work.table.length > LONG) {
        yield* this.#leave(work.table, planned.table);
        this.#report.made(planned.plan.foreign);
        return false;
      }
      // Whoever ends here leaves nothing that the next process would take for somebody else's.
      yield* this.#planner.rememberOwned(planned.table, work.table);
      actual = yield* this.#list(ipvs, false);
      planned = yield* this.#planner.plan(actual);
      // The same refusal again would only repeat the log.
      if (refused.length === planned.plan.operations.length) break;
    }
    const done = planned.plan.operations.length === 0;
    yield* this.#leave(actual, planned.table);
    const left = done ? [] : withoutConsequences(refused);
    this.#report.verified(planned.plan.foreign, yield* refusalTexts(left, this.#planner.definitionOf));
    return done;
  }

  *#list(ipvs: Ipvs, givesWay: boolean): Steps<ActualTable> {
    const begun = this.#options.clock();
    const actual = yield* this.#turns.interruptible(ipvs.dumpSteps(), givesWay);
    this.#cost = elapsed(begun, this.#options.clock());
    return actual;
  }

  #keepTimeouts(ipvs: Ipvs): readonly string[] {
    return this.#timeouts.keep(ipvs, this.#planner.config.ipvs.timeouts ?? NO_TIMEOUTS);
  }

  /** `table` is what is there now. */
  *#leave(table: ActualTable, desired: DesiredTable): Steps<void> {
    yield* this.#planner.rememberOwned(desired, table);
    const { summarise } = this.#options;
    if (summarise !== undefined && table.length > LONG) yield* summarise(table);
    this.#left = table;
  }

  *#tell(outcomes: readonly OperationOutcome[], changes: string[]): Steps<void> {
    const texts = yield* this.#report.outcomes(outcomes, this.#planner.definitionOf);
    for (const text of texts) changes.push(text);
  }
}
