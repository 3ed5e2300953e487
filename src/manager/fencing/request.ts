/**
 * What a fence agent is told and what its answers mean (FenceAgentAPI of ClusterLabs): `key=value` lines on standard
 * input, where no other user sees them as he would see arguments; exit code 0 for success, and of `status` 0 for on, 2
 * for off.
 */
import { outcomeOutput, outcomeText, type RunOutcome } from '../run/program.ts';

export type FenceAction = 'off' | 'status' | 'monitor';

/** Names of options that hold a secret: passwd, password, snmp_priv_passwd, secret_key, token, community … */
const SECRET = /pass|secret|key|token|community|credential/i;
const OFF = 2;

/** The lines for the agent. Throws RangeError for an option that would not stay on its line. */
export function agentInput(options: Readonly<Record<string, string>>, action: FenceAction): string {
  return Object.entries({ ...options, action })
    .map(([key, value]) => {
      if (/[\r\n=]/.test(key) || /[\r\n]/.test(value))
        throw new RangeError(`option ${key} holds a line break, which a fence agent cannot be told`);
      return `${key}=${value}\n`;
    })
    .join('');
}

/** In words, with the last line that the agent printed, and without the secrets that it was told. */
export function agentText(outcome: RunOutcome, options: Readonly<Record<string, string>>): string {
  const lastLine = outcomeOutput(outcome)
    .split('\n')
    .findLast((line) => line.trim() !== '');
  const text = outcomeText(outcome);
  return withoutSecrets(lastLine === undefined ? text : `${text}: ${lastLine.trim()}`, options);
}

function withoutSecrets(text: string, options: Readonly<Record<string, string>>): string {
  return Object.entries(options)
    .filter(([key, value]) => SECRET.test(key) && value !== '')
    .map(([, value]) => value)
    .sort((one, two) => two.length - one.length)
    .reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
}

export const succeeded = (outcome: RunOutcome): boolean => outcome.kind === 'exited' && outcome.code === 0;

/** What `status` says: undefined when it cannot tell, as with devices that take orders only. */
export function powerState(outcome: RunOutcome): 'on' | 'off' | undefined {
  if (outcome.kind !== 'exited') return undefined;
  if (outcome.code === 0) return 'on';
  return outcome.code === OFF ? 'off' : undefined;
}
