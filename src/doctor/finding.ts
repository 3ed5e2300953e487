/** What `vipward doctor` finds: what is wrong, what that breaks, and the command that mends it. */

export interface Finding {
  /** problem: it breaks something; warning: it may; good: looked at, and as it should be; unknown: could not be seen. */
  readonly severity: 'problem' | 'warning' | 'good' | 'unknown';
  /** What was seen. */
  readonly what: string;
  /** What goes wrong because of it; '' for what is good. */
  readonly breaks: string;
  /** The command, or what else to do; '' where there is nothing to do. */
  readonly mend: string;
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
export const unknown = (what: string, why: string, mend = ''): Finding => ({
  severity: 'unknown',
  what,
  breaks: why,
  mend,
});
