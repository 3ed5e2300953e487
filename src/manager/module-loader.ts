/**
 * Loads the kernel modules that the services need. They stay loaded when the daemon stops: the table stays, and holds
 * them, and they are there for every network namespace of the machine.
 */
import type { Config } from '../model/config.ts';
import type { Log } from '../model/messages.ts';
import { directorModules, type KernelModule } from '../prepare/modules.ts';

export interface ModuleKernel {
  /** Whether it is loaded or built in. */
  hasModule(name: string): boolean;
  loadModule(name: string): Promise<Error | undefined>;
}

type Configured = Pick<Config, 'virtualServers'> & { readonly ipvs: Pick<Config['ipvs'], 'prepare'> };

export class ModuleLoader {
  readonly #log: Log;
  readonly #kernel: ModuleKernel;
  /** Loaded by us, or refused: not to be planned again. */
  readonly #tried = new Set<string>();
  #problems: readonly string[] = [];

  constructor(kernel: ModuleKernel, log: Log) {
    this.#kernel = kernel;
    this.#log = log;
  }

  /** What is missing and what breaks without it, with the command that loads it. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** What `load` would do, in words. */
  preview(config: Configured): readonly string[] {
    if (!config.ipvs.prepare) return [];
    return directorModules(config)
      .filter(({ name }) => !this.#tried.has(name) && !this.#kernel.hasModule(name))
      .map(({ name }) => `load kernel module ${name}`);
  }

  /** Gives what was loaded, in words. Never rejects. */
  async load(config: Configured): Promise<readonly string[]> {
    const problems: string[] = [];
    const changes: string[] = [];
    for (const module of directorModules(config)) {
      if (this.#kernel.hasModule(module.name)) continue;
      const error = config.ipvs.prepare ? await this.#kernel.loadModule(module.name) : undefined;
      if (error === undefined && config.ipvs.prepare) this.#loaded(module, changes);
      else problems.push(...problemOf(module, error));
      if (config.ipvs.prepare) this.#tried.add(module.name);
    }
    for (const problem of problems) if (!this.#problems.includes(problem)) this.#log('warn', problem);
    this.#problems = problems;
    return changes;
  }

  #loaded({ name }: KernelModule, changes: string[]): void {
    // A kernel that has it built in may not say so: modprobe is content each time.
    if (this.#tried.has(name) && !this.#kernel.hasModule(name)) return;
    this.#log('info', `kernel module ${name} loaded`);
    changes.push(`load kernel module ${name}`);
  }
}

/** What is missing in the end is told by whoever keeps the table, when that is refused. */
const problemOf = ({ name, without }: KernelModule, error: Error | undefined): readonly string[] =>
  without === ''
    ? []
    : [`${error?.message ?? `kernel module ${name} is not loaded`}: ${without} (modprobe ${name})`];
