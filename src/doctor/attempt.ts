/** One check that cannot be made costs no other: it is told as unknown, with the reason. */

import { reasonOf } from '../model/reason.ts';
import { type Finding, unknown } from './finding.ts';

/** A part of the round: what it looks at, for when it cannot, and the look. */
export type Check = readonly [what: string, look: () => readonly Finding[] | Promise<readonly Finding[]>];

/** All at once. Never rejects. */
export async function attemptAll(checks: readonly Check[]): Promise<readonly Finding[]> {
  const found = await Promise.all(checks.map(([what, look]) => attempt(what, look)));
  return found.flat();
}

/** What `work` finds; where it throws, one line that says what could not be looked at (`what`) and why. */
async function attempt(what: Check[0], work: Check[1]): Promise<readonly Finding[]> {
  try {
    return await work();
  } catch (error) {
    return [unknown(what, reasonOf(error), adviceFor(error))];
  }
}

/** A container may have root without its powers. */
function adviceFor(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return code === 'EPERM' || code === 'EACCES'
    ? 'run it as root of the host itself; in a container with --cap-add NET_ADMIN --cap-add NET_RAW'
    : '';
}
