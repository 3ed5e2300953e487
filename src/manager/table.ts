/**
 * Keeps the kernel's IPVS table as it should be: reads it, plans, applies, and reads it again. Whatever the kernel
 * refuses, and whoever else changed the table meanwhile, is met by planning anew, never by giving up.
 *
 * A thousand virtual servers take the kernel a while to list. So a verdict, a command or a new configuration is first
 * answered by a plan against the table as it was left, and the table is read soon after; it is read at once where that
 * plan met a refusal. Of what drains, the entries alone are looked at each second.
 */
import type { BalanceFacts } from '../balance/desired.ts';
import { digestSteps } from '../balance/digest.ts';
import type { SorryPhase } from '../balance/sorry.ts';
import type { Ipvs } from '../kernel/ipvs.ts';
import type { ConfiguredVirtualServer } from '../model/config.ts';
import {
  type ActualTable,
  type DesiredTable,
  type OperationOutcome,
  type TableKey,
  type TableOperation,
  tableKeyText,
} from '../model/ipvs-table.ts';
import type { Log } from '../model/messages.ts';
import type { OverrideOf } from '../model/override.ts';
import type { TableStatus } from '../model/status.ts';
import type { Steps } from '../model/steps.ts';
import { type Clock, elapsed, milliseconds } from '../model/units.ts';
import { type Answer, answered } from '../sys/pieces.ts';
import { NO_TIMEOUTS, TimeoutKeeper, type TimeoutMemory } from './ipvs-timeouts.ts';
import type { OwnedVirtualServers } from './owned.ts';
import { TableAccess } from './table-access.ts';
import { type ConfiguredTable, TablePlanner } from './table-planner.ts';
import { type Preview, TablePreview } from './table-preview.ts';
import { TableReport, type TableReportStatus } from './table-report.ts';
import { TableSchedule } from './table-schedule.ts';
import { TableTurns } from './table-turns.ts';
import { changeTexts, refusalTexts } from './table-words.ts';
import { carryOut, partOf, refreshed, withoutConsequences, withPart } from './table-work.ts';

/** Plans made for one reconciliation before the rest is left to the next: others may be changing the table too. */
const ATTEMPTS = 3;
/** A table of more virtual servers takes a second or more to look at, which nobody who asks is made to wait for. */
const LONG = 2_048;

export interface TableKeeperOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly owned: OwnedVirtualServers;
  readonly facts: BalanceFacts;
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
interface Quick {
  readonly changes: readonly string[];
  readonly done: boolean;
}

export class TableKeeper {
  readonly #options: TableKeeperOptions;
  readonly #report: TableReport;
  readonly #timeouts: TimeoutKeeper;
  readonly #planner: TablePlanner;
  readonly #access: TableAccess;
  readonly #preview: TablePreview;
  readonly #schedule: TableSchedule;
  /** The table as the last reconciliation left it: any other one since then is somebody else's doing. */
  #left: ActualTable | undefined;
  /** Of reading the table the last time. */
  #cost = milliseconds(0);
  readonly #digests = new WeakMap<ActualTable, string>();
  readonly #turns = new TableTurns();
  /** The next update, where it has to wait for its turn. */
  #nextUpdate: Promise<readonly string[]> | undefined;

  constructor(options: TableKeeperOptions) {
    this.#options = options;
    this.#report = new TableReport(options.log, options.onReach ?? (() => undefined));
    this.#timeouts = new TimeoutKeeper(options.log, options.timeouts);
    this.#planner = new TablePlanner(options);
    this.#access = new TableAccess({
      report: this.#report,
      isIdle: () => this.#planner.isIdle && !this.#timeouts.hasChanged,
      onLost: () => {
        this.#left = undefined;
      },
      open: options.open,
    });
    this.#preview = new TablePreview(this.#planner, this.#access, this.#timeouts, () => this.#looked());
    this.#schedule = new TableSchedule({
      clock: options.clock,
      isAwaited: () => this.#awaited().length > 0,
      onVerify: () => void this.#verify(),
      onLook: () => void this.update(),
    });
  }

  get status(): TableReportStatus {
    const { status } = this.#report;
    const { problem } = this.#timeouts;
    return problem === undefined ? status : { ...status, refused: [...status.refused, problem] };
  }

  /** As it was left last; undefined: it has not been reached. */
  get left(): ActualTable | undefined {
    return this.#left;
  }

  /** With the digest of what is ours of `actual`. */
  *statusOf(actual: ActualTable): Steps<TableStatus> {
    // What is ours changes with the table alone, but where everything in it is.
    const { exclusive } = this.#planner.config.ipvs;
    const known = exclusive ? undefined : this.#digests.get(actual);
    const digest = known ?? (yield* digestSteps(yield* this.#planner.oursOf(actual)));
    if (!exclusive) this.#digests.set(actual, digest);
    return { ...this.status, digest };
  }

  /** As it was left last; empty where nobody wants it, undefined where it cannot be had. */
  get known(): ActualTable | undefined {
    const isMissing = this.#report.status.unavailable !== undefined && !this.#access.lacking;
    return this.#left ?? (isMissing ? undefined : []);
  }

  sorryPhase(key: string): SorryPhase['phase'] {
    return this.#planner.sorryPhase(key);
  }

  /**
   * What is new comes at once; whatever else is not as it should be is mended before this is answered, or soon after
   * that where a look at the table takes long. `replaced`: see `removeReplaced`.
   */
  configure(config: ConfiguredTable, replaced: readonly TableKey[] = []): Answer<readonly string[]> {
    return this.#take(() => this.#configured(config, replaced));
  }

  *#configured(config: ConfiguredTable, replaced: readonly TableKey[]): Steps<readonly string[]> {
    this.#planner.configure(config, replaced);
    const quick = yield* this.#quickly();
    if (quick.done && this.#isLong) return yield* this.#answer(quick);
    return [...quick.changes, ...(yield* this.#reconciled(false))];
  }

  /** What was replaced gets no new connections any more, and goes when it has none; gives that in words. */
  removeReplaced(): Answer<readonly string[]> {
    return this.#take(() => this.#replacedRemoved());
  }

  *#replacedRemoved(): Steps<readonly string[]> {
    const keys = this.#planner.release();
    if (keys.length === 0) return [];
    const operations = keys.map((key): TableOperation => ({ op: 'remove-virtual-server', key }));
    const texts = yield* changeTexts(operations, this.#planner.definitionOf);
    return [...(yield* this.#updated()), ...texts.map((text) => `${text}, once its connections are gone`)];
  }

  /**
   * The table as the kernel holds it, or, where a look at it takes long, as it was when it was last looked at, with what
   * was changed since then. Empty while it cannot be reached.
   */
  read(): Answer<ActualTable> {
    if (this.#isLong || this.#turns.busy) return this.#left ?? [];
    return answered(
      this.#turns.take(() => this.#looked()),
      (table) => table ?? [],
    );
  }

  /** What `config` in the place of the present one would make of the table; nothing is done. */
  preview(config: ConfiguredTable, overrideOf: OverrideOf): Answer<Preview> {
    return answered(
      this.#turns.take(() => this.#preview.of(config, overrideOf)),
      (preview) => preview ?? { changes: [], after: [] },
    );
  }

  /** As `read`, in its turn. */
  *#looked(): Steps<ActualTable> {
    return this.#isLong ? (this.#left ?? []) : yield* this.#access.guardSteps(this.#listed(), []);
  }

  *#listed(): Steps<ActualTable> {
    const ipvs = this.#access.open();
    return ipvs === undefined ? [] : yield* this.#turns.interruptible(ipvs.dumpSteps(), false);
  }

  /** Answers a change of what is wanted, as fast as that can be done safely; returns what was changed, in words. */
  update(): Answer<readonly string[]> {
    if (!this.#turns.busy) return this.#take(() => this.#updated());
    // It will find everything that changes until then.
    this.#nextUpdate ??= Promise.resolve(
      this.#take(() => {
        this.#nextUpdate = undefined;
        return this.#updated();
      }),
    );
    return this.#nextUpdate;
  }

  *#updated(): Steps<readonly string[]> {
    return yield* this.#answer(yield* this.#quickly());
  }

  /** The same where nothing changed but what decides about these definitions. */
  updateOnly(virtualServers: readonly ConfiguredVirtualServer[]): Answer<readonly string[]> {
    return this.#turns.busy ? this.update() : this.#take(() => this.#updatedOnly(virtualServers));
  }

  *#updatedOnly(virtualServers: readonly ConfiguredVirtualServer[]): Steps<readonly string[]> {
    const changes: string[] = [];
    const done = yield* this.#access.guardSteps(this.#partFromMemory(virtualServers, changes), false);
    return done ? yield* this.#answer({ changes, done }) : [...changes, ...(yield* this.#updated())];
  }

  *#answer({ changes, done }: Quick): Steps<readonly string[]> {
    if (!done) return [...changes, ...(yield* this.#reconciled(false))];
    if (changes.length > 0) this.#schedule.changed();
    else this.#schedule.arm();
    return changes;
  }

  /** Reads the kernel's table and brings it to what it should be; returns what was changed, in words. */
  reconcile(): Answer<readonly string[]> {
    return this.#take(() => this.#reconciled(false));
  }

  /** As `reconcile`, unasked: the look at the table gives way to whoever has something to do. */
  #verify(): void {
    const changes = this.#turns.take(() => this.#reconciled(true));
    void answered(changes, (made) => {
      if (made === undefined) this.#schedule.changed();
    });
  }

  *#reconciled(givesWay: boolean): Steps<readonly string[]> {
    if (this.#access.closed) return [];
    const changes: string[] = [];
    const done = yield* this.#access.guardSteps(this.#reconcile(changes, givesWay), false);
    // What was refused for good is tried again when the table is verified.
    const soon = !done && !this.#access.lacking && this.#report.status.refused.length === 0;
    this.#schedule.verified(soon, this.#cost);
    return changes;
  }

  /**
   * The table stays as it is in the kernel, so that connections outlive a restart of the daemon; their time-outs are
   * put back.
   */
  close(): Answer<void> {
    this.#schedule.close();
    return this.#turns.close(() => {
      const { current } = this.#access;
      if (current !== undefined) this.#timeouts.keep(current, NO_TIMEOUTS);
      this.#schedule.close();
      this.#access.close();
    });
  }

  #take(work: () => Steps<readonly string[]>): Answer<readonly string[]> {
    return answered(this.#turns.take(work), (changes) => changes ?? []);
  }

  get #isLong(): boolean {
    return this.#left !== undefined && this.#left.length > LONG;
  }

  /** Whose connections decide what comes next. */
  #awaited(): readonly TableKey[] {
    return [...(this.#options.awaited?.() ?? []), ...this.#planner.draining];
  }

  /** By the table as it was left; not done where that will not do, or something was refused. */
  *#quickly(): Steps<Quick> {
    const changes: string[] = [];
    if (this.#left === undefined || this.#access.closed) return { changes, done: false };
    const looked = this.#access.guard(() => this.#lookAtAwaited(), false);
    const done = looked && (yield* this.#access.guardSteps(this.#fromMemory(changes), false));
    return { changes, done };
  }

  /** False where somebody else changed what was looked at. */
  #lookAtAwaited(): boolean {
    const ipvs = this.#access.open();
    const keys = this.#awaited();
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

  /**
   * As `#fromMemory`, for the entries of these definitions alone. Not done, with nothing changed, where more than their
   * real servers is at stake: somebody finishes connections, something is refused or missing. A refusal is answered by
   * reading the table, whoever asked.
   */
  *#partFromMemory(virtualServers: readonly ConfiguredVirtualServer[], changes: string[]): Steps<boolean> {
    const ipvs = this.#access.open();
    const left = this.#left;
    if (ipvs === undefined || left === undefined || this.#access.closed) return false;
    if (this.#report.status.refused.length > 0 || this.#awaited().length > 0) return false;
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

  *#reconcile(changes: string[], givesWay: boolean): Steps<boolean> {
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
