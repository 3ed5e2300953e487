/**
 * Keeps the kernel's IPVS table as it should be: reads it, plans, applies, and reads it again. Whatever the kernel
 * refuses, and whoever else changed the table meanwhile, is met by planning anew, never by giving up.
 *
 * A thousand virtual servers take the kernel a while to list. So a verdict, a command or a new configuration is first
 * answered by a plan against the table as it was left, and the table is read soon after; it is read at once where that
 * plan met a refusal. Of what drains, the entries alone are looked at each second.
 */
import { type BalanceFacts, type Desired, desiredTable } from '../balance/desired.ts';
import { digestOf } from '../balance/digest.ts';
import { findDrift } from '../balance/drift.ts';
import { type Plan, planTable } from '../balance/plan.ts';
import type { SorryPhase } from '../balance/sorry.ts';
import { operationText } from '../balance/words.ts';
import { type Ipvs, IpvsUnavailable, openIpvs } from '../kernel/ipvs.ts';
import type { Config, ConfiguredVirtualServer } from '../model/config.ts';
import {
  type ActualTable,
  type DesiredTable,
  type OperationOutcome,
  type TableKey,
  tableKeyText,
} from '../model/ipvs-table.ts';
import type { Log } from '../model/messages.ts';
import type { TableStatus } from '../model/status.ts';
import { after, type Clock, elapsed, type Instant, milliseconds } from '../model/units.ts';
import { NO_TIMEOUTS, TimeoutKeeper, type WantedTimeouts } from './ipvs-timeouts.ts';
import type { OwnedVirtualServers } from './owned.ts';
import { TableReport, type TableReportStatus } from './table-report.ts';
import { carryOut, partOf, refreshed, refusalText, withoutConsequences, withPart } from './table-work.ts';

/** How often the table is compared with the kernel's, unasked. */
export const VERIFY_INTERVAL = milliseconds(10_000);
/** How often it is looked at while somebody finishes connections. */
const DRAIN_INTERVAL = milliseconds(1_000);
/** How soon it is read after changes that were planned without that. */
const VERIFY_SOON = milliseconds(1_000);
/** When a table that could not be read, or not be changed as it should, is tried again. */
const TRY_AGAIN = milliseconds(1_000);
/** Plans made for one reconciliation before the rest is left to the next: others may be changing the table too. */
const ATTEMPTS = 3;

type Configured = Pick<Config, 'virtualServers'> & {
  readonly ipvs: Pick<Config['ipvs'], 'exclusive'> & { readonly timeouts?: WantedTimeouts };
};

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
  #config: Configured = { virtualServers: [], ipvs: { exclusive: false } };
  #ipvs: Ipvs | undefined;
  #sorry: ReadonlyMap<string, SorryPhase> = new Map();
  /** The table as the last reconciliation left it: any other one since then is somebody else's doing. */
  #left: ActualTable | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** When the whole table is read next. */
  #verifyAt: Instant;
  #closed = false;
  /** This kernel has no IPVS, which changes seldom. */
  #lacking = false;

  constructor(options: TableKeeperOptions) {
    this.#options = options;
    this.#report = new TableReport(options.log, options.onReach ?? (() => undefined));
    this.#timeouts = new TimeoutKeeper(options.log);
    this.#verifyAt = options.clock();
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
    const { exclusive } = this.#config.ipvs;
    const ours = actual.filter(({ key }) => exclusive || this.#options.owned.keys.has(tableKeyText(key)));
    return { ...this.status, digest: digestOf(ours) };
  }

  sorryPhase(key: string): SorryPhase['phase'] {
    return this.#sorry.get(key)?.phase ?? 'idle';
  }

  /** What is new comes at once; whatever else is not as it should be is mended before this returns. */
  configure(config: Configured): readonly string[] {
    this.#config = config;
    return [...this.#quickly().changes, ...this.reconcile()];
  }

  /** The table as the kernel holds it; empty while it cannot be reached. */
  read(): ActualTable {
    try {
      return this.#open()?.dump() ?? [];
    } catch (error) {
      this.#unreachable(error);
      return [];
    }
  }

  /** What `config` in the place of the present one would change, in words; nothing is done. */
  preview(config: Configured): readonly string[] {
    const actual = this.read();
    const { clock, facts } = this.#options;
    const { table } = desiredTable(config.virtualServers, facts, actual, this.#sorry, clock());
    const { operations } = planTable(table, actual, this.#ownership(config, table));
    return [...this.#previewTimeouts(config), ...operations.map(operationText)];
  }

  #previewTimeouts({ ipvs: { timeouts = NO_TIMEOUTS } }: Configured): readonly string[] {
    if (this.#ipvs === undefined) return [];
    try {
      return this.#timeouts.preview(this.#ipvs, timeouts);
    } catch (error) {
      this.#unreachable(error);
      return [];
    }
  }

  /** Answers a change of what is wanted, as fast as that can be done safely; returns what was changed, in words. */
  update(): readonly string[] {
    return this.#answer(this.#quickly());
  }

  /** The same where nothing changed but what decides about these definitions. */
  updateOnly(virtualServers: readonly ConfiguredVirtualServer[]): readonly string[] {
    const changes: string[] = [];
    const done = this.#guard(() => this.#partFromMemory(virtualServers, changes));
    return done ? this.#answer({ changes, done }) : [...changes, ...this.update()];
  }

  #answer({ changes, done }: Quick): readonly string[] {
    if (!done) return [...changes, ...this.reconcile()];
    if (changes.length > 0)
      this.#verifyIn(Math.min(VERIFY_SOON, elapsed(this.#options.clock(), this.#verifyAt)));
    this.#schedule();
    return changes;
  }

  /** Reads the kernel's table and brings it to what it should be; returns what was changed, in words. */
  reconcile(): readonly string[] {
    if (this.#closed) return [];
    const changes: string[] = [];
    const done = this.#guard(() => this.#reconcile(changes));
    // What was refused for good is tried again when the table is verified.
    const soon = !done && !this.#lacking && this.#report.status.refused.length === 0;
    this.#verifyIn(soon ? TRY_AGAIN : VERIFY_INTERVAL);
    this.#schedule();
    return changes;
  }

  /** The table stays as it is in the kernel, so that connections outlive a restart of the daemon. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#ipvs?.close();
    this.#ipvs = undefined;
  }

  /** Never throws; false: it could not be done. */
  #guard(work: () => boolean): boolean {
    try {
      return work();
    } catch (error) {
      this.#unreachable(error);
      return false;
    }
  }

  /** Whose connections decide what comes next. */
  #awaited(): readonly TableKey[] {
    const others = this.#options.awaited?.() ?? [];
    if (![...this.#sorry.values()].some(({ phase }) => phase === 'draining')) return others;
    const entries = this.#config.virtualServers.flatMap((server) => server.entries);
    return [...others, ...entries.filter((key) => this.sorryPhase(tableKeyText(key)) === 'draining')];
  }

  #verifyIn(delay: number): void {
    this.#verifyAt = after(this.#options.clock(), milliseconds(delay));
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    const rest = Math.max(0, elapsed(this.#options.clock(), this.#verifyAt));
    const delay = this.#awaited().length > 0 ? Math.min(rest, DRAIN_INTERVAL) : rest;
    this.#timer = setTimeout(() => (delay < rest ? this.update() : this.reconcile()), delay);
  }

  /** By the table as it was left; not done where that will not do, or something was refused. */
  #quickly(): Quick {
    const changes: string[] = [];
    if (this.#left === undefined || this.#closed) return { changes, done: false };
    const done = this.#guard(() => this.#lookAtAwaited() && this.#fromMemory(changes));
    return { changes, done };
  }

  /** False where somebody else changed what was looked at. */
  #lookAtAwaited(): boolean {
    const ipvs = this.#open();
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
    const ipvs = this.#open();
    const { plan, table } = this.#plan(this.#left ?? []);
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
    this.#rememberOwned(table, work.table);
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
    const ipvs = this.#open();
    const left = this.#left;
    if (ipvs === undefined || left === undefined || this.#closed) return false;
    if (this.#report.status.refused.length > 0 || this.#awaited().length > 0) return false;
    const keys = new Set(virtualServers.flatMap(({ entries }) => entries.map(tableKeyText)));
    const part = partOf(left, keys);
    if (part.length < keys.size) return false;
    const { clock, facts } = this.#options;
    const desired = desiredTable(virtualServers, facts, part, this.#sorry, clock());
    const { operations } = planTable(desired.table, part, { owned: keys, exclusive: false });
    this.#sorry = new Map([...this.#sorry, ...desired.sorry]);
    if (operations.length === 0) return true;
    const work = carryOut(ipvs, operations, part);
    this.#left = withPart(left, part, work.table);
    const made = work.outcomes.filter(({ error }) => error === undefined);
    this.#tell(made, changes);
    return made.length === work.outcomes.length;
  }

  #reconcile(changes: string[]): boolean {
    const ipvs = this.#open();
    if (ipvs === undefined) return true;
    changes.push(...this.#keepTimeouts(ipvs));
    let refused: readonly OperationOutcome[] = [];
    let actual = ipvs.dump();
    this.#noticeDrift(actual);
    this.#options.onRead?.(actual);
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const { table, plan } = this.#plan(actual);
      if (plan.operations.length === 0) {
        this.#settled(actual, table, plan.foreign, []);
        return true;
      }
      const { outcomes } = carryOut(ipvs, plan.operations, actual);
      refused = outcomes.filter(({ error }) => error !== undefined);
      this.#tell(withoutConsequences(outcomes), changes);
      actual = ipvs.dump();
      const rest = this.#plan(actual);
      if (rest.plan.operations.length === 0) {
        this.#settled(actual, rest.table, rest.plan.foreign, []);
        return true;
      }
      // The same refusal again would only repeat the log.
      if (refused.length === rest.plan.operations.length) break;
    }
    const { table, plan } = this.#plan(actual);
    this.#settled(actual, table, plan.foreign, withoutConsequences(refused).map(refusalText));
    return false;
  }

  #keepTimeouts(ipvs: Ipvs): readonly string[] {
    return this.#timeouts.keep(ipvs, this.#config.ipvs.timeouts ?? NO_TIMEOUTS);
  }

  #plan(actual: ActualTable): { readonly table: DesiredTable; readonly plan: Plan } {
    const { clock, facts } = this.#options;
    const desired: Desired = desiredTable(this.#config.virtualServers, facts, actual, this.#sorry, clock());
    this.#sorry = desired.sorry;
    return {
      table: desired.table,
      plan: planTable(desired.table, actual, this.#ownership(this.#config, desired.table)),
    };
  }

  #ownership(config: Configured, desired: DesiredTable) {
    return {
      owned: new Set([...this.#options.owned.keys, ...desired.map((entry) => tableKeyText(entry.key))]),
      exclusive: config.ipvs.exclusive,
    };
  }

  #noticeDrift(actual: ActualTable): void {
    if (this.#left === undefined) return;
    const ownership = { owned: this.#options.owned.keys, exclusive: this.#config.ipvs.exclusive };
    this.#report.drift(findDrift(this.#left, actual, ownership));
  }

  #settled(
    actual: ActualTable,
    desired: DesiredTable,
    foreign: readonly string[],
    refused: readonly string[],
  ): void {
    this.#left = actual;
    this.#rememberOwned(desired, actual);
    this.#report.verified(foreign, refused);
  }

  #rememberOwned(desired: DesiredTable, actual: ActualTable): void {
    const { owned } = this.#options;
    // One that the kernel would not remove yet is still ours to remove.
    const left = actual.map((entry) => tableKeyText(entry.key)).filter((key) => owned.keys.has(key));
    owned.remember(new Set([...desired.map((entry) => tableKeyText(entry.key)), ...left]));
  }

  #tell(outcomes: readonly OperationOutcome[], changes: string[]): void {
    for (const outcome of outcomes) {
      const change = this.#report.outcome(outcome);
      if (change !== undefined) changes.push(change);
    }
  }

  #open(): Ipvs | undefined {
    if (this.#ipvs === undefined && !this.#closed) {
      // A kernel without IPVS is no fault while no virtual server wants it.
      if (
        this.#config.virtualServers.length === 0 &&
        !this.#config.ipvs.exclusive &&
        this.#report.status.verifiedAt === undefined
      )
        return undefined;
      this.#ipvs = (this.#options.open ?? openIpvs)();
      this.#report.reachable();
    }
    return this.#ipvs;
  }

  /** Virtual addresses go on floating; the table is tried again at the next verification. */
  #unreachable(error: unknown): void {
    this.#report.unreachable(error);
    this.#left = undefined;
    this.#lacking = error instanceof IpvsUnavailable;
    if (this.#lacking) return;
    this.#ipvs?.close();
    this.#ipvs = undefined;
  }
}
