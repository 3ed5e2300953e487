/** A change of state as those who are told of it see it, in keepalived's words; pure. */
import {
  NO_NOTIFY,
  type NotifyScript,
  type NotifyTargets,
  type NotifyWord,
  type QuorumWord,
  type TargetKind,
} from '../../model/notify.ts';
import type { RouterWord } from '../../model/router-status.ts';

export type { NotifyWord, QuorumWord, TargetKind };

interface EventOf<Kind, Word> {
  readonly kind: Kind;
  readonly name: string;
  readonly word: Word;
  readonly reason: string;
  /** The state is not new: another director was active beside us, and whatever follows it may have moved. */
  readonly repeated: boolean;
}

export interface RouterEvent extends EventOf<TargetKind, RouterWord> {
  readonly priority: number;
}

/** Of a virtual server. */
export interface ServiceEvent extends EventOf<'SERVICE', QuorumWord> {
  /** Sum of the weights of its healthy real servers. */
  readonly healthy: number;
  /** The sum that it needs. */
  readonly quorum: number;
}

export type NotifyEvent = RouterEvent | ServiceEvent;

/** Who is told: of a virtual router or sync group, or of a virtual server, which has the last two alone. */
export interface Recipients extends NotifyTargets {
  readonly quorumUp?: NotifyScript | undefined;
  readonly quorumDown?: NotifyScript | undefined;
}

/** Of a virtual server. */
export const quorumRecipients = (scripts: {
  readonly quorumUp: NotifyScript | undefined;
  readonly quorumDown: NotifyScript | undefined;
}): Recipients => ({ ...NO_NOTIFY, ...scripts });

export interface Call {
  readonly script: NotifyScript;
  /** Its own, and keepalived's where it gets them. */
  readonly command: readonly string[];
}

/** Tells one target from another, in the state file as well. */
export const targetKey = ({ kind, name }: Pick<NotifyEvent, 'kind' | 'name'>): string => `${kind} ${name}`;

/**
 * What is called, in this order, as in keepalived: first the state's own script, with no arguments but its own, so that
 * `systemctl start …` may stand there; then the one for every state, with `INSTANCE|GROUP NAME STATE PRIORITY` after
 * its own. keepalived says 0 for the priority of a group.
 */
export function callsOf(targets: Recipients, event: NotifyEvent): readonly Call[] {
  const own = ownScript(targets, event.word);
  const priority = event.kind === 'INSTANCE' ? String(event.priority) : '0';
  const { all } = targets;
  return [
    ...(own === undefined ? [] : [{ script: own, command: own.command }]),
    ...(all === undefined
      ? []
      : [{ script: all, command: [...all.command, event.kind, event.name, event.word, priority] }]),
  ];
}

function ownScript(targets: Recipients, word: NotifyWord): NotifyScript | undefined {
  switch (word) {
    case 'MASTER':
      return targets.active;
    case 'BACKUP':
      return targets.backup;
    case 'FAULT':
      return targets.fault;
    case 'STOP':
      return targets.stop;
    case 'QUORUM_UP':
      return targets.quorumUp;
    case 'QUORUM_DOWN':
      return targets.quorumDown;
    default:
      return word satisfies never;
  }
}

/** Whether anybody is told of anything. */
export const tellsAnybody = ({ mail, ...scripts }: Recipients): boolean =>
  mail || Object.values(scripts).some((script) => script !== undefined);

/** The facts, for scripts that want more than keepalived's arguments. `before`: the state told last, if any was. */
export const environmentOf = (
  event: NotifyEvent,
  before: NotifyWord | undefined,
): Readonly<Record<string, string>> => ({
  VIPWARD_KIND: event.kind,
  VIPWARD_NAME: event.name,
  VIPWARD_STATE: event.word,
  VIPWARD_PREVIOUS_STATE: before ?? '',
  ...(event.kind === 'SERVICE'
    ? {
        VIPWARD_SERVICE: event.name,
        VIPWARD_QUORUM: String(event.quorum),
        VIPWARD_HEALTHY_WEIGHT: String(event.healthy),
      }
    : { VIPWARD_PRIORITY: String(event.priority) }),
  // Words of ours, with names from the configuration in them: one line, and no zero byte, which ends a variable.
  VIPWARD_REASON: event.reason.replace(/\p{Cc}+/gu, ' '),
  VIPWARD_REPEATED: event.repeated ? '1' : '0',
});
