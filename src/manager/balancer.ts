/**
 * Everything that decides what the kernel's table holds, and the table itself:
 *
 *   configuration ─┬─▶ checks ─▶ checker process ─ verdicts ─▶ health ─┬─▶ quorums ─▶ notify, vrrp process
 *                  │                                                   │
 *                  └───────────────────────────────────────────────────┴─▶ table keeper ─▶ kernel
 *   operator ─▶ overrides ─────────────────────────────────────────────▲
 */
import { NO_TAKE_OVER, takeOverOf } from '../balance/take-over.ts';
import { coldTargets } from '../balance/targets.ts';
import type { OverrideRequest } from '../control/api.ts';
import type { CheckTarget, Health } from '../model/check.ts';
import type { Config } from '../model/config.ts';
import type { ActualTable } from '../model/ipvs-table.ts';
import type { Log } from '../model/messages.ts';
import type {
  OverrideDocument,
  OverridesDocument,
  ProcessStatus,
  StatusDocument,
  VirtualServerStatus,
} from '../model/status.ts';
import type { Steps } from '../model/steps.ts';
import { milliseconds } from '../model/units.ts';
import { monotonicNow } from '../sys/clock.ts';
import { type Answer, inPieces } from '../sys/pieces.ts';
import { ChangedSettings } from './changed-settings.ts';
import { CheckerChild } from './checker-child.ts';
import { Checks } from './checks.ts';
import { HealthBook } from './health.ts';
import { Operator } from './operator.ts';
import { OverrideBook } from './overrides.ts';
import { OwnedVirtualServers } from './owned.ts';
import { pendingChanges } from './pending.ts';
import { QuorumBook, type QuorumEvent } from './quorums.ts';
import { virtualServerStatus } from './server-status.ts';
import { TableKeeper } from './table.ts';
import { summaryOf } from './table-summary.ts';
import type { ServiceFacts } from './tracking/services.ts';
import { Verdicts } from './verdicts.ts';

export interface BalancerOptions {
  readonly stateDir: string;
  readonly log: Log;
  /** Whether a virtual router is active here, by its name. */
  readonly isActive: (virtualRouter: string) => boolean;
  readonly onQuorum: (event: QuorumEvent) => void;
  /** What `services` says may have changed. */
  readonly onServices: () => void;
}

/** The time that the checker needs to come up. */
const CHECKER_START = 2_000;
/** However slow checks may be, addresses are not held back for longer, in milliseconds. */
const LONGEST_ACQUAINTANCE = 10_000;
/** Definitions that are put into words between two rests. */
const FEW = 64;

export interface BalancePreview {
  /** What would be changed, in words. */
  readonly changes: readonly string[];
  /** The table right after that; undefined: it cannot be had. */
  readonly after: ActualTable | undefined;
}

type BalanceStatus = Pick<StatusDocument, 'virtualServers' | 'overrides' | 'table'>;

export class Balancer {
  readonly #options: BalancerOptions;
  readonly #checker: CheckerChild;
  readonly #checks: Checks;
  readonly #health: HealthBook;
  readonly #operator: Operator;
  readonly #overrides: OverrideBook;
  readonly #quorums: QuorumBook;
  readonly #table: TableKeeper;
  #config: Pick<Config, 'virtualServers'> = { virtualServers: [] };
  #takeOver = NO_TAKE_OVER;
  readonly #verdicts: Verdicts;
  /** What was known of targets before `configure`, until the table has its turn for it. */
  #formerHealth: ReadonlyMap<string, Health> = new Map();

  constructor(options: BalancerOptions) {
    const { stateDir, log, isActive, onQuorum } = options;
    this.#options = options;
    this.#health = new HealthBook(log);
    this.#overrides = new OverrideBook({ stateDir, log });
    const healthOf = (id: string) => this.#health.of(id);
    const overrideOf = this.#overrides.of;
    this.#quorums = new QuorumBook({ log, healthOf, overrideOf, onChange: onQuorum });
    this.#table = new TableKeeper({
      log,
      clock: monotonicNow,
      owned: new OwnedVirtualServers(stateDir, log),
      facts: {
        // What was down and is not in the new file must not be taken for what was never checked.
        healthOf: (id) => healthOf(id) ?? this.#formerHealth.get(id),
        overrideOf,
        quorumBefore: this.#quorums.before,
      },
      onConfigure: () => {
        this.#formerHealth = new Map();
        this.#verdicts.configureTable();
      },
      onRead: (actual) => this.#overrides.observe(actual),
      awaited: this.#overrides.awaited,
      timeouts: new ChangedSettings({
        stateDir,
        name: 'connection-timeouts.json',
        log,
        unwritable: 'time-outs of connections are not put back if this process is killed',
      }),
      // What it is told about may be in the middle of its work.
      summarise: (actual) => this.#summarise(actual),
      onReach: () => setImmediate(() => this.#options.onServices()),
    });
    this.#operator = new Operator({
      overrides: this.#overrides,
      log,
      onChange: () => this.#rebalance(),
      table: () => this.#table.left,
    });
    this.#verdicts = new Verdicts({
      onQuorums: (concerned) => this.#quorums.updateOnly(concerned),
      onTable: (concerned) => {
        void this.#table.updateOnly(concerned);
        this.#options.onServices();
      },
    });
    this.#checker = new CheckerChild(this.#health, log, (targets) => this.#verdicts.take(targets));
    this.#checks = new Checks({
      isActive,
      setTargets: (targets) => this.#checker.setTargets(targets),
    });
  }

  /** How the virtual servers stand, for those who track them. */
  readonly services: ServiceFacts = {
    assessment: (name) => this.#quorums.of(name),
    rests: (name) => this.#checks.rest(name),
    unavailable: () => this.tableUnavailable,
  };

  start(): void {
    this.#checker.child.start();
  }

  /** Everything that the table depends on, ahead of the table: that goes on by what it has until `configureTable`. */
  configure(config: Config): void {
    this.#formerHealth = this.#health.book;
    this.#takeOver = takeOverOf(this.#config.virtualServers, config.virtualServers);
    this.#config = config;
    this.#verdicts.configure(config.virtualServers);
    this.#checks.configure(config);
    this.#operator.configure(config);
    this.#quorums.update(config.virtualServers);
  }

  /** The table itself; returns what was changed, in words. What `removeReplaced` is about stays. */
  configureTable(config: Config): Answer<readonly string[]> {
    return this.#table.configure(config, this.#takeOver.replaced);
  }

  /**
   * Resolves when virtual servers that get clients of others, by a mark or no longer by one, can serve, as far as checks
   * will say so within their time. Gives what was changed, in words.
   */
  async meetSuccessors(): Promise<readonly string[]> {
    const checked = new Set(this.#checks.checked);
    const successors = this.#takeOver.successors.filter((each) => checked.has(each));
    const targets = successors.length === 0 ? [] : coldTargets(successors, await this.#table.read());
    if (targets.length === 0) return [];
    const limit = acquaintance(targets);
    if (!(await this.#health.known(targets, limit)))
      this.#options.log(
        'warn',
        `not every real server was checked within ${limit} ms: marks change all the same`,
      );
    return await this.#rebalance();
  }

  /** Marks are as configured now: what others were put in the place of goes. Gives that, in words. */
  removeReplaced(): Answer<readonly string[]> {
    return this.#table.removeReplaced();
  }

  /** What `after` in the place of the present configuration would change, in words. */
  async preview(after: Config): Promise<BalancePreview> {
    const overrides = this.#overrides.under(after.virtualServers);
    const { knownTable } = this;
    const preview = await this.#table.preview(after, overrides.of);
    return {
      changes: [...preview.changes, ...this.pending(after)],
      after: knownTable === undefined ? undefined : preview.after,
    };
  }

  /** What becomes of overrides that `after` gives another name, or nothing to apply to: one line each. */
  overrideNotes(after: Config): readonly string[] {
    return this.#overrides.under(after.virtualServers).notes;
  }

  /** What it would change later, since it is about servers that are not up. */
  pending(after: Config): readonly string[] {
    return pendingChanges(this.#config.virtualServers, after.virtualServers, (id) => this.#health.of(id));
  }

  /**
   * A director that has just booted would win its addresses back with nothing behind them but the sorry server. So it
   * first checks the real servers of what is not served yet, for no longer than a check may take.
   */
  async getToKnow(): Promise<void> {
    const targets = coldTargets(this.#checks.checked, await this.#table.read());
    if (targets.length === 0) return;
    const limit = acquaintance(targets);
    if (await this.#health.known(targets, limit)) return;
    this.#options.log(
      'warn',
      `not every real server was checked within ${limit} ms: taking part in elections all the same`,
    );
  }

  /** Those who track virtual servers may begin and end to be active. */
  routersChanged(): void {
    if (this.#checks.routersChanged()) void this.#rebalance();
  }

  /** As the kernel holds it, as far as is known; undefined: it cannot be had. */
  get knownTable(): ActualTable | undefined {
    return this.#table.known;
  }

  /** Rejects with a NoSuchName. */
  async override(request: OverrideRequest): Promise<OverrideDocument> {
    const document = await this.#operator.carryOut(request);
    return { ...document, tableUnavailable: this.tableUnavailable };
  }

  /** Why; undefined: it can be reached, or nobody wants it. */
  get tableUnavailable(): string | undefined {
    if (this.#config.virtualServers.length === 0) return undefined;
    return this.#table.status.unavailable;
  }

  async overrides(): Promise<OverridesDocument> {
    const overrides = this.#operator.status(await this.#table.read());
    return { overrides, tableUnavailable: this.tableUnavailable };
  }

  get process(): ProcessStatus {
    return this.#checker.child.status;
  }

  async status(): Promise<BalanceStatus> {
    return (await inPieces(this.#status(await this.#table.read()))) as BalanceStatus;
  }

  /** Ahead of those who ask. */
  *#summarise(actual: ActualTable): Steps<void> {
    for (const server of this.#config.virtualServers) yield* summaryOf(server, actual);
    yield* this.#table.statusOf(actual);
  }

  *#status(actual: ActualTable): Steps<BalanceStatus> {
    const facts = {
      ...this.services,
      actual,
      overrideOf: this.#overrides.of,
      healthOf: (id: string) => this.#health.of(id),
      sorryPhase: (key: string) => this.#table.sorryPhase(key),
    };
    const virtualServers: VirtualServerStatus[] = [];
    for (const server of this.#config.virtualServers) {
      virtualServers.push(yield* virtualServerStatus(server, facts));
      if (virtualServers.length % FEW === 0) yield;
    }
    const overrides = this.#operator.status(actual);
    return { virtualServers, overrides, table: yield* this.#table.statusOf(actual) };
  }

  /** The table stays in the kernel. */
  async stop(): Promise<void> {
    await this.#checker.stop();
    await this.#table.close();
  }

  /** What decides about the table, its configuration apart, has changed; returns the changes of the table in words. */
  #rebalance(): Answer<readonly string[]> {
    this.#quorums.update(this.#config.virtualServers);
    const changes = this.#table.update();
    this.#options.onServices();
    return changes;
  }
}

/** As long as the slowest of these checks may take. */
function acquaintance(targets: readonly CheckTarget[]) {
  const longest = Math.max(...targets.map(({ check }) => check.timeout));
  return milliseconds(Math.min(longest + CHECKER_START, LONGEST_ACQUAINTANCE));
}
