/** One check that cannot be made costs no other: it is told as unknown, with the reason. */

import { reasonOf } from '../model/reason.ts';
import { type Finding, unknown } from './finding.ts';

/** What `work` finds; where it throws, one line that says what could not be looked at (`what`) and why. */
export async function attempt(
  what: string,
  work: () => readonly Finding[] | Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
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
