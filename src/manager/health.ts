/** The verdicts of the checker, kept by the manager so that they outlive a checker that dies. */
import { type CheckTarget, type Health, UNKNOWN_HEALTH } from '../model/check.ts';
import type { Log } from '../model/messages.ts';
import type { Milliseconds } from '../model/units.ts';
import { endpoint } from '../model/virtual-server.ts';
import { patiently } from '../sys/patience.ts';

export class HealthBook {
  readonly #log: Log;
  #targets: ReadonlyMap<string, CheckTarget> = new Map();
  #health = new Map<string, Health>();
  readonly #waiting = new Set<() => void>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** The targets of the configuration; what is known of the ones that stay is kept. */
  setTargets(targets: readonly CheckTarget[]): void {
    this.#targets = new Map(targets.map((target) => [target.id, target]));
    this.#health = new Map(targets.map(({ id }) => [id, this.#health.get(id) ?? UNKNOWN_HEALTH]));
  }

  get targets(): readonly CheckTarget[] {
    return [...this.#targets.values()];
  }

  /** As it is until the targets are others. */
  get book(): ReadonlyMap<string, Health> {
    return this.#health;
  }

  of(id: string): Health | undefined {
    return this.#health.get(id);
  }

  all(): Readonly<Record<string, Health>> {
    return Object.fromEntries(this.#health);
  }

  /** Resolves when each of `targets` has had its first result: true; or when `limit` has passed: false. */
  known(targets: readonly CheckTarget[], limit: Milliseconds): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const done = (answer: boolean) => {
      this.#waiting.delete(look);
      relent();
      resolve(answer);
    };
    const relent = patiently(limit, () => done(false));
    const look = () => {
      if (targets.every(({ id }) => !this.#isAwaited(id))) done(true);
    };
    this.#waiting.add(look);
    look();
    return promise;
  }

  /**
   * Takes in what the checker says; returns the ids of those whose verdict changed. What it says of targets that are
   * gone is ignored.
   */
  update(reported: Readonly<Record<string, Health>>): readonly string[] {
    const changed: string[] = [];
    for (const [id, health] of Object.entries(reported)) {
      const target = this.#targets.get(id);
      const before = this.#health.get(id);
      if (target === undefined || before === undefined) continue;
      this.#health.set(id, health);
      if (before.healthy === health.healthy) continue;
      changed.push(id);
      this.#logVerdict(target, before, health);
    }
    for (const look of this.#waiting) look();
    return changed;
  }

  /** Whether it is a target, and nothing is known of it. */
  #isAwaited(id: string): boolean {
    const health = this.#health.get(id);
    return health !== undefined && health.healthy === undefined;
  }

  #logVerdict(target: CheckTarget, before: Health, now: Health): void {
    const server = endpoint(target.address, target.port);
    const word = now.healthy === true ? 'up' : 'down';
    this.#log(now.healthy === true ? 'info' : 'warn', `real server ${server} is ${word}`, {
      server,
      check: target.check.probe.kind,
      was: before.healthy === undefined ? 'unknown' : before.healthy ? 'up' : 'down',
      result: now.last?.code,
      detail: now.last?.text,
      took: now.last === undefined ? undefined : Math.round(now.last.duration),
    });
  }
}
