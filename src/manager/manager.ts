/**
 * The manager: everything that the daemon decides, short of signals and exit codes (`process.ts`).
 *
 *   file ─▶ configuration ─┬─▶ failover (vrrp process) ── states ──▶ log, status, notify
 *                          │            ▲ virtual servers that are tracked, quorums
 *                          └─▶ balancer (checker process) ─▶ the kernel's IPVS table
 *   control socket ─▶ status, plan, reload, handover, overrides
 */
import type {
  ControlHandlers,
  HandoverRequest,
  OverrideRequest,
  PlanRequest,
  RestoreRequest,
} from '../control/api.ts';
import { tableMasquerades } from '../kernel/held-source-nats.ts';
import type { Config } from '../model/config.ts';
import type { Log } from '../model/messages.ts';
import type {
  HandoverDocument,
  OverrideDocument,
  OverridesDocument,
  PlanDocument,
  ReloadDocument,
  RestoreDocument,
  StatusDocument,
} from '../model/status.ts';
import { milliseconds } from '../model/units.ts';
import { Balancer } from './balancer.ts';
import { loadFile, loadText } from './configuration.ts';
import {
  ConfigurationInForce,
  type ConfigurationInForceOptions,
  logProblems,
} from './configuration-in-force.ts';
import { Failover } from './failover.ts';
import { PacketRulesKeeper } from './packet-rules.ts';
import { Preparation } from './preparation.ts';
import { planRouters, type RouterPlan } from './router-plan.ts';
import { lookAgainSoon } from './second-look.ts';
import { SharedTurns } from './shared-turns.ts';
import { statusDocument } from './status-document.ts';
import { TrackedConnections } from './tracked-connections.ts';

export interface ManagerOptions extends ConfigurationInForceOptions {
  readonly stateDir: string;
  /** Where events are recorded, if anywhere. */
  readonly record: string | undefined;
}

/** Virtual servers: filling the table with more takes longer than the start of a process. */
const LONG_TABLE = 50;
/** How long the end waits for notify scripts. */
const NOTIFY_LIMIT = milliseconds(5_000);

export class Manager implements ControlHandlers {
  readonly #options: ManagerOptions;
  readonly #log: Log;
  readonly #inForce: ConfigurationInForce;
  readonly #failover: Failover;
  readonly #preparation: Preparation;
  readonly #packetRules: PacketRulesKeeper;
  readonly #tracked: TrackedConnections;
  readonly #balancer: Balancer;
  readonly #startedAt = Date.now();
  readonly #reloads = new SharedTurns(() => this.#reload());
  /** The first table is there: a reload in the middle of it would be overtaken by the file that came before. */
  readonly #filled = Promise.withResolvers<void>();
  /** Whether the virtual routers know their addresses; a reload may come before. */
  #takesPart = false;
  #stopping = false;
  #cancelLook = (): void => undefined;

  constructor(options: ManagerOptions) {
    const { log, stateDir } = options;
    this.#options = options;
    this.#log = log;
    this.#inForce = new ConfigurationInForce(options);
    this.#balancer = new Balancer({
      stateDir,
      log,
      isActive: (name) =>
        this.#failover.vrrp.statuses.some((status) => status.name === name && status.state === 'active'),
      onQuorum: (event) => this.#failover.onQuorum(event),
      onServices: () => this.#failover.onServices(),
    });
    this.#failover = new Failover({
      stateDir,
      log,
      services: this.#balancer.services,
      onRouters: () => {
        this.#balancer.routersChanged();
        this.#tracked.routersAre(this.#failover.vrrp.statuses);
      },
      onSettingChanged: (change) => this.#preparation.adopt(change),
      record: options.record,
    });
    this.#preparation = new Preparation({ stateDir, log, table: () => this.#balancer.knownTable });
    this.#packetRules = new PacketRulesKeeper({
      log,
      table: () => this.#balancer.knownTable,
      onMarks: () => void this.#balancer.removeReplaced(),
    });
    this.#tracked = new TrackedConnections({
      log,
      onAwaited: (sources) => this.#packetRules.awaits(sources),
    });
  }

  /** Resolves once the table is in place and the virtual routers take part in their elections. */
  async start(): Promise<void> {
    await this.#fill(this.#inForce.config).finally(this.#filled.resolve);
    if (this.#stopping) return;
    await this.#balancer.getToKnow();
    // A reload may have come meanwhile, or the end: nothing may be set up behind its back, nor ahead of its table.
    await this.#reloads.alone(async () => {
      if (!this.#stopping) await this.#configureRouters(this.#inForce.config);
    });
    this.#inForce.keep();
    if (this.#stopping) return;
    this.#cancelLook = lookAgainSoon({
      file: this.#options.file,
      inForce: () => this.#inForce.loaded,
      log: this.#log,
      rehearse: (after) => this.#rehearse(after),
      onDifference: () => {
        this.reload().catch((error: Error) => this.#log('error', `reload failed: ${error.message}`));
      },
    });
  }

  /** The first table, and what it needs of the kernel; the other processes come up beside it. */
  async #fill(config: Config): Promise<void> {
    // Processes that come up take the processor from a long table, which is waited for in any case.
    const isLong = config.virtualServers.length > LONG_TABLE;
    if (!isLong) this.#startProcesses();
    this.#balancer.configure(config);
    if (tableMasquerades()) await this.#packetRules.adopt();
    await this.#prepare(config);
    await this.#balancer.configureTable(config);
    if (this.#stopping) return;
    this.#preparation.inForce();
    void this.#packetRules.inForce();
    if (isLong) this.#startProcesses();
  }

  /** Works out what a reload with `config` would change, and does none of it. */
  async #rehearse(config: Config): Promise<void> {
    await this.#planRouters(config);
    if (!this.#stopping) await this.#balancer.preview(config);
  }

  #startProcesses(): void {
    this.#failover.start();
    this.#balancer.start();
  }

  /** Make before break: the addresses stay, checked and served, until the successor has spoken. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#cancelLook();
    await this.#failover.stop(NOTIFY_LIMIT);
    await this.#balancer.stop();
    await this.#tracked.close();
    await this.#packetRules.close();
    this.#preparation.close();
  }

  /** One line for `systemctl status`. */
  summary(): string {
    const active = this.#failover.vrrp.statuses.filter(({ state }) => state === 'active').length;
    const { virtualRouters, virtualServers } = this.#inForce.config;
    return `${active} of ${virtualRouters.length} virtual routers active, ${virtualServers.length} virtual servers`;
  }

  status(): Promise<StatusDocument> {
    return statusDocument({
      startedAt: this.#startedAt,
      stateDir: this.#options.stateDir,
      inForce: this.#inForce,
      failover: this.#failover,
      balancer: this.#balancer,
      preparation: this.#preparation,
      packetRules: this.#packetRules,
    });
  }

  async plan(request: PlanRequest): Promise<PlanDocument> {
    const { config, problems } = await loadText(request.text, request.file);
    if (config === undefined) return { problems, virtualRouters: [], addresses: [], table: [], settings: [] };
    const routers = await this.#planRouters(config);
    const table = await this.#balancer.preview(config);
    const tableAfter = () => table.after;
    return {
      problems,
      ...routers,
      table: table.changes,
      settings: [
        ...this.#preparation.preview(config, tableAfter),
        ...this.#packetRules.preview(config, tableAfter),
      ],
      overrides: this.#balancer.overrideNotes(config),
      tableUnavailable: this.#balancer.tableUnavailable,
    };
  }

  async #planRouters({ virtualRouters: routers, syncGroups: groups }: Config): Promise<RouterPlan> {
    const statuses = await this.#failover.vrrp.query();
    return planRouters(this.#failover.vrrp.configuration.network, { routers, groups }, statuses);
  }

  async handover({ names, stayDown }: HandoverRequest): Promise<HandoverDocument> {
    const outcomes = await this.#failover.handover(names, stayDown);
    return { outcomes };
  }

  override(request: OverrideRequest): Promise<OverrideDocument> {
    return this.#balancer.override(request);
  }

  overrides(): Promise<OverridesDocument> {
    return this.#balancer.overrides();
  }

  restore({ names }: RestoreRequest): Promise<RestoreDocument> {
    return Promise.resolve({ restored: this.#failover.restore(names) });
  }

  /** A file with errors changes nothing: what runs goes on, and the refusal is shown until a file is accepted. */
  reload(): Promise<ReloadDocument> {
    return this.#reloads.ask();
  }

  async #reload(): Promise<ReloadDocument> {
    const { file } = this.#options;
    const loaded = await loadFile(file);
    const { config, problems } = loaded;
    if (config === undefined) {
      this.#inForce.refuse(problems);
      return { applied: false, problems, changes: [] };
    }
    await this.#filled.promise;
    const pending = this.#balancer.pending(config);
    const overrides = this.#balancer.overrideNotes(config);
    if (this.#stopping) throw new Error('vipward stops: nothing is reloaded any more');
    this.#inForce.replace({ ...loaded, config });
    const applied = await this.#apply(config);
    this.#inForce.keep();
    // Only warnings, and a long file may have a thousand: what it changes comes first.
    logProblems(this.#log, problems);
    const changes = [...applied, ...pending];
    this.#log('info', 'configuration reloaded', { file, changes: changes.length });
    return { applied: true, problems, changes, overrides, tableUnavailable: this.#balancer.tableUnavailable };
  }

  async #apply(config: Config): Promise<readonly string[]> {
    this.#balancer.configure(config);
    const settings = await this.#prepare(config);
    // Before addresses come for it, and before the vrrp process wants the processor.
    const table = [...(await this.#balancer.configureTable(config)), ...(await this.#setMarks())];
    if (!this.#takesPart && !this.#stopping) await this.#balancer.getToKnow();
    if (this.#stopping) return [...table, ...settings];
    const { virtualRouters, addresses } = await this.#planRouters(config);
    const changes = [...virtualRouters, ...addresses, ...table];
    if (this.#stopping) return [...changes, ...settings];
    await this.#configureRouters(config);
    if (this.#stopping) return [...changes, ...settings];
    // What served the old configuration goes behind everything that was in its place.
    const backs = this.#preparation.inForce();
    return [...changes, ...settings, ...backs, ...(await this.#packetRules.inForce())];
  }

  /** What packets get to by their new marks is complete before they do, and what they got to goes behind that. */
  async #setMarks(): Promise<readonly string[]> {
    const served = await this.#balancer.meetSuccessors();
    if (this.#stopping) return served;
    const marks = await this.#packetRules.setMarks();
    const gone = this.#packetRules.marksAreSet ? await this.#balancer.removeReplaced() : [];
    return [...served, ...marks, ...gone];
  }

  /** Before the table is filled: forwarding must be there when the first connection is. */
  async #prepare(config: Config): Promise<readonly string[]> {
    const modules = await this.#preparation.loadModules(config);
    if (this.#stopping) return [];
    const settings = this.#preparation.configure(config);
    this.#tracked.configure(config);
    return [...modules, ...settings, ...(await this.#packetRules.configure(config))];
  }

  async #configureRouters(config: Config): Promise<void> {
    this.#takesPart = true;
    this.#preparation.expectAddresses(config);
    if (await this.#failover.configure(config)) return;
    this.#log(
      'error',
      'the vrrp process has not taken in the configuration; it gets it again when it is restarted',
    );
  }
}
