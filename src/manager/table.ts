/**
 * Keeps the kernel's IPVS table as it should be: reads it, plans, applies, and reads it again. Whatever the kernel
 * refuses, and whoever else changed the table meanwhile, is met by planning anew, never by giving up.
 *
 * A thousand virtual servers take the kernel a while to list. So a verdict, a command or a new configuration is first
 * answered by a plan against the table as it was left, and the table is read soon after; it is read at once where that
 * plan met a refusal. Of what drains, the entries alone are looked at each second.
 */
import type { BalanceFacts } from '../balance/desired.ts';
import { digestOf } from '../balance/digest.ts';
import type { SorryPhase } from '../balance/sorry.ts';
import type { Ipvs } from '../kernel/ipvs.ts';
import type { ConfiguredVirtualServer } from '../model/config.ts';
import { type ActualTable, type OperationOutcome, type TableKey, tableKeyText } from '../model/ipvs-table.ts';
import type { Log } from '../model/messages.ts';
import type { TableStatus } from '../model/status.ts';
import { type Clock, elapsed, milliseconds } from '../model/units.ts';
import { NO_TIMEOUTS, TimeoutKeeper, type TimeoutMemory } from './ipvs-timeouts.ts';
import type { OwnedVirtualServers } from './owned.ts';
import { TableAccess } from './table-access.ts';
import { type ConfiguredTable, TablePlanner } from './table-planner.ts';
import { TablePreview } from './table-preview.ts';
import { TableReport, type TableReportStatus } from './table-report.ts';
import { TableSchedule } from './table-schedule.ts';
import { refusalTexts } from './table-words.ts';
import { carryOut, partOf, refreshed, withoutConsequences, withPart } from './table-work.ts';

/** Plans made for one reconciliation before the rest is left to the next: others may be changing the table too. */
const ATTEMPTS = 3;

export interface TableKeeperOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly owned: OwnedVirtualServers;
  readonly facts: BalanceFacts;
  /** Told of the table as it is, before it is planned. */
  readonly onRead?: (actual: ActualTable) => void;
  /** Virtual servers of which somebody waits for connections to end. */
  readonly awaited?: () => readonly TableKey[];
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
  readonly preview: TablePreview;
  readonly #options: TableKeeperOptions;
  readonly #report: TableReport;
  readonly #timeouts: TimeoutKeeper;
  readonly #planner: TablePlanner;
  readonly #access: TableAccess;
  readonly #schedule: TableSchedule;
  /** The table as the last reconciliation left it: any other one since then is somebody else's doing. */
  #left: ActualTable | undefined;
  /** Of reading the table the last time. */
  #cost = milliseconds(0);

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
    this.preview = new TablePreview(this.#planner, this.#access, this.#timeouts);
    this.#schedule = new TableSchedule({
      clock: options.clock,
      isAwaited: () => this.#awaited().length > 0,
      onVerify: () => void this.reconcile(),
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
  statusOf(actual: ActualTable): TableStatus {
    return { ...this.status, digest: digestOf(this.#planner.oursOf(actual)) };
  }

  /** As it was left last; empty where nobody wants it, undefined where it cannot be had. */
  get known(): ActualTable | undefined {
    const isMissing = this.#report.status.unavailable !== undefined && !this.#access.lacking;
    return this.#left ?? (isMissing ? undefined : []);
  }

  sorryPhase(key: string): SorryPhase['phase'] {
    return this.#planner.sorryPhase(key);
  }

  /** What is new comes at once; whatever else is not as it should be is mended before this returns. */
  configure(config: ConfiguredTable): readonly string[] {
    this.#planner.configure(config);
    return [...this.#quickly().changes, ...this.reconcile()];
  }

  /** The table as the kernel holds it; empty while it cannot be reached. */
  read(): ActualTable {
    return this.#access.read();
  }

  /** Answers a change of what is wanted, as fast as that can be done safely; returns what was changed, in words. */
  update(): readonly string[] {
    return this.#answer(this.#quickly());
  }

  /** The same where nothing changed but what decides about these definitions. */
  updateOnly(virtualServers: readonly ConfiguredVirtualServer[]): readonly string[] {
    const changes: string[] = [];
    const done = this.#access.guard(() => this.#partFromMemory(virtualServers, changes), false);
    return done ? this.#answer({ changes, done }) : [...changes, ...this.update()];
  }

  #answer({ changes, done }: Quick): readonly string[] {
    if (!done) return [...changes, ...this.reconcile()];
    if (changes.length > 0) this.#schedule.changed();
    else this.#schedule.arm();
    return changes;
  }

  /** Reads the kernel's table and brings it to what it should be; returns what was changed, in words. */
  reconcile(): readonly string[] {
    if (this.#access.closed) return [];
    const changes: string[] = [];
    const done = this.#access.guard(() => this.#reconcile(changes), false);
    // What was refused for good is tried again when the table is verified.
    const soon = !done && !this.#access.lacking && this.#report.status.refused.length === 0;
    this.#schedule.verified(soon, this.#cost);
    return changes;
  }

  /**
   * The table stays as it is in the kernel, so that connections outlive a restart of the daemon; their time-outs are
   * put back.
   */
  close(): void {
    this.#schedule.close();
    const { current } = this.#access;
    if (current !== undefined) this.#timeouts.keep(current, NO_TIMEOUTS);
    this.#access.close();
  }

  /** Whose connections decide what comes next. */
  #awaited(): readonly TableKey[] {
    return [...(this.#options.awaited?.() ?? []), ...this.#planner.draining];
  }

  /** By the table as it was left; not done where that will not do, or something was refused. */
  #quickly(): Quick {
    const changes: string[] = [];
    if (this.#left === undefined || this.#access.closed) return { changes, done: false };
    const done = this.#access.guard(() => this.#lookAtAwaited() && this.#fromMemory(changes), false);
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

  #fromMemory(changes: string[]): boolean {
    const ipvs = this.#access.open();
    const { plan, table } = this.#planner.plan(this.#left ?? []);
    if (ipvs === undefined || this.#left === undefined) return false;
    changes.push(...this.#keepTimeouts(ipvs));
    if (plan.operations.length === 0) {
      this.#report.made(plan.foreign);
      return true;
    }
    const work = carryOut(ipvs, plan.operations, this.#left);
    // Also after a refusal: what was made is no drift.
    this.#left = work.table;
    this.#tell(
      work.outcomes.filter(({ error }) => error === undefined),
      changes,
    );
    this.#planner.rememberOwned(table, work.table);
    const done = work.outcomes.every(({ error }) => error === undefined);
    if (done) this.#report.made(plan.foreign);
    return done;
  }

  /**
   * As `#fromMemory`, for the entries of these definitions alone. Not done, with nothing changed, where more than their
   * real servers is at stake: somebody finishes connections, something is refused or missing. A refusal is answered by
   * reading the table, whoever asked.
   */
  #partFromMemory(virtualServers: readonly ConfiguredVirtualServer[], changes: string[]): boolean {
    const ipvs = this.#access.open();
    const left = this.#left;
    if (ipvs === undefined || left === undefined || this.#access.closed) return false;
    if (this.#report.status.refused.length > 0 || this.#awaited().length > 0) return false;
    const keys = new Set(virtualServers.flatMap(({ entries }) => entries.map(tableKeyText)));
    const part = partOf(left, keys);
    if (part.length < keys.size) return false;
    const operations = this.#planner.planPart(virtualServers, part, keys);
    if (operations.length === 0) return true;
    const work = carryOut(ipvs, operations, part);
    this.#left = withPart(left, part, work.table);
    const made = work.outcomes.filter(({ error }) => error === undefined);
    this.#tell(made, changes);
    return made.length === work.outcomes.length;
  }

  #reconcile(changes: string[]): boolean {
    const ipvs = this.#access.open();
    if (ipvs === undefined) return true;
    changes.push(...this.#keepTimeouts(ipvs));
    let refused: readonly OperationOutcome[] = [];
    const begun = this.#options.clock();
    let actual = ipvs.dump();
    this.#cost = elapsed(begun, this.#options.clock());
    this.#noticeDrift(actual);
    this.#options.onRead?.(actual);
    let planned = this.#planner.plan(actual);
    for (let attempt = 1; attempt <= ATTEMPTS && planned.plan.operations.length > 0; attempt++) {
      const { outcomes } = carryOut(ipvs, planned.plan.operations, actual);
      refused = outcomes.filter(({ error }) => error !== undefined);
      this.#tell(withoutConsequences(outcomes), changes);
      actual = ipvs.dump();
      planned = this.#planner.plan(actual);
      // The same refusal again would only repeat the log.
      if (refused.length === planned.plan.operations.length) break;
    }
    const done = planned.plan.operations.length === 0;
    this.#left = actual;
    this.#planner.rememberOwned(planned.table, actual);
    const left = done ? [] : withoutConsequences(refused);
    this.#report.verified(planned.plan.foreign, refusalTexts(left, this.#planner.definitionOf));
    return done;
  }

  #keepTimeouts(ipvs: Ipvs): readonly string[] {
    return this.#timeouts.keep(ipvs, this.#planner.config.ipvs.timeouts ?? NO_TIMEOUTS);
  }

  #noticeDrift(actual: ActualTable): void {
    if (this.#left !== undefined) this.#report.drift(this.#planner.drift(this.#left, actual));
  }

  #tell(outcomes: readonly OperationOutcome[], changes: string[]): void {
    const texts = this.#report.outcomes(outcomes, this.#planner.definitionOf);
    for (const text of texts) changes.push(text);
  }
}
