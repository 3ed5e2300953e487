/** What `vipward doctor` finds: what is wrong, what that breaks, and the command that mends it. */
import { BUDGET } from './limited.ts';

export interface Finding {
  /** problem: it breaks something; warning: it may; good: looked at, and as it should be; unknown: could not be seen. */
  readonly severity: 'problem' | 'warning' | 'good' | 'unknown';
  /** What was seen. */
  readonly what: string;
  /** What goes wrong because of it; '' for what is good. */
  readonly breaks: string;
  /** The command, or what else to do; '' where there is nothing to do. */
  readonly mend: string;
  /** What it shares with others that break the same; others of another cause are not like it. */
  readonly cause?: string;
}

export const good = (what: string): Finding => ({ severity: 'good', what, breaks: '', mend: '' });
export const problem = (what: string, breaks: string, mend: string): Finding => ({
  severity: 'problem',
  what,
  breaks,
  mend,
});
export const warning = (what: string, breaks: string, mend: string): Finding => ({
  severity: 'warning',
  what,
  breaks,
  mend,
});
/** Hosts that there was no time to ask; nothing where all were asked. `what`: of them, in words. */
export function notAsked(hosts: ReadonlySet<string>, what: string): readonly Finding[] {
  const [first] = hosts;
  if (first === undefined) return [];
  const others = hosts.size === 1 ? '' : ` and ${hosts.size - 1} more`;
  return [
    unknown(
      `${hosts.size} real server${hosts.size === 1 ? '' : 's'} not asked (${first}${others}): ${what}`,
      `the others took all of the ${BUDGET / 1000} s that this may last`,
      'mend what is found of the others, and run vipward doctor again: hosts that answer take no time',
    ),
  ];
}

export const unknown = (what: string, why: string, mend = ''): Finding => ({
  severity: 'unknown',
  what,
  breaks: why,
  mend,
});
