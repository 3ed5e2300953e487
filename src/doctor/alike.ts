/** Findings of one kind, of which a large configuration may have thousands. Pure. */
import type { Finding } from './finding.ts';

/** Numbers and addresses, in which findings of one kind differ. */
const VALUE = /[\da-f:.]*[\d:][\da-f:.]*/gi;

/** Those of one severity that break the same, by the same cause, together; all in the order of the first of each kind. */
export function alikeFindings(findings: readonly Finding[]): readonly (readonly Finding[])[] {
  const kinds = Map.groupBy(findings, ({ severity, what, breaks, cause }) =>
    // What is good breaks nothing by which it could be told from others.
    severity === 'good' ? `good ${what}` : `${severity} ${breaks.replaceAll(VALUE, '#')} ${cause ?? ''}`,
  );
  return [...kinds.values()];
}
