/**
 * When the sorry server stands in, and how it leaves.
 *
 * It leaves in two steps, because the kernel silently drops every further packet of a connection whose destination
 * was deleted: first its weight becomes 0, so that new connections go to the real servers while the ones it has are
 * finished; then it is removed.
 */
import type { ConnectionCounts } from '../model/ipvs-table.ts';
import { elapsed, type Instant, milliseconds } from '../model/units.ts';
import type { Scheduler } from '../model/virtual-server.ts';

/** idle: not in the table. in-use: takes all traffic. draining: weight 0, finishing what it has since `since`. */
export type SorryPhase =
  | { readonly phase: 'idle' }
  | { readonly phase: 'in-use' }
  | { readonly phase: 'draining'; readonly since: Instant };

export const SORRY_IDLE: SorryPhase = { phase: 'idle' };

/**
 * Schedulers that hash a client to a destination and refuse the connection when that destination has weight 0
 * (ip_vs_sh.c, ip_vs_dh.c, ip_vs_mh.c without their fallback flag): there a draining sorry server would turn new
 * clients away, so it is removed at once.
 */
const REFUSES_AT_WEIGHT_0: ReadonlySet<Scheduler> = new Set(['sh', 'dh', 'mh']);

/**
 * How long connections that are not established keep a draining sorry server in the table. It lets handshakes that
 * were under way finish; afterwards the kernel's inactive ones are only closed connections in their minutes of wait.
 */
const HANDSHAKES_DONE = milliseconds(3_000);
/** A client that holds on to the sorry server longer is cut off. */
const DRAIN_LIMIT = milliseconds(60_000);

/**
 * The next phase. `canServe`: whether a real server takes new connections. `connections`: those of the sorry server
 * in the kernel, undefined when it is not in the table there.
 */
export function nextSorryPhase(
  phase: SorryPhase,
  canServe: boolean,
  scheduler: Scheduler,
  connections: ConnectionCounts | undefined,
  now: Instant,
): SorryPhase {
  if (!canServe) return { phase: 'in-use' };
  if (connections === undefined || REFUSES_AT_WEIGHT_0.has(scheduler)) return SORRY_IDLE;
  const since = phase.phase === 'draining' ? phase.since : now;
  return isDrained(connections, elapsed(since, now)) ? SORRY_IDLE : { phase: 'draining', since };
}

function isDrained(connections: ConnectionCounts, waited: number): boolean {
  if (waited >= DRAIN_LIMIT) return true;
  if (connections.active > 0) return false;
  return connections.inactive === 0 ? waited > 0 : waited >= HANDSHAKES_DONE;
}
