/**
 * Rules in the kernel's packet filter, kept as they are wanted: one change at a time, put back when somebody takes them
 * away (`nft flush ruleset`, which every restart of nftables.service does), and tried again when they were refused.
 */
import type { Log } from '../model/messages.ts';
import { reasonOf } from '../model/reason.ts';
import { milliseconds } from '../model/units.ts';

/** How often it is looked whether the rules are still there, unasked, and what was refused is tried again. */
const REPAIR = milliseconds(10_000);
/** How soon it is looked once the kernel tells of a change: many are told one after the other. */
const SOON = milliseconds(300);

export interface KeptRulesOptions<Rules> {
  readonly log: Log;
  /** Rules that are none: nothing is left in the kernel then. */
  readonly none: Rules;
  /** Puts exactly these in the place of those before. Rejects where the kernel refuses, and then those hold on. */
  readonly apply: (rules: Rules) => Promise<void>;
  /** Whether what was applied last is still there. */
  readonly areThere: () => Promise<boolean>;
  /** Tells of changes of our table, also by ourselves; throws where nobody does, and then `areThere` is asked in time. */
  readonly watch: (onChange: () => void) => { close(): void };
  /** For the log: the rules as a subject, and what it means that they were refused. */
  readonly words: { readonly rules: string; readonly without: string; readonly table: string };
}

export class KeptRules<Rules> {
  readonly #options: KeptRulesOptions<Rules>;
  readonly #nothing: string;
  #wanted: Rules;
  /** What holds, as JSON; undefined: not known, since a former process of ours may have left something. */
  #holds: string | undefined;
  #inForce: Rules;
  #working: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** While rules are there. */
  #watch: { close(): void } | undefined;
  #soon: NodeJS.Timeout | undefined;
  #problem: string | undefined;
  #closed = false;

  constructor(options: KeptRulesOptions<Rules>) {
    this.#options = options;
    this.#wanted = options.none;
    this.#inForce = options.none;
    this.#nothing = JSON.stringify(options.none);
  }

  /** Why what is wanted does not hold, in words. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Those that hold, as far as is known: after a refusal the ones from before. */
  get inForce(): Rules {
    return this.#inForce;
  }

  /** Those of a former process hold until others take their place. */
  adopt(rules: Rules): void {
    if (this.#holds === undefined && this.#working === undefined) this.#inForce = rules;
  }

  /** Resolves when they are in place, or refused, which is logged. Never rejects. */
  want(rules: Rules): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#wanted = rules;
    return this.#settle();
  }

  /** Takes our rules away; resolves when they are gone, or cannot be removed. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wanted = this.#options.none;
    // What never was known to hold is left to the next process.
    if (this.#holds !== undefined || this.#working !== undefined) await this.#settle();
    clearTimeout(this.#timer);
    this.#unwatch();
  }

  #settle(): Promise<void> {
    clearTimeout(this.#timer);
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
      if (this.#hasRules && !this.#closed) this.#listen();
      else this.#unwatch();
      if (this.#closed || (JSON.stringify(this.#wanted) === this.#nothing && !this.#hasRules)) return;
      this.#timer = setTimeout(() => void this.#look(), REPAIR).unref();
    });
    return this.#working;
  }

  /** What is wanted may change while it is being put in place. */
  async #work(): Promise<void> {
    for (;;) {
      const wanted = this.#wanted;
      const definition = JSON.stringify(wanted);
      if (definition === this.#holds) return;
      try {
        await this.#options.apply(wanted);
        this.#holds = definition;
        this.#inForce = wanted;
        this.#problem = undefined;
      } catch (error) {
        this.#complain(definition, error);
        // A kernel that refuses to have a table removed most likely knows no tables: there is nothing to try again.
        if (definition === this.#nothing && !this.#hasRules) {
          this.#holds = definition;
          this.#problem = undefined;
        }
        if (this.#wanted === wanted) return;
      }
    }
  }

  /** Whether rules of this process are there, as far as is known. */
  get #hasRules(): boolean {
    return this.#holds !== undefined && this.#holds !== this.#nothing;
  }

  #listen(): void {
    try {
      this.#watch ??= this.#options.watch(() => {
        // What we do ourselves is told, too.
        if (this.#working !== undefined) return;
        this.#soon ??= setTimeout(() => {
          this.#soon = undefined;
          if (this.#working === undefined) void this.#look();
        }, SOON).unref();
      });
    } catch (error) {
      this.#options.log(
        'debug',
        `nobody tells of changes of ${this.#options.words.table}: ${(error as Error).message}`,
      );
    }
  }

  #unwatch(): void {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    this.#watch?.close();
    this.#watch = undefined;
  }

  async #look(): Promise<void> {
    const definition = this.#holds;
    if (this.#hasRules) {
      const change = await this.#changed();
      // While others are put in their place, what is there need not be what held.
      if (change !== undefined && this.#holds === definition && this.#working === undefined) {
        this.#options.log('warn', `${this.#options.words.rules}: ${change}`);
        this.#holds = undefined;
        this.#inForce = this.#options.none;
      }
    }
    if (!this.#closed) await this.#settle();
  }

  /** What became of the rules that were applied, and of that, in words; undefined: they are there. */
  async #changed(): Promise<string | undefined> {
    const { areThere, words } = this.#options;
    try {
      return (await areThere()) ? undefined : `somebody removed or changed ${words.table}: it is put back`;
    } catch (error) {
      return `${words.table} cannot be read (${reasonOf(error)}): it is set again`;
    }
  }

  #complain(definition: string, error: unknown): void {
    const { log, words } = this.#options;
    const why = reasonOf(error);
    const problem = `${words.without}: ${why}`;
    if (problem === this.#problem) return;
    this.#problem = problem;
    if (definition !== this.#nothing) {
      log('error', problem);
      return;
    }
    log(this.#hasRules ? 'error' : 'debug', `${words.rules} cannot be removed: ${why}`);
  }
}
