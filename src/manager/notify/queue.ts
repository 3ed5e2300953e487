/**
 * Who is told of changes of state, and in which order. What its scripts can rely on:
 *
 * - Each virtual router and each sync group is a target with a queue of its own. Its states are told in the order in
 *   which they came, and one script runs at a time. Behind one that is slow, 64 wait; of more, the oldest are dropped,
 *   which is logged: never the latest.
 * - After a start of the daemon the present state is told as soon as it is known, also when it is the one that was told
 *   last before (VIPWARD_PREVIOUS_STATE says which that was). STOP is told when a target ends, which is when it leaves
 *   the configuration or the daemon stops, and never before it has begun. One that still waits for the first result of
 *   something that it tracks is told nothing.
 * - A virtual server with a script for its quorum is a target too: it is told each gain and loss, and no end.
 * - A state is told again, with VIPWARD_REPEATED=1, when another director was active beside us for a moment.
 * - A script that cannot be started for want of a process is tried again for some seconds.
 * - What was told last is kept in notify.json of the state directory; mail is written only for another state than that.
 */
import type { NotifyStatus } from '../../model/activity-status.ts';
import type { ConfiguredVirtualServer, SyncGroup, VirtualRouter } from '../../model/config.ts';
import type { Log } from '../../model/messages.ts';
import { type GroupStatus, type RouterStatus, routerWord } from '../../model/router-status.ts';
import type { Milliseconds } from '../../model/units.ts';
import type { QuorumEvent } from '../quorums.ts';
import type { Run } from '../run/program.ts';
import { runProgram } from '../run/run.ts';
import { DeliveredStates } from './delivered.ts';
import {
  type NotifyEvent,
  quorumRecipients,
  type Recipients,
  type RouterEvent,
  type TargetKind,
  targetKey,
  tellsAnybody,
} from './event.ts';
import { Line } from './line.ts';
import { tellScripts } from './teller.ts';

export interface NotifyQueueOptions {
  readonly stateDir: string;
  readonly log: Log;
  /** `runProgram` unless given. */
  readonly run?: Run;
  /** Writes mail; nothing is written unless given. */
  readonly mail?: MailSender;
}

export interface MailSender {
  /** Takes a change of state for sending; returns at once. */
  send(event: RouterEvent): void;
  /** Resolves when everything is sent or given up, at the latest after `limit`. */
  flush(limit: Milliseconds): Promise<void>;
}

interface Target {
  readonly kind: NotifyEvent['kind'];
  readonly name: string;
  readonly line: Line;
  targets: Recipients;
  /** The last event that was taken in since the daemon started. */
  last: NotifyEvent | undefined;
  /** No longer in the configuration: told its STOP, and then forgotten. */
  leaving: boolean;
}

export class NotifyQueue {
  readonly #options: NotifyQueueOptions;
  readonly #run: Run;
  readonly #delivered: DeliveredStates;
  readonly #targets = new Map<string, Target>();
  /** The sync group of each virtual router that is in one. */
  #groupOf: ReadonlyMap<string, string> = new Map();
  #ending = false;

  constructor(options: NotifyQueueOptions) {
    this.#options = options;
    this.#run = options.run ?? runProgram;
    this.#delivered = new DeliveredStates(options.stateDir, options.log);
  }

  /** Those that are known already go on with new scripts, from their next event on. */
  configure(
    routers: readonly Pick<VirtualRouter, 'name' | 'notify'>[],
    groups: readonly Pick<SyncGroup, 'name' | 'notify' | 'members'>[],
    services: readonly Pick<ConfiguredVirtualServer, 'name' | 'notify'>[] = [],
  ): void {
    const wanted = new Set<string>();
    const put = (kind: NotifyEvent['kind'], name: string, targets: Recipients) => {
      const key = targetKey({ kind, name });
      wanted.add(key);
      const known = this.#targets.get(key);
      if (known === undefined) this.#targets.set(key, this.#makeTarget(kind, name, targets));
      else Object.assign(known, { targets, leaving: false });
    };
    for (const { name, notify } of routers) put('INSTANCE', name, notify);
    for (const { name, notify } of groups) put('GROUP', name, notify);
    for (const { name, notify } of services) {
      const recipients = quorumRecipients(notify);
      if (tellsAnybody(recipients)) put('SERVICE', name, recipients);
    }
    for (const [key, target] of this.#targets) if (!wanted.has(key)) this.#leave(key, target);
    this.#groupOf = new Map(groups.flatMap(({ name, members }) => members.map((member) => [member, name])));
    this.#delivered.keep(new Set(this.#targets.keys()));
  }

  routerState(
    status: Pick<RouterStatus, 'name' | 'state' | 'started' | 'waiting' | 'priority' | 'reason'>,
  ): void {
    this.#state('INSTANCE', status);
  }

  groupState(
    status: Pick<GroupStatus, 'name' | 'state' | 'started' | 'waiting' | 'priority' | 'reason'>,
  ): void {
    this.#state('GROUP', status);
  }

  /** The quorum of a virtual server as it is now. */
  quorum({ name, state, healthy, weight }: QuorumEvent): void {
    const target = this.#targets.get(targetKey({ kind: 'SERVICE', name }));
    const word = state === 'gained' ? 'QUORUM_UP' : 'QUORUM_DOWN';
    if (target === undefined || this.#ending || word === target.last?.word) return;
    const reason = `healthy weight ${healthy}, quorum ${weight}`;
    this.#take(target, { kind: 'SERVICE', name, word, healthy, quorum: weight, reason, repeated: false });
  }

  /** Tells the present state of a virtual router, and of its sync group, again. */
  repeat(name: string, reason = 'another director was active beside us for a moment'): void {
    this.#repeat(targetKey({ kind: 'INSTANCE', name }), reason);
    const group = this.#groupOf.get(name);
    if (group !== undefined) this.#repeat(targetKey({ kind: 'GROUP', name: group }), reason);
  }

  /**
   * The end: STOP is told to all who have not heard it, and everything ends within `limit`. A script that runs has a
   * third of it to finish; states that still wait before a STOP are dropped.
   */
  async flush(limit: Milliseconds): Promise<void> {
    for (const target of this.#targets.values()) this.#stop(target);
    this.#ending = true;
    const lines = [...this.#targets.values()].map(({ line }) => line);
    for (const line of lines) line.hurry();
    const impatience = setTimeout(() => {
      for (const line of lines) if (line.current?.word !== 'STOP') line.cutShort();
    }, limit / 3);
    const end = Promise.withResolvers<void>();
    const late = setTimeout(end.resolve, limit);
    const told = Promise.all(lines.map(({ idle }) => idle)).then(() => this.#delivered.saved());
    await Promise.race([Promise.all([told, this.#options.mail?.flush(limit)]), end.promise]);
    clearTimeout(impatience);
    clearTimeout(late);
    for (const line of lines) this.#giveUp(line);
  }

  get status(): readonly NotifyStatus[] {
    return [...this.#targets].map(([key, { kind, name, line }]) => ({
      kind,
      name,
      told: this.#delivered.of(key),
      telling: line.current?.word,
      waiting: line.waiting.length,
      dropped: line.dropped,
    }));
  }

  #makeTarget(kind: NotifyEvent['kind'], name: string, targets: Recipients): Target {
    const line = new Line(
      (event, signal) => this.#tell(target, event, signal),
      (event) => this.#tellDropped(event, line),
    );
    const target: Target = { kind, name, line, targets, last: undefined, leaving: false };
    return target;
  }

  #state(
    kind: TargetKind,
    status: Pick<RouterStatus, 'name' | 'state' | 'started' | 'waiting' | 'priority' | 'reason'>,
  ): void {
    const target = this.#targets.get(targetKey({ kind, name: status.name }));
    const word = routerWord(status);
    if (target === undefined || this.#ending || word === target.last?.word) return;
    // Nothing is known yet.
    if (status.waiting) return;
    // What has not begun does not end.
    if (word === 'STOP' && target.last === undefined) return;
    const { name, priority, reason } = status;
    this.#take(target, { kind, name, word, priority, reason, repeated: false });
  }

  #take(target: Target, event: NotifyEvent): void {
    const before = target.last?.word ?? this.#delivered.of(targetKey(target));
    target.last = event;
    if (event.kind !== 'SERVICE' && target.targets.mail && !event.repeated && before !== event.word)
      this.#options.mail?.send(event);
    target.line.add(event);
  }

  #repeat(key: string, reason: string): void {
    const target = this.#targets.get(key);
    const last = target?.last;
    if (target === undefined || last === undefined || last.word === 'STOP' || this.#ending) return;
    // One that is still to be told says it as well.
    if (target.line.waiting.at(-1)?.word === last.word) return;
    this.#take(target, { ...last, reason, repeated: true });
  }

  /** Its end is told when it has ended: the virtual router may still be handing over. */
  #leave(key: string, target: Target): void {
    const over = !isToEnd(target);
    if (over && target.line.current === undefined) this.#targets.delete(key);
    // Since the configuration before: its end will not be heard any more.
    else if (target.leaving && !over) this.#stop(target);
    target.leaving = true;
  }

  #stop(target: Target): void {
    const { last } = target;
    if (last === undefined || last.kind === 'SERVICE' || last.word === 'STOP' || this.#ending) return;
    const reason = target.leaving ? 'no longer in the configuration' : 'vipward stops';
    this.#take(target, { ...last, word: 'STOP', reason, repeated: false });
  }

  async #tell(target: Target, event: NotifyEvent, signal: AbortSignal): Promise<void> {
    const key = targetKey(target);
    const { targets } = target;
    const before = this.#delivered.of(key);
    await tellScripts(this.#run, this.#options.log, { event, targets, before, signal });
    // One that was cut short may not have heard it.
    if (tellsAnybody(targets) && !signal.aborted) this.#delivered.remember(key, event.word);
    if (target.leaving && target.last === event && !isToEnd(target)) this.#targets.delete(key);
  }

  #tellDropped({ kind, name, word }: NotifyEvent, line: Line): void {
    const now = line.current === undefined ? '' : `, still telling ${line.current.word}`;
    this.#options.log(
      'warn',
      `notify: ${kind} ${name} ${word} was not told: later states are more urgent${now}`,
      {
        state: word,
        dropped: line.dropped,
      },
    );
  }

  #giveUp(line: Line): void {
    const { current } = line;
    if (current !== undefined) {
      const what = `${current.kind} ${current.name} ${current.word}`;
      this.#options.log('warn', `notify: ${what} was still being told when time was up: ended`);
    }
    line.close();
  }
}

/** Whether it has begun, and its end is still to be told. */
const isToEnd = ({ last }: Target): boolean =>
  last !== undefined && last.kind !== 'SERVICE' && last.word !== 'STOP';
