/**
 * Keeps the kernel's IPVS table as it should be: reads it, plans, applies, and reads it again. Whatever the kernel
 * refuses, and whoever else changed the table meanwhile, is met by planning anew, never by giving up. Here is who asks,
 * when it is done and what is answered; what is done is in `table-reconciler.ts`.
 *
 * A thousand virtual servers take the kernel a while to list. So a verdict, a command or a new configuration is first
 * answered by a plan against the table as it was left, and the table is read soon after; it is read at once where that
 * plan met a refusal. Of what drains, the entries alone are looked at each second.
 */
import { digestSteps } from '../balance/digest.ts';
import type { SorryPhase } from '../balance/sorry.ts';
import type { ConfiguredVirtualServer } from '../model/config.ts';
import type { ActualTable, TableKey, TableOperation } from '../model/ipvs-table.ts';
import type { OverrideOf } from '../model/override.ts';
import type { TableStatus } from '../model/status.ts';
import type { Steps } from '../model/steps.ts';
import { type Answer, answered } from '../sys/pieces.ts';
import { type ConfiguredTable, TablePlanner, type TablePlannerOptions } from './table-planner.ts';
import type { Preview } from './table-preview.ts';
import { type Quick, TableReconciler, type TableReconcilerOptions } from './table-reconciler.ts';
import type { TableReportStatus } from './table-report.ts';
import { TableSchedule } from './table-schedule.ts';
import { TableTurns } from './table-turns.ts';
import { changeTexts } from './table-words.ts';

export type TableKeeperOptions = TablePlannerOptions & TableReconcilerOptions;

const NOT_DONE: Quick = { changes: [], done: false };

export class TableKeeper {
  readonly #planner: TablePlanner;
  readonly #reconciler: TableReconciler;
  readonly #schedule: TableSchedule;
  readonly #digests = new WeakMap<ActualTable, string>();
  readonly #turns = new TableTurns();
  /** The next update, where it has to wait for its turn. */
  #nextUpdate: Promise<readonly string[]> | undefined;

  constructor(options: TableKeeperOptions) {
    this.#planner = new TablePlanner(options);
    this.#reconciler = new TableReconciler(options, this.#planner, this.#turns);
    this.#schedule = new TableSchedule({
      clock: options.clock,
      isAwaited: () => this.#reconciler.awaited.length > 0,
      onVerify: () => void this.#verify(),
      onLook: () => void this.update(),
    });
  }

  get status(): TableReportStatus {
    return this.#reconciler.status;
  }

  /** As it was left last; undefined: it has not been reached. */
  get left(): ActualTable | undefined {
    return this.#reconciler.left;
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
    return this.#reconciler.known;
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
    const changed = this.#planner.configure(config, replaced);
    // One weight of ten thousand does not wait until all are thought over, which is done right behind it.
    const part = this.#reconciler.isLong ? NOT_DONE : yield* this.#reconciler.partly(changed);
    if (part.done) return [...part.changes, ...(yield* this.#reconciled(false))];
    const quick = yield* this.#reconciler.quickly();
    const changes = [...part.changes, ...quick.changes];
    if (quick.done && this.#reconciler.isLong) return yield* this.#answer({ changes, done: true });
    return [...changes, ...(yield* this.#reconciled(false))];
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
    if (this.#reconciler.isLong || this.#turns.busy) return this.#reconciler.left ?? [];
    return answered(
      this.#turns.take(() => this.#reconciler.look()),
      (table) => table ?? [],
    );
  }

  /** What `config` in the place of the present one would make of the table; nothing is done. */
  preview(config: ConfiguredTable, overrideOf: OverrideOf): Answer<Preview> {
    return answered(
      this.#turns.take(() => this.#reconciler.preview(config, overrideOf)),
      (preview) => preview ?? { changes: [], after: [] },
    );
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
    return yield* this.#answer(yield* this.#reconciler.quickly());
  }

  /** The same where nothing changed but what decides about these definitions. */
  updateOnly(virtualServers: readonly ConfiguredVirtualServer[]): Answer<readonly string[]> {
    return this.#turns.busy ? this.update() : this.#take(() => this.#updatedOnly(virtualServers));
  }

  *#updatedOnly(virtualServers: readonly ConfiguredVirtualServer[]): Steps<readonly string[]> {
    const quick = yield* this.#reconciler.partly(virtualServers);
    return quick.done ? yield* this.#answer(quick) : [...quick.changes, ...(yield* this.#updated())];
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
    if (this.#reconciler.closed) return [];
    const { changes, soon } = yield* this.#reconciler.reconcile(givesWay);
    this.#schedule.verified(soon, this.#reconciler.cost);
    return changes;
  }

  /**
   * The table stays as it is in the kernel, so that connections outlive a restart of the daemon; their time-outs are
   * put back.
   */
  close(): Answer<void> {
    this.#schedule.close();
    return this.#turns.close(() => {
      this.#schedule.close();
      this.#reconciler.close();
    });
  }

  #take(work: () => Steps<readonly string[]>): Answer<readonly string[]> {
    return answered(this.#turns.take(work), (changes) => changes ?? []);
  }
}
