/** Whether there is enough behind a virtual server, with hysteresis as in keepalived. */
import type { ConfiguredVirtualServer, Quorum } from '../model/config.ts';
import { NO_OVERRIDES, type OverrideOf } from '../model/override.ts';
import type { HealthOf } from './standing.ts';
import { effectiveWeight, healthOfServer } from './standing.ts';

/** unknown: it depends on real servers that have not been checked yet. */
export type QuorumState = 'gained' | 'lost' | 'unknown';

export interface Assessment {
  readonly state: QuorumState;
  /** Sums of the weights that count: of the healthy ones, and of those that nobody knows anything of yet. */
  readonly healthy: number;
  readonly unchecked: number;
}

/**
 * The next state. It is gained at `weight + hysteresis` and lost below `weight - hysteresis`; between the two it stays
 * what it was, and without a past the plain weight decides. `unchecked` may yet add to `healthy`.
 */
export function nextQuorum(
  before: QuorumState,
  healthy: number,
  unchecked: number,
  { weight, hysteresis }: Quorum,
): QuorumState {
  const gainedAt = before === 'unknown' ? weight : weight + hysteresis;
  const lostBelow = before === 'unknown' ? weight : weight - hysteresis;
  if (healthy >= gainedAt) return 'gained';
  // keepalived: with nothing at all behind it, a quorum is lost whatever its hysteresis.
  if (healthy + unchecked < lostBelow || healthy + unchecked === 0) return 'lost';
  return before;
}

/** Of a definition by health alone, wherever its real servers stand in the table. */
export function assess(
  virtualServer: ConfiguredVirtualServer,
  healthOf: HealthOf,
  before: QuorumState,
  overrideOf: OverrideOf = NO_OVERRIDES,
): Assessment {
  let healthy = 0;
  let unchecked = 0;
  for (const server of virtualServer.realServers) {
    const weight = effectiveWeight(server, overrideOf(virtualServer.name, server));
    const isHealthy = healthOfServer(virtualServer, server, healthOf);
    if (isHealthy === true) healthy += weight;
    else if (isHealthy === undefined) unchecked += weight;
  }
  return { state: nextQuorum(before, healthy, unchecked, virtualServer.quorum), healthy, unchecked };
}
