/** A change of state as those who are told of it see it, in keepalived's words; pure. */
import type { NotifyScript, NotifyTargets } from '../../model/notify.ts';
import type { RouterWord } from '../../model/router-status.ts';

/** A virtual router, or a sync group. */
export type TargetKind = 'INSTANCE' | 'GROUP';

export interface NotifyEvent {
  readonly kind: TargetKind;
  readonly name: string;
  readonly word: RouterWord;
  readonly priority: number;
  readonly reason: string;
  /** The state is not new: another director was active beside us, and whatever follows it may have moved. */
  readonly repeated: boolean;
}

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
export function callsOf(targets: NotifyTargets, event: NotifyEvent): readonly Call[] {
  const own = ownScript(targets, event.word);
  const priority = String(event.kind === 'GROUP' ? 0 : event.priority);
  const { all } = targets;
  return [
    ...(own === undefined ? [] : [{ script: own, command: own.command }]),
    ...(all === undefined
      ? []
      : [{ script: all, command: [...all.command, event.kind, event.name, event.word, priority] }]),
  ];
}

function ownScript(targets: NotifyTargets, word: RouterWord): NotifyScript | undefined {
  switch (word) {
    case 'MASTER':
      return targets.active;
    case 'BACKUP':
      return targets.backup;
    case 'FAULT':
      return targets.fault;
    case 'STOP':
      return targets.stop;
    default:
      return word satisfies never;
  }
}

/** Whether anybody is told of anything. */
export const tellsAnybody = ({ all, active, backup, fault, stop, mail }: NotifyTargets): boolean =>
  mail || [all, active, backup, fault, stop].some((script) => script !== undefined);

/** The facts, for scripts that want more than keepalived's arguments. `before`: the state told last, if any was. */
export const environmentOf = (
  event: NotifyEvent,
  before: RouterWord | undefined,
): Readonly<Record<string, string>> => ({
  VIPWARD_KIND: event.kind,
  VIPWARD_NAME: event.name,
  VIPWARD_STATE: event.word,
  VIPWARD_PREVIOUS_STATE: before ?? '',
  VIPWARD_PRIORITY: String(event.priority),
  // Words of ours, with names from the configuration in them: one line, and no zero byte, which ends a variable.
  VIPWARD_REASON: event.reason.replace(/\p{Cc}+/gu, ' '),
  VIPWARD_REPEATED: event.repeated ? '1' : '0',
});
