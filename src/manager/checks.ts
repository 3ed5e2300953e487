/** What is checked just now: the targets of every virtual server whose checks do not rest. */
import { checksRest, checkTargets } from '../balance/targets.ts';
import type { CheckTarget } from '../model/check.ts';
import type { Config, ConfiguredVirtualServer } from '../model/config.ts';

type Configured = Pick<Config, 'virtualServers' | 'virtualRouters'>;

export interface ChecksOptions {
  readonly isActive: (virtualRouter: string) => boolean;
  /** Given all targets, whenever they are others. What is known of one that goes is forgotten. */
  readonly setTargets: (targets: readonly CheckTarget[]) => void;
}

export class Checks {
  readonly #options: ChecksOptions;
  #config: Configured = { virtualServers: [], virtualRouters: [] };
  #resting: ReadonlySet<string> = new Set();
  #targets: readonly CheckTarget[] | undefined;

  constructor(options: ChecksOptions) {
    this.#options = options;
  }

  configure(config: Configured): void {
    this.#config = config;
    this.#resting = this.#atRest();
    this.#push();
  }

  /** The state of a virtual router has changed; true where checks have begun or ended for it. */
  routersChanged(): boolean {
    const resting = this.#atRest();
    if (resting.size === this.#resting.size && [...resting].every((name) => this.#resting.has(name)))
      return false;
    this.#resting = resting;
    this.#push();
    return true;
  }

  /** Whether the checks of a virtual server rest, by its name. */
  rest(name: string): boolean {
    return this.#resting.has(name);
  }

  get checked(): readonly ConfiguredVirtualServer[] {
    return this.#config.virtualServers.filter(({ name }) => !this.rest(name));
  }

  #atRest(): ReadonlySet<string> {
    const { virtualServers, virtualRouters } = this.#config;
    return new Set(
      virtualServers
        .filter((server) => checksRest(server, virtualRouters, this.#options.isActive))
        .map(({ name }) => name),
    );
  }

  /** Ten thousand targets that are the same as before are not sent again. */
  #push(): void {
    const targets = checkTargets(this.checked);
    const before = this.#targets;
    this.#targets = targets;
    const same = before?.length === targets.length && targets.every(({ id }, i) => before[i]?.id === id);
    if (!same) this.#options.setTargets(targets);
  }
}
