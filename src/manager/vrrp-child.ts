/**
 * The vrrp process as the manager sees it: begun anew when it dies, its states kept for that day, and asked questions
 * that have a limit.
 */
import {
  type Log,
  type ManagerToVrrp,
  NO_NETWORK,
  type VrrpNetwork,
  type VrrpToManager,
} from '../model/messages.ts';
import type { GroupStatus, HandoverOutcome, RouterStatus } from '../model/router-status.ts';
import { elapsed, type Instant, instant, type Milliseconds, milliseconds } from '../model/units.ts';
import { monotonicNow } from '../sys/clock.ts';
import { Child } from './child.ts';
import { resumable } from './resume.ts';
import { logGroup, logPaths, logRival, logRouter } from './vrrp-log.ts';
import type { Told, VrrpPartner } from './vrrp-partner.ts';
import { Waiting } from './waiting.ts';

/** How often it is asked how it is. */
const QUERY_INTERVAL = milliseconds(1_000);
/** Of so many times it is asked for everything once, for the day when it does not answer; in between, whether it lives. */
const BEATS_PER_QUERY = 10;
/** Without an answer for this long it hangs; its addresses have long left with their lease. */
const SILENCE_LIMIT = milliseconds(5_000);
/** Without an answer for this long, one query lost to a busy machine, nobody knows whether it still runs. */
const LIFE_LIMIT = milliseconds(2_500);
/** How long a question of `status` waits. */
const ANSWER_LIMIT = milliseconds(1_000);
/** How long `reload` waits for a new configuration to be taken in. */
const CONFIGURE_LIMIT = milliseconds(5_000);

/** What the vrrp process works by. */
export interface VrrpConfiguration {
  readonly network: VrrpNetwork;
  readonly realtime: boolean;
}

const NOTHING: VrrpConfiguration = { network: NO_NETWORK, realtime: false };

/** One for the life of the manager, whichever process it is just now. */
export class VrrpChild {
  readonly child: Child<ManagerToVrrp, VrrpToManager>;
  readonly #log: Log;
  readonly #partner: VrrpPartner;
  #configuration = NOTHING;
  #recording = false;
  #groups: readonly GroupStatus[] = [];
  #statuses = new Map<string, RouterStatus>();
  #nextQuestion = 1;
  readonly #questions = new Waiting<readonly RouterStatus[]>();
  /** Those who wait for the end of a hand-over. */
  readonly #handovers = new Waiting<readonly HandoverOutcome[]>();
  /** Those who wait for the configuration to be taken in. */
  readonly #configurations = new Waiting<boolean>();
  /** Configurations that were sent and not yet taken in. */
  #underWay = 0;
  /** When the last process that was heard died; undefined while one is heard. */
  #lostAt: Instant | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #heardAt: Instant | undefined;

  constructor(log: Log, partner: VrrpPartner) {
    this.#log = log;
    this.#partner = partner;
    this.child = new Child<ManagerToVrrp, VrrpToManager>({
      name: 'vrrp',
      // A collection on other threads would wait behind busy processes even while this one is realtime.
      // Many virtual routers make the young generation grow; held at 4 MB from the start it would be 4 MB more for all.
      nodeOptions: ['--single-threaded-gc', '--max-semi-space-size=4'],
      // In one piece of memory it would wait for its own threads, which are ordinary ones, even while it is realtime.
      environment: { MALLOC_ARENA_MAX: undefined },
      silenceLimit: SILENCE_LIMIT,
      log,
      onMessage: (message) => this.#receive(message),
      onReady: () => this.#begin(),
      onLost: (silence) => this.#lost(silence),
    });
  }

  start(): void {
    this.child.start();
    let beats = 0;
    this.#heartbeat = setInterval(() => this.#ask(++beats % BEATS_PER_QUERY !== 0), QUERY_INTERVAL);
  }

  get configuration(): VrrpConfiguration {
    return this.#configuration;
  }

  /** What was heard last. */
  get statuses(): readonly RouterStatus[] {
    return [...this.#statuses.values()];
  }

  get groups(): readonly GroupStatus[] {
    return this.#groups;
  }

  /** Resolves when the process has taken `configuration` in; false when it has not said so in time. */
  configure(configuration: VrrpConfiguration): Promise<boolean> {
    this.#configuration = configuration;
    const names = new Set(configuration.network.routers.map(({ name }) => name));
    for (const name of this.#statuses.keys()) if (!names.has(name)) this.#statuses.delete(name);
    const taken = this.#configurations.for(this.#nextQuestion++, CONFIGURE_LIMIT, () => false);
    if (this.child.running) this.#push([]);
    return taken;
  }

  /** Whether it runs as far as one can tell: it answers. */
  get alive(): boolean {
    return (
      this.child.running && this.#heardAt !== undefined && elapsed(this.#heardAt, monotonicNow()) < LIFE_LIMIT
    );
  }

  /** Fresh statuses, or the last ones heard when the process does not answer in time. */
  query(): Promise<readonly RouterStatus[]> {
    const id = this.#ask();
    if (id === undefined) return Promise.resolve(this.statuses);
    return this.#questions.for(id, ANSWER_LIMIT, () => this.statuses);
  }

  /** What the process must hear at once; a new one is told it as `known`. */
  tell(message: Extract<ManagerToVrrp, { type: 'verdicts' | 'lease' | 'fenced' | 'restore' }>): void {
    if (this.child.running) this.child.send(message);
  }

  /** Every event of the vrrp process from now on goes to `onRecorded`. */
  record(on: boolean): void {
    this.#recording = on;
    if (this.child.running) this.child.send({ type: 'record', on });
  }

  /** Resolves when each of these virtual routers (all: none named) has handed over or stays; rejects when no answer comes. */
  handover(names: readonly string[], stayDown: boolean): Promise<readonly HandoverOutcome[]> {
    const id = this.#nextQuestion++;
    if (!this.child.running || !this.child.send({ type: 'handover', id, names, stayDown })) {
      return Promise.reject(new Error('the vrrp process does not run just now: try again in a moment'));
    }
    const limit = this.#longestHandover();
    return this.#handovers.for(id, limit, () => {
      throw new Error(`no successor was confirmed within ${limit} ms: see vipward status on both directors`);
    });
  }

  /** Make before break: resolves when every virtual router has handed over and the process is gone. */
  async stop(): Promise<void> {
    clearInterval(this.#heartbeat);
    await this.child.stop({ type: 'stop' }, this.#longestHandover());
    this.#unanswered('vipward has stopped');
  }

  /** It waits for a successor's skew time, which is at most one advert interval, or 1 s in VRRPv2, twice over. */
  #longestHandover(): Milliseconds {
    const intervals = this.#configuration.network.routers.map(({ advertInterval }) => advertInterval * 10);
    return milliseconds(5_000 + 2 * Math.max(1_000, ...intervals));
  }

  #ask(brief = false): number | undefined {
    if (!this.child.running) return undefined;
    const id = this.#nextQuestion++;
    return this.child.send({ type: 'query', id, brief }) ? id : undefined;
  }

  #begin(): void {
    this.#partner.onBegin();
    for (const [unit, heldUntil] of this.#partner.known().leases)
      this.tell({ type: 'lease', unit, heldUntil });
    if (this.#recording) this.record(true);
    this.#push(this.#resumable());
  }

  #push(resume: readonly string[]): void {
    const { verdicts, standby } = this.#partner.known();
    const message = { type: 'configure', ...this.#configuration, resume, verdicts, standby } as const;
    if (this.child.send(message)) this.#underWay++;
  }

  #resumable(): readonly string[] {
    if (this.#lostAt === undefined) return [];
    return resumable(
      this.#configuration.network.routers,
      this.statuses,
      elapsed(this.#lostAt, monotonicNow()),
    );
  }

  #receive(message: VrrpToManager): void {
    this.#heardAt = monotonicNow();
    switch (message.type) {
      case 'ready':
      case 'alive':
        return;
      case 'configured':
        this.#takenIn();
        return;
      case 'state':
        this.#onRouter(message.status);
        return;
      case 'group-state':
        this.#onGroup(message.status);
        return;
      case 'handed-over':
        this.#handovers.answer(message.id, message.outcomes);
        return;
      case 'status':
        this.#onAnswer(message);
        return;
      case 'log':
        this.#log(message.level, message.message, { process: 'vrrp', ...message.fields });
        return;
      default:
        this.#pass(message);
    }
  }

  /** What others have to see to. */
  #pass(message: Told<'rival' | 'lease-wanted' | 'fence' | 'setting-changed' | 'recorded'>): void {
    switch (message.type) {
      case 'rival':
        logRival(this.#log, message);
        this.#partner.onRival(message);
        return;
      case 'lease-wanted':
        this.#partner.onLeaseWanted(message);
        return;
      case 'fence':
        this.#partner.onFence(message);
        return;
      case 'setting-changed':
        this.#partner.onSettingChanged(message);
        return;
      case 'recorded':
        this.#partner.onRecorded(message.lines);
        return;
      default:
        message satisfies never;
    }
  }

  #onRouter(status: RouterStatus): void {
    this.#lostAt = undefined;
    logRouter(this.#log, status);
    logPaths(this.#log, this.#statuses.get(status.name), status);
    this.#statuses.set(status.name, status);
    this.#partner.onRouter(status);
  }

  #onGroup(status: GroupStatus): void {
    logGroup(this.#log, status);
    this.#groups = [...this.#groups.filter(({ name }) => name !== status.name), status];
    this.#partner.onGroup(status);
  }

  #onAnswer({ id, routers, groups }: Told<'status'>): void {
    this.#lostAt = undefined;
    for (const status of routers) logPaths(this.#log, this.#statuses.get(status.name), status);
    this.#statuses = new Map(routers.map((status) => [status.name, status]));
    this.#groups = groups;
    this.#questions.answer(id, routers);
  }

  /** The latest of several configurations is the one that was asked for. */
  #takenIn(): void {
    this.#underWay--;
    if (this.#underWay > 0) return;
    this.#partner.onTakenIn();
    this.#configurations.end(() => true);
  }

  #lost(silence: Milliseconds): void {
    // Of several that died one after the other, without a word between, the first was the one that advertised.
    this.#lostAt ??= instant(monotonicNow() - silence);
    this.#underWay = 0;
    this.#unanswered('the vrrp process died meanwhile: see vipward status on both directors');
  }

  /** Nobody is left who would answer. */
  #unanswered(why: string): void {
    this.#questions.end(() => this.statuses);
    this.#handovers.end(() => {
      throw new Error(why);
    });
  }
}
