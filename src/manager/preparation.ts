/**
 * Prepares this director's kernel for its virtual servers, and puts back at the end what was there before. What was
 * changed is remembered in the state directory, so that a daemon that was killed is no reason to forget it.
 */
import { z } from 'zod';
import { kernelIdentity } from '../kernel/identity.ts';
import { hasModule, loadModule } from '../kernel/modules.ts';
import { linksWithIpv6, readSetting, writeSetting } from '../kernel/sysctl.ts';
import type { Config } from '../model/config.ts';
import type { Log } from '../model/messages.ts';
import { milliseconds } from '../model/units.ts';
import { directorModules, directorSettings } from '../prepare/director.ts';
import { type ChangedSetting, type SettingsAccess, SettingsLedger } from '../prepare/ledger.ts';
import { type KernelSetting, type SettingPath, settingCommand, settingName } from '../prepare/setting.ts';
import { StateFile } from './state-file.ts';

/** How often it is looked whether somebody else has changed them. */
const VERIFY_INTERVAL = milliseconds(10_000);
const SIZE_LIMIT = 1024 * 1024;
/** There in every kernel that has IPVS loaded. */
const IPVS_PROBE: SettingPath = ['net', 'ipv4', 'vs', 'expire_nodest_conn'];

/** Set by the vrrp process, for links that have virtual addresses. */
const KEEPS_SECONDARIES = 'promote_secondaries';

const Changed = z.object({
  version: z.literal(1),
  /** Of which kernel: after a reboot, and in another network namespace, there is nothing to put back. */
  kernel: z.string(),
  changed: z.array(
    z.object({ path: z.tuple([z.string()], z.string()).readonly(), was: z.string(), set: z.string() }),
  ),
});

export interface PreparationOptions {
  readonly stateDir: string;
  readonly log: Log;
  /** The kernel's unless given. */
  readonly kernel?: PreparedKernel;
}

/** What of the kernel is read and set here. */
export interface PreparedKernel extends SettingsAccess {
  hasModule(name: string): boolean;
  loadModule(name: string): Promise<Error | undefined>;
  /** The interfaces of this host that have IPv6. */
  links(): readonly string[];
  /** Another one after each boot and in each network namespace. */
  identity(): string;
}

const REAL_KERNEL: PreparedKernel = {
  read: readSetting,
  write: writeSetting,
  hasModule,
  loadModule,
  links: linksWithIpv6,
  identity: kernelIdentity,
};

type Configured = Pick<Config, 'virtualServers' | 'virtualRouters'> & {
  readonly ipvs: Pick<Config['ipvs'], 'sysctl' | 'prepare'>;
};

export class Preparation {
  readonly #log: Log;
  readonly #kernel: PreparedKernel;
  readonly #file: StateFile<z.infer<typeof Changed>>;
  #config: Configured | undefined;
  readonly #ledger: SettingsLedger;
  /** Names of settings that the kernel refused the last time. */
  readonly #refused = new Set<string>();
  #problems: readonly string[] = [];
  #moduleProblems: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor({ stateDir, log, kernel = REAL_KERNEL }: PreparationOptions) {
    this.#log = log;
    this.#kernel = kernel;
    this.#file = new StateFile({
      directory: stateDir,
      name: 'kernel-settings.json',
      limit: SIZE_LIMIT,
      schema: Changed,
      log,
      unwritable: 'kernel settings are not put back if this process is killed',
    });
    const saved = this.#file.read();
    this.#ledger = new SettingsLedger(kernel, saved?.kernel === kernel.identity() ? saved.changed : []);
  }

  /** What is not as the services need it, in words with the command that mends it; for `status`. */
  get problems(): readonly string[] {
    return [...this.#moduleProblems, ...this.#problems];
  }

  /** Loads what the services need and the kernel does not load by itself. Never rejects. */
  async loadModules(config: Configured): Promise<void> {
    const problems: string[] = [];
    for (const { name, without } of directorModules(config)) {
      if (this.#kernel.hasModule(name)) continue;
      const error = config.ipvs.prepare ? await this.#kernel.loadModule(name) : undefined;
      if (error === undefined && config.ipvs.prepare) this.#log('info', `kernel module ${name} loaded`);
      // What is missing in the end is told by whoever keeps the table, when that is refused.
      else if (without !== '')
        problems.push(
          `${error?.message ?? `kernel module ${name} is not loaded`}: ${without} (modprobe ${name})`,
        );
    }
    this.#tell(problems, this.#moduleProblems);
    this.#moduleProblems = problems;
  }

  /** Sets what `config` needs and puts back what it no longer does. Gives what was changed, in words. */
  configure(config: Configured): readonly string[] {
    this.#config = config;
    const changes = this.#settle(false);
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#settle(true), VERIFY_INTERVAL).unref();
    return changes;
  }

  /** What `config` in the place of the present one would change, in words; nothing is done. */
  preview(config: Configured): readonly string[] {
    const wanted = this.#wanted(config);
    const sets = wanted
      .filter((setting) => !this.#ledger.isSatisfied(setting))
      .map((setting) => `set ${this.#changeText(setting)}`);
    const backs = this.#obsolete(config, wanted).map(
      ({ path, was, set }) => `put back ${settingName(path)}: ${set} → ${was}`,
    );
    return config.ipvs.prepare ? [...sets, ...backs] : backs;
  }

  /** What the vrrp process has changed for its addresses is put back at the end with the rest. */
  adopt(change: ChangedSetting): void {
    if (!this.#ledger.adopt(change)) return;
    this.#remember();
    this.#log('info', `set ${settingName(change.path)}: ${change.was} → ${change.set}`);
  }

  /** Puts everything back. */
  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#config = undefined;
    for (const change of this.#ledger.changed.toReversed()) {
      const outcome = this.#putBack(change);
      if (outcome instanceof Error)
        this.#log('warn', `cannot put back what was there: ${outcome.message}`, { was: change.was });
    }
    this.#remember();
  }

  #wanted(config: Configured): readonly KernelSetting[] {
    const settings = directorSettings(config, this.#kernel.links());
    // Without IPVS there is none of its settings; that it is missing is told by whoever keeps the table.
    if (this.#kernel.read(IPVS_PROBE) !== undefined) return settings;
    return settings.filter(({ path }) => path[2] !== 'vs');
  }

  #obsolete(config: Configured, wanted: readonly KernelSetting[]): readonly ChangedSetting[] {
    const obsolete = this.#ledger.obsolete(config.ipvs.prepare ? wanted : []);
    // Addresses that are still on the link need it, whatever the configuration says by now.
    return obsolete.filter(({ path }) => path.at(-1) !== KEEPS_SECONDARIES);
  }

  /** `again`: what is not as it should be was changed by somebody else, or came later. */
  #settle(again: boolean): readonly string[] {
    const config = this.#config;
    if (config === undefined) return [];
    const wanted = this.#wanted(config);
    const unmet = wanted.filter((setting) => !this.#ledger.isSatisfied(setting));
    const changes: string[] = [];
    const problems: string[] = [];
    if (config.ipvs.prepare) this.#setAll(unmet, again, changes, problems);
    else problems.push(...unmet.map((setting) => this.#problemText(setting)));
    for (const change of this.#obsolete(config, wanted)) {
      const outcome = this.#putBack(change);
      if (outcome instanceof Error) problems.push(`cannot put back what was there: ${outcome.message}`);
      else changes.push(`put back ${settingName(change.path)}: ${change.set} → ${change.was}`);
    }
    if (changes.length > 0) this.#remember();
    this.#tell(problems, this.#problems);
    this.#problems = problems;
    return changes;
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
    this.#file.write({
      version: 1,
      kernel: this.#kernel.identity(),
      changed: [...this.#ledger.changed],
    });
  }
}
