/** The vrrp process as the manager sees it: its states, kept for the day when it dies, and questions with a limit. */
import type { VirtualRouter } from '../model/config.ts';
import type { Log, ManagerToVrrp, VrrpToManager } from '../model/messages.ts';
import { type RouterStatus, routerWord } from '../model/router-status.ts';
import { elapsed, type Instant, instant, type Milliseconds, milliseconds } from '../model/units.ts';
import { monotonicNow } from '../sys/clock.ts';
import { Child } from './child.ts';
import { resumable } from './resume.ts';

/** How often it is asked how it is. */
const QUERY_INTERVAL = milliseconds(1_000);
/** Without an answer for this long it hangs; its addresses have long left with their lease. */
const SILENCE_LIMIT = milliseconds(5_000);
/** How long a question of `status` waits. */
const ANSWER_LIMIT = milliseconds(1_000);
/** How long `reload` waits for a new configuration to be taken in. */
const CONFIGURE_LIMIT = milliseconds(5_000);

export interface VrrpConfiguration {
  readonly routers: readonly VirtualRouter[];
  readonly realtime: boolean;
}

export class VrrpChild {
  readonly child: Child<ManagerToVrrp, VrrpToManager>;
  readonly #log: Log;
  #configuration: VrrpConfiguration = { routers: [], realtime: false };
  #statuses = new Map<string, RouterStatus>();
  #questions = new Map<number, (routers: readonly RouterStatus[]) => void>();
  #nextQuestion = 1;
  /** Those who wait for the configuration to be taken in. */
  readonly #waiting = new Set<() => void>();
  /** Configurations that were sent and not yet taken in. */
  #underWay = 0;
  /** When the last process that was heard died; undefined while one is heard. */
  #lostAt: Instant | undefined;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(log: Log) {
    this.#log = log;
    this.child = new Child<ManagerToVrrp, VrrpToManager>({
      name: 'vrrp',
      // A collection on other threads would wait behind busy processes even while this one is realtime. What runs
      // so seldom as a take-over is never optimized; compiled without that it takes 0.4 ms less than interpreted.
      nodeOptions: ['--single-threaded-gc', '--always-sparkplug', '--max-semi-space-size=2'],
      environment: {},
      silenceLimit: SILENCE_LIMIT,
      log,
      onMessage: (message) => this.#receive(message),
      onReady: () => this.#push(this.#resumable()),
      onLost: (silence) => this.#lost(silence),
    });
  }

  start(): void {
    this.child.start();
    this.#heartbeat = setInterval(() => this.#ask(), QUERY_INTERVAL);
  }

  get configuration(): VrrpConfiguration {
    return this.#configuration;
  }

  /** What was heard last. */
  get statuses(): readonly RouterStatus[] {
    return [...this.#statuses.values()];
  }

  /** Resolves when the process has taken `configuration` in; false when it has not said so in time. */
  configure(configuration: VrrpConfiguration): Promise<boolean> {
    this.#configuration = configuration;
    const names = new Set(configuration.routers.map(({ name }) => name));
    for (const name of this.#statuses.keys()) if (!names.has(name)) this.#statuses.delete(name);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const taken = () => {
      clearTimeout(limit);
      resolve(true);
    };
    const limit = setTimeout(() => {
      this.#waiting.delete(taken);
      resolve(false);
    }, CONFIGURE_LIMIT);
    this.#waiting.add(taken);
    if (this.child.running) this.#push([]);
    return promise;
  }

  /** Fresh statuses, or the last ones heard when the process does not answer in time. */
  query(): Promise<readonly RouterStatus[]> {
    const { promise, resolve } = Promise.withResolvers<readonly RouterStatus[]>();
    const id = this.#ask();
    if (id === undefined) return Promise.resolve(this.statuses);
    const limit = setTimeout(() => {
      this.#questions.delete(id);
      resolve(this.statuses);
    }, ANSWER_LIMIT);
    this.#questions.set(id, (routers) => {
      clearTimeout(limit);
      resolve(routers);
    });
    return promise;
  }

  /** Make before break: resolves when every virtual router has handed over and the process is gone. */
  async stop(): Promise<void> {
    clearInterval(this.#heartbeat);
    // The longest hand-over waits for a successor's skew time, which is at most one advert interval, twice over.
    const slowest = Math.max(
      0,
      ...this.#configuration.routers.map(({ advertInterval }) => advertInterval * 10),
    );
    await this.child.stop({ type: 'stop' }, milliseconds(5_000 + 2 * slowest));
  }

  #ask(): number | undefined {
    if (!this.child.running) return undefined;
    const id = this.#nextQuestion++;
    return this.child.send({ type: 'query', id }) ? id : undefined;
  }

  #push(resume: readonly string[]): void {
    if (this.child.send({ type: 'configure', ...this.#configuration, resume })) this.#underWay++;
  }

  #resumable(): readonly string[] {
    if (this.#lostAt === undefined) return [];
    return resumable(this.#configuration.routers, this.statuses, elapsed(this.#lostAt, monotonicNow()));
  }

  #receive(message: VrrpToManager): void {
    switch (message.type) {
      case 'ready':
        return;
      case 'configured':
        this.#takenIn();
        return;
      case 'state':
        this.#lostAt = undefined;
        this.#statuses.set(message.status.name, message.status);
        this.#logState(message.status);
        return;
      case 'status':
        this.#lostAt = undefined;
        this.#statuses = new Map(message.routers.map((status) => [status.name, status]));
        this.#questions.get(message.id)?.(message.routers);
        this.#questions.delete(message.id);
        return;
      case 'log':
        this.#log(message.level, message.message, { process: 'vrrp', ...message.fields });
        return;
      default:
        message satisfies never;
    }
  }

  #logState(status: RouterStatus): void {
    const { name, reason, releasing, activeRouter, priority } = status;
    const state = routerWord(status);
    const word = releasing ? 'handing over' : state;
    this.#log(state === 'FAULT' ? 'warn' : 'info', `virtual router ${name}: ${word}: ${reason}`, {
      virtualRouter: name,
      state,
      reason,
      priority,
      activeRouter: activeRouter?.address,
    });
  }

  /** The latest of several configurations is the one that was asked for. */
  #takenIn(): void {
    this.#underWay--;
    if (this.#underWay > 0) return;
    for (const taken of this.#waiting) taken();
    this.#waiting.clear();
  }

  #lost(silence: Milliseconds): void {
    // Of several that died one after the other, without a word between, the first was the one that advertised.
    this.#lostAt ??= instant(monotonicNow() - silence);
    this.#underWay = 0;
    for (const answer of this.#questions.values()) answer(this.statuses);
    this.#questions.clear();
  }
}
