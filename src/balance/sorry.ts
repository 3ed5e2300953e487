/**
 * When the sorry servers stand in, and how they leave.
 *
 * It leaves in two steps, because the kernel silently drops every further packet of a connection whose destination
 * was deleted: first its weight becomes 0, so that new connections go to the real servers while the ones it has are
 * finished; then it is removed.
 */
import type { ConnectionCounts } from '../model/ipvs-table.ts';
import { elapsed, type Instant, milliseconds } from '../model/units.ts';

/** idle: not in the table. in-use: takes all traffic. draining: weight 0, finishing what it has since `since`. */
export type SorryPhase =
  | { readonly phase: 'idle' }
  | { readonly phase: 'in-use' }
  | { readonly phase: 'draining'; readonly since: Instant };

export const SORRY_IDLE: SorryPhase = { phase: 'idle' };

/**
 * How long connections that are not established keep a draining sorry server in the table. It lets handshakes that
 * were under way finish; afterwards the kernel's inactive ones are only closed connections in their minutes of wait.
 */
const HANDSHAKES_DONE = milliseconds(3_000);
/** A client that holds on to the sorry server longer is cut off. */
const DRAIN_LIMIT = milliseconds(60_000);

export interface SorryFacts {
  /** The quorum is lost, and a sorry server can serve. */
  readonly called: boolean;
  /** Their connections in the kernel; undefined: none of them is in the table. */
  readonly connections: ConnectionCounts | undefined;
  /**
   * Whether the scheduler refuses the clients that it hashes to weight 0: there a draining sorry server would turn new
   * clients away, so it is removed at once.
   */
  readonly refusesAtWeight0: boolean;
}

export function nextSorryPhase(phase: SorryPhase, facts: SorryFacts, now: Instant): SorryPhase {
  const { called, connections, refusesAtWeight0 } = facts;
  if (called) return { phase: 'in-use' };
  if (connections === undefined || refusesAtWeight0) return SORRY_IDLE;
  const since = phase.phase === 'draining' ? phase.since : now;
  return isDrained(connections, elapsed(since, now)) ? SORRY_IDLE : { phase: 'draining', since };
}

/** Whether nobody is left to be waited for, `waited` milliseconds after the last new connection. */
export function isDrained(connections: ConnectionCounts, waited: number): boolean {
  if (waited >= DRAIN_LIMIT) return true;
  if (connections.active > 0) return false;
  return connections.inactive === 0 ? waited > 0 : waited >= HANDSHAKES_DONE;
}
