/** What keeps a second owner away, as `status` shows it. */
import type { StatusDocument } from '../model/status.ts';
import type { Instant } from '../model/units.ts';
import type { Failover } from './failover.ts';

/** `now`: on the clock of the leases. */
export function guardStatus(
  { arbiter, fencing, sync }: ReturnType<Failover['status']>,
  now: Instant,
): StatusDocument['guards'] {
  return {
    arbiter: arbiter && {
      endpoint: arbiter.endpoint,
      problem: arbiter.error,
      units: arbiter.units.map(({ unit, state, holder, heldUntil }) => ({
        unit,
        state,
        holder,
        remaining: heldUntil === undefined ? undefined : Math.max(0, Math.round(heldUntil - now)),
      })),
    },
    fencing: fencing && { agent: fencing.agent, running: fencing.running, last: fencing.last },
    sync: sync && { role: sync.role, problem: sync.problem, foreign: sync.foreign },
  };
}
