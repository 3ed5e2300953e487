/** The configuration that is in force: since when, what was refused since then, and what the next start is given of it. */
import type { Config } from '../model/config.ts';
import type { Log } from '../model/messages.ts';
import { formatProblem, isError, type Problem } from '../model/problem.ts';
import { sharedDigest } from '../model/shared-configuration.ts';
import type { StatusDocument } from '../model/status.ts';
import type { LoadedConfiguration } from './configuration.ts';
import type { KeptConfiguration } from './kept-configuration.ts';

export type UsableConfiguration = LoadedConfiguration & { readonly config: Config };

export interface ConfigurationInForceOptions {
  readonly file: string;
  readonly initial: UsableConfiguration;
  readonly log: Log;
  /** Where the configuration is kept for the next start. */
  readonly kept: KeptConfiguration;
}

export class ConfigurationInForce {
  readonly #options: ConfigurationInForceOptions;
  #loaded: UsableConfiguration;
  #loadedAt = Date.now();
  #refused: StatusDocument['configuration']['refused'];

  constructor(options: ConfigurationInForceOptions) {
    this.#options = options;
    this.#loaded = options.initial;
  }

  get loaded(): UsableConfiguration {
    return this.#loaded;
  }

  get config(): Config {
    return this.#loaded.config;
  }

  get status(): StatusDocument['configuration'] {
    const { config, digest } = this.#loaded;
    return {
      file: this.#options.file,
      loadedAt: this.#loadedAt,
      digest,
      shared: sharedDigest(config),
      refused: this.#refused,
    };
  }

  replace(loaded: UsableConfiguration): void {
    this.#loaded = loaded;
    this.#loadedAt = Date.now();
    this.#refused = undefined;
  }

  /** What runs goes on, and the refusal is shown until a file is accepted. */
  refuse(problems: readonly Problem[]): void {
    const { file, kept, log } = this.#options;
    kept.drop();
    logProblems(log, problems);
    this.#refused = { at: Date.now(), problems };
    const errors = problems.filter(isError).length;
    log('error', `reload refused: ${file} has ${errors} error(s), nothing was changed`, { file });
  }

  /** For the next start; what was taken from a former process is held against the file instead. */
  keep(): void {
    const { config, problems, digest, answers } = this.#loaded;
    const { file, kept } = this.#options;
    if (answers !== undefined) kept.keepSoon({ file, digest, answers, config, problems });
  }
}

/** One log line for each problem of a file. */
export function logProblems(log: Log, problems: readonly Problem[]): void {
  for (const problem of problems) {
    log(isError(problem) ? 'error' : 'warn', formatProblem(problem), { configuration: problem.file });
  }
}
