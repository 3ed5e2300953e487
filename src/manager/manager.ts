/**
 * The manager: everything that the daemon decides, short of signals and exit codes (`process.ts`).
 *
 *   file ─▶ configuration ─┬─▶ vrrp process ──── states ────▶ log, status
 *                          ├─▶ checker process ─ verdicts ─▶ health ─┐
 *                          └──────────────────────────────────────────┴▶ table keeper ─▶ kernel
 *   control socket ─▶ status, plan, reload
 */
import { checkTargets, coldTargets } from '../balance/targets.ts';
import { operationText } from '../balance/words.ts';
import type { ControlHandlers, HandoverRequest, PlanRequest, RestoreRequest } from '../control/api.ts';
import type { CheckTarget } from '../model/check.ts';
import type { Config } from '../model/config.ts';
import type { Log } from '../model/messages.ts';
import { formatProblem, type Problem } from '../model/problem.ts';
import type {
  HandoverDocument,
  PlanDocument,
  ReloadDocument,
  RestoreDocument,
  StatusDocument,
} from '../model/status.ts';
import { milliseconds } from '../model/units.ts';
import { monotonicNow } from '../sys/clock.ts';
import { readVersion } from '../version.ts';
import { CheckerChild } from './checker-child.ts';
import { isError, type LoadedConfiguration, loadFile, loadText } from './configuration.ts';
import { Failover } from './failover.ts';
import { HealthBook } from './health.ts';
import { OwnedVirtualServers } from './owned.ts';
import { pendingChanges } from './pending.ts';
import { Preparation } from './preparation.ts';
import { planRouters } from './router-plan.ts';
import { virtualServerStatus } from './server-status.ts';
import { TableKeeper } from './table.ts';

export interface ManagerOptions {
  readonly file: string;
  readonly stateDir: string;
  readonly initial: LoadedConfiguration & { readonly config: Config };
  readonly log: Log;
  /** Where events are recorded, if anywhere. */
  readonly record: string | undefined;
}

/** The time that the checker needs to come up. */
const CHECKER_START = 2_000;
/** However slow checks may be, addresses are not held back for longer, in milliseconds. */
const LONGEST_ACQUAINTANCE = 10_000;
/** How long the end waits for notify scripts. */
const NOTIFY_LIMIT = milliseconds(5_000);

type Refused = StatusDocument['configuration']['refused'];

export class Manager implements ControlHandlers {
  readonly #options: ManagerOptions;
  readonly #log: Log;
  readonly #failover: Failover;
  readonly #preparation: Preparation;
  readonly #checker: CheckerChild;
  readonly #health: HealthBook;
  readonly #table: TableKeeper;
  readonly #startedAt = Date.now();
  #loaded: LoadedConfiguration & { readonly config: Config };
  #loadedAt = Date.now();
  #refused: Refused;
  /** Reloads run one after the other. */
  #reloading: Promise<unknown> = Promise.resolve();
  #verdictsPending = false;
  #stopping = false;

  constructor(options: ManagerOptions) {
    const { log, initial, stateDir } = options;
    this.#options = options;
    this.#log = log;
    this.#loaded = initial;
    this.#health = new HealthBook(log);
    this.#table = new TableKeeper({
      log,
      clock: monotonicNow,
      owned: new OwnedVirtualServers(stateDir, log),
      healthOf: (id) => this.#health.of(id),
    });
    this.#failover = new Failover({
      stateDir,
      log,
      healthOf: (id) => this.#health.of(id),
      record: options.record,
    });
    this.#preparation = new Preparation({ stateDir, log });
    this.#checker = new CheckerChild(this.#health, log, () => this.#verdict());
  }

  /** Resolves once the table is in place and the virtual routers take part in their elections. */
  async start(): Promise<void> {
    this.#failover.start();
    this.#checker.child.start();
    const { config } = this.#loaded;
    this.#checker.setTargets(checkTargets(config.virtualServers));
    await this.#prepare(config);
    this.#table.configure(config);
    await this.#getToKnow(coldTargets(config.virtualServers, this.#table.read()));
    // A reload may have come meanwhile, or the end: nothing may be set up behind its back.
    if (!this.#stopping) await this.#configureRouters(this.#loaded.config);
  }

  /**
   * A director that has just booted would win its addresses back with nothing behind them but the sorry server. So it
   * first checks the real servers of what is not served yet, for no longer than a check may take.
   */
  async #getToKnow(targets: readonly CheckTarget[]): Promise<void> {
    if (targets.length === 0) return;
    const longest = Math.max(...targets.map(({ check }) => check.timeout));
    const limit = milliseconds(Math.min(longest + CHECKER_START, LONGEST_ACQUAINTANCE));
    if (await this.#health.known(targets, limit)) return;
    this.#log(
      'warn',
      `not every real server was checked within ${limit} ms: taking part in elections all the same`,
    );
  }

  /** Make before break: the addresses stay, checked and served, until the successor has spoken. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#failover.stop(NOTIFY_LIMIT);
    await this.#checker.stop();
    this.#table.close();
    this.#preparation.close();
  }

  /** One line for `systemctl status`. */
  summary(): string {
    const active = this.#failover.vrrp.statuses.filter(({ state }) => state === 'active').length;
    const { virtualRouters, virtualServers } = this.#loaded.config;
    return `${active} of ${virtualRouters.length} virtual routers active, ${virtualServers.length} virtual servers`;
  }

  async status(): Promise<StatusDocument> {
    const virtualRouters = await this.#failover.vrrp.query();
    const { config, digest } = this.#loaded;
    const facts = {
      actual: this.#table.read(),
      healthOf: (id: string) => this.#health.of(id),
      sorryPhase: (key: string) => this.#table.sorryPhase(key),
    };
    return {
      director: config.director.name,
      version: readVersion(),
      pid: process.pid,
      startedAt: this.#startedAt,
      configuration: { file: this.#options.file, loadedAt: this.#loadedAt, digest, refused: this.#refused },
      processes: [
        { name: 'manager', pid: process.pid, state: 'running', restarts: 0 },
        this.#failover.vrrp.child.status,
        this.#checker.child.status,
      ],
      virtualRouters,
      syncGroups: this.#failover.vrrp.groups,
      guards: this.#guards(),
      virtualServers: config.virtualServers.map((server) => virtualServerStatus(server, facts)),
      table: this.#table.status,
      preparation: { problems: this.#preparation.problems },
    };
  }

  async plan(request: PlanRequest): Promise<PlanDocument> {
    const { config, problems } = loadText(request.text, request.file);
    if (config === undefined) return { problems, virtualRouters: [], addresses: [], table: [], settings: [] };
    const statuses = await this.#failover.vrrp.query();
    const routers = planRouters(
      this.#failover.vrrp.configuration.network,
      { routers: config.virtualRouters, groups: config.syncGroups },
      statuses,
    );
    const { operations } = this.#table.preview(config, (id) => this.#health.of(id));
    return {
      problems,
      ...routers,
      table: [...operations.map(operationText), ...this.#pending(this.#loaded.config, config)],
      settings: this.#preparation.preview(config),
    };
  }

  async handover({ names, stayDown }: HandoverRequest): Promise<HandoverDocument> {
    const outcomes = await this.#failover.handover(names, stayDown);
    return { outcomes };
  }

  restore({ names }: RestoreRequest): Promise<RestoreDocument> {
    return Promise.resolve({ restored: this.#failover.restore(names) });
  }

  /** A file with errors changes nothing: what runs goes on, and the refusal is shown until a file is accepted. */
  reload(): Promise<ReloadDocument> {
    const turn = this.#reloading.then(() => this.#reload());
    this.#reloading = turn.catch(() => undefined);
    return turn;
  }

  async #reload(): Promise<ReloadDocument> {
    const { file } = this.#options;
    const loaded = loadFile(file);
    const { config, problems } = loaded;
    logProblems(this.#log, problems);
    if (config === undefined) {
      this.#refused = { at: Date.now(), problems };
      const errors = problems.filter(isError).length;
      this.#log('error', `reload refused: ${file} has ${errors} error(s), nothing was changed`, { file });
      return { applied: false, problems, changes: [] };
    }
    const statuses = await this.#failover.vrrp.query();
    const routers = planRouters(
      this.#failover.vrrp.configuration.network,
      { routers: config.virtualRouters, groups: config.syncGroups },
      statuses,
    );
    const pending = this.#pending(this.#loaded.config, config);
    if (this.#stopping) throw new Error('vipward stops: nothing is reloaded any more');
    this.#loaded = { ...loaded, config };
    this.#loadedAt = Date.now();
    this.#refused = undefined;
    const tableChanges = await this.#apply(config);
    const changes = [...routers.virtualRouters, ...routers.addresses, ...tableChanges, ...pending];
    this.#log('info', 'configuration reloaded', { file, changes: changes.length });
    return { applied: true, problems, changes };
  }

  async #apply(config: Config): Promise<readonly string[]> {
    this.#checker.setTargets(checkTargets(config.virtualServers));
    const configured = this.#configureRouters(config);
    const settings = await this.#prepare(config);
    const changes = this.#table.configure(config);
    await configured;
    return [...changes, ...settings];
  }

  /** Before the table is filled: forwarding must be there when the first connection is. */
  async #prepare(config: Config): Promise<readonly string[]> {
    await this.#preparation.loadModules(config);
    return this.#stopping ? [] : this.#preparation.configure(config);
  }

  async #configureRouters(config: Config): Promise<void> {
    if (await this.#failover.configure(config)) return;
    this.#log(
      'error',
      'the vrrp process has not taken in the configuration; it gets it again when it is restarted',
    );
  }

  #guards(): StatusDocument['guards'] {
    const { arbiter, fencing, sync } = this.#failover.status();
    const now = monotonicNow();
    return {
      arbiter: arbiter && {
        endpoint: arbiter.endpoint,
        problem: arbiter.error,
        units: arbiter.units.map(({ unit, state, holder, heldUntil }) => ({
          unit,
          state,
          holder,
          remaining: heldUntil === undefined ? undefined : Math.max(0, Math.round(heldUntil - now)),
        })),
      },
      fencing: fencing && { agent: fencing.agent, running: fencing.running, last: fencing.last },
      sync: sync && { role: sync.role, problem: sync.problem, foreign: sync.foreign },
    };
  }

  /** Verdicts that arrive together are answered by one reconciliation. */
  #verdict(): void {
    if (this.#verdictsPending) return;
    this.#verdictsPending = true;
    setImmediate(() => {
      this.#verdictsPending = false;
      this.#table.reconcile();
      this.#failover.onHealth();
    });
  }

  #pending(before: Config, after: Config): readonly string[] {
    return pendingChanges(before.virtualServers, after.virtualServers, (id) => this.#health.of(id));
  }
}

/** One log line for each problem of a file. */
export function logProblems(log: Log, problems: readonly Problem[]): void {
  for (const problem of problems) {
    log(isError(problem) ? 'error' : 'warn', formatProblem(problem), { configuration: problem.file });
  }
}
