/**
 * Prepares this director's kernel for its virtual servers, and puts back what was there before: what the configuration
 * no longer needs once the table does not either, the rest at the end.
 */
import type { Config } from '../model/config.ts';
import type { ActualTable } from '../model/ipvs-table.ts';
import type { Log } from '../model/messages.ts';
import { milliseconds } from '../model/units.ts';
import { type ConfigView, defeatsOf, viewOfConfig } from '../prepare/defeats.ts';
import {
  addressSettings,
  directorSettings,
  KEEPS_SECONDARIES,
  type PreparedConfig,
} from '../prepare/director.ts';
import { backText, type ChangedSetting, SettingsLedger } from '../prepare/ledger.ts';
import { ONCE_UNUSED, remnantsOf } from '../prepare/remnants.ts';
import {
  type KernelSetting,
  type SettingPath,
  settingCommand,
  settingName,
  unmetOf,
} from '../prepare/setting.ts';
import { ChangedSettings } from './changed-settings.ts';
import { FormerServers } from './former-servers.ts';
import { ModuleLoader } from './module-loader.ts';
import { type PreparedKernel, REAL_KERNEL } from './prepared-kernel.ts';

/** How often it is looked whether somebody else has changed them. */
const VERIFY_INTERVAL = milliseconds(10_000);
/** There in every kernel that has IPVS loaded. */
const IPVS_PROBE: SettingPath = ['net', 'ipv4', 'vs', 'expire_nodest_conn'];

export interface PreparationOptions {
  readonly stateDir: string;
  readonly log: Log;
  /** As the kernel holds it, as far as is known; undefined: it cannot be read. */
  readonly table: () => ActualTable | undefined;
  /** The kernel's unless given. */
  readonly kernel?: PreparedKernel;
}

type Configured = Pick<Config, 'virtualServers' | 'virtualRouters' | 'fixed'> & {
  readonly ipvs: Pick<Config['ipvs'], 'sysctl' | 'prepare' | 'sync'>;
};

export class Preparation {
  readonly #log: Log;
  readonly #kernel: PreparedKernel;
  readonly #file: ChangedSettings;
  readonly #table: () => ActualTable | undefined;
  readonly #modules: ModuleLoader;
  #config: Configured | undefined;
  readonly #former = new FormerServers();
  /** Of `#config`. */
  #view: ConfigView | undefined;
  readonly #ledger: SettingsLedger;
  /** Names of settings that the vrrp process has not told of yet. */
  readonly #expected = new Set<string>();
  /** Names of settings that the kernel refused the last time. */
  readonly #refused = new Set<string>();
  #problems: readonly string[] = [];
  /** Whether the table is brought to `#config`, as far as it can be now. */
  #isInForce = false;
  #timer: NodeJS.Timeout | undefined;

  constructor({ stateDir, log, table, kernel = REAL_KERNEL }: PreparationOptions) {
    this.#log = log;
    this.#kernel = kernel;
    this.#table = table;
    this.#modules = new ModuleLoader(kernel, log);
    this.#file = new ChangedSettings({
      stateDir,
      name: 'kernel-settings.json',
      log,
      unwritable: 'kernel settings are not put back if this process is killed',
      identity: kernel.identity,
    });
    this.#ledger = new SettingsLedger(kernel, this.#file.read());
  }

  /** What is not as the services need it, in words with the command that mends it; for `status`. */
  get problems(): readonly string[] {
    return [...this.#modules.problems, ...this.#problems];
  }

  /** Loads what the services need and the kernel does not load by itself. Gives what was loaded. Never rejects. */
  loadModules(config: Configured): Promise<readonly string[]> {
    return this.#modules.load(config);
  }

  /** Sets what `config` needs, ahead of the table, and puts nothing back. Gives what was changed, in words. */
  configure(config: Configured): readonly string[] {
    this.#former.add(this.#config?.virtualServers ?? []);
    this.#config = config;
    this.#view = viewOfConfig(config);
    this.#isInForce = false;
    const changes = this.#settle(false);
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#settle(true), VERIFY_INTERVAL).unref();
    return changes;
  }

  /**
   * Behind the table, which is as `configure` wants it, as far as that can be now: puts back what neither needs any
   * more, and goes on to do so. Gives that in words, and what is to be put back later.
   */
  inForce(): readonly string[] {
    this.#isInForce = true;
    const changes = this.#settle(false);
    const config = this.#config;
    const later = config === undefined ? [] : this.#backs(config, this.#wanted(config), this.#table);
    return [...changes, ...later.filter((back) => back.endsWith(ONCE_UNUSED))];
  }

  /**
   * What `config` in the place of the present one would change, in words; nothing is done. `tableAfter`: as it would be
   * right after the change.
   */
  preview(config: Configured, tableAfter: () => ActualTable | undefined): readonly string[] {
    const wanted = this.#wanted(config);
    const sets = unmetOf(wanted, this.#kernel.read).map((setting) => `set ${this.#changeText(setting)}`);
    const backs = this.#backs(config, wanted, tableAfter);
    return config.ipvs.prepare ? [...this.#modules.preview(config), ...sets, ...backs] : backs;
  }

  /**
   * The vrrp process is about to use these links, and to set of them what its addresses need: it is on disk before, since
   * either process may be killed before this one hears of it. Of those that come into use later it is heard.
   */
  expectAddresses(config: Pick<Config, 'virtualRouters' | 'fixed'>): void {
    const inUse = new Set(this.#kernel.linksInUse());
    const expected = addressSettings(config).filter(({ link, path, value }) => {
      const was = inUse.has(link) ? this.#kernel.read(path) : undefined;
      return was !== undefined && was !== value && !this.#ledger.has(path);
    });
    if (expected.length === 0) return;
    this.#ledger.intend(expected);
    for (const { path } of expected) this.#expected.add(settingName(path));
    this.#remember();
  }

  /** What the vrrp process has changed for its addresses is put back at the end with the rest. */
  adopt(change: ChangedSetting): void {
    const wasExpected = this.#expected.delete(settingName(change.path));
    if (this.#ledger.adopt(change)) this.#remember();
    else if (!wasExpected) return;
    this.#log('info', `set ${settingName(change.path)}: ${change.was} → ${change.set}`);
  }

  /** Puts everything back. */
  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#config = undefined;
    this.#isInForce = false;
    for (const change of this.#ledger.changed.toReversed()) {
      const outcome = this.#putBack(change);
      if (outcome instanceof Error)
        this.#log('warn', `cannot put back what was there: ${outcome.message}`, { was: change.was });
    }
    this.#remember();
  }

  #wanted(config: PreparedConfig): readonly KernelSetting[] {
    const settings = directorSettings(config, this.#kernel.links(), this.#kernel.linksTo);
    // Without IPVS there is none of its settings; that it is missing is told by whoever keeps the table.
    if (this.#kernel.read(IPVS_PROBE) !== undefined) return settings;
    return settings.filter(({ path }) => path[2] !== 'vs');
  }

  /** Changed by us for what `config` does not name any more; the last first, as one may have come for another. */
  #obsolete({ ipvs: { prepare } }: Configured, wanted: readonly KernelSetting[]): readonly ChangedSetting[] {
    const obsolete = this.#ledger.obsolete(prepare ? wanted : []);
    // Addresses that are still on the link need it, whatever the configuration says by now.
    return obsolete.filter(({ path }) => path.at(-1) !== KEEPS_SECONDARIES).toReversed();
  }

  /** Of these, those that `table` needs all the same. Where others are to decide, they have. */
  #keptBy(
    table: () => ActualTable | undefined,
    config: Configured,
    obsolete: readonly ChangedSetting[],
  ): ReadonlySet<ChangedSetting> {
    if (obsolete.length === 0 || !config.ipvs.prepare) return new Set();
    const held = table();
    if (held === undefined) return new Set(obsolete);
    const former = this.#former.busyIn(held, this.#config?.virtualServers ?? []);
    const virtualServers = [...remnantsOf(held, config.virtualServers), ...former];
    const needs = this.#wanted({ ...config, virtualServers, ipvs: { sysctl: {} } });
    const names = new Set(needs.map(({ path }) => settingName(path)));
    return new Set(obsolete.filter(({ path }) => names.has(settingName(path))));
  }

  #backs(
    config: Configured,
    wanted: readonly KernelSetting[],
    table: () => ActualTable | undefined,
  ): readonly string[] {
    const obsolete = this.#obsolete(config, wanted).filter((change) => !this.#ledger.isOvertaken(change));
    const kept = this.#keptBy(table, config, obsolete);
    return obsolete.map((change) => `${backText(change)}${kept.has(change) ? ONCE_UNUSED : ''}`);
  }

  /** `again`: what is not as it should be was changed by somebody else, or came later. */
  #settle(again: boolean): readonly string[] {
    const config = this.#config;
    if (config === undefined) return [];
    const wanted = this.#wanted(config);
    const unmet = unmetOf(wanted, this.#kernel.read);
    const changes: string[] = [];
    const problems: string[] = [];
    if (config.ipvs.prepare) this.#setAll(unmet, again, changes, problems);
    else problems.push(...unmet.map((setting) => this.#problemText(setting)));
    if (this.#isInForce) this.#putBackAll(this.#obsolete(config, wanted), config, changes, problems);
    if (changes.length > 0) this.#remember();
    problems.push(...this.#defeats(wanted));
    this.#tell(problems, this.#problems);
    this.#problems = problems;
    return changes;
  }

  #putBackAll(
    obsolete: readonly ChangedSetting[],
    config: Configured,
    changes: string[],
    problems: string[],
  ): void {
    const kept = this.#keptBy(this.#table, config, obsolete);
    if (obsolete.length > 0 && kept.size === 0) this.#former.clear();
    const due = obsolete.filter((change) => !kept.has(change));
    for (const change of due) {
      const outcome = this.#putBack(change);
      if (outcome instanceof Error) problems.push(`cannot put back what was there: ${outcome.message}`);
      else if (outcome === 'done') changes.push(backText(change));
    }
    if (due.length > 0) this.#remember();
  }

  /** What the kernel holds, though neither the file nor we want it, and what that defeats. */
  #defeats(wanted: readonly KernelSetting[]): readonly string[] {
    const view = this.#view;
    if (view === undefined) return [];
    return defeatsOf(view, wanted, this.#kernel.read).map(
      ({ what, breaks, mend }) => `${what}: ${breaks} (${mend})`,
    );
  }

  /** What is to be changed is on disk before it is: whoever is killed in between leaves nothing unknown. */
  #setAll(unmet: readonly KernelSetting[], again: boolean, changes: string[], problems: string[]): void {
    const others = unmet.filter(({ path }) => this.#ledger.has(path)).map(({ path }) => settingName(path));
    const hopeful = unmet.filter(({ path }) => !this.#refused.has(settingName(path)));
    if (hopeful.length > 0) {
      this.#ledger.intend(hopeful);
      this.#remember();
    }
    this.#refused.clear();
    for (const setting of unmet)
      this.#set(setting, again && others.includes(settingName(setting.path)), changes, problems);
  }

  #set(setting: KernelSetting, byOther: boolean, changes: string[], problems: string[]): void {
    const { path, without } = setting;
    const text = this.#changeText(setting);
    const error = this.#ledger.set(setting);
    if (error !== undefined) {
      this.#refused.add(settingName(path));
      problems.push(`${error.message}: ${without}`);
      return;
    }
    const what = byOther ? 'somebody changed a setting, set again' : 'set';
    this.#log(byOther ? 'warn' : 'info', `${what}: ${text}`, { without });
    changes.push(`set ${text}`);
  }

  #putBack(change: ChangedSetting): 'done' | 'kept' | Error {
    const outcome = this.#ledger.putBack(change);
    if (outcome === 'done')
      this.#log('info', `put back: ${settingName(change.path)} ${change.set} → ${change.was}`);
    return outcome;
  }

  #changeText({ path, value }: KernelSetting): string {
    return `${settingName(path)}: ${this.#kernel.read(path) ?? 'not there'} → ${value}`;
  }

  #problemText(setting: KernelSetting): string {
    const held = this.#kernel.read(setting.path) ?? 'not there';
    return `${settingName(setting.path)} is ${held}: ${setting.without} (${settingCommand(setting)})`;
  }

  #tell(problems: readonly string[], before: readonly string[]): void {
    for (const problem of problems) if (!before.includes(problem)) this.#log('warn', problem);
  }

  #remember(): void {
    this.#file.write(this.#ledger.changed);
  }
}
