/** Virtual servers as things that are tracked: whether this director could serve them; pure. */
import type { HealthOf } from '../../balance/desired.ts';
import { targetOf } from '../../balance/targets.ts';
import type { ConfiguredVirtualServer } from '../../model/config.ts';
import type { TrackVerdict } from '../../model/tracking.ts';

/**
 * One verdict for each virtual server: up while the weights of its healthy real servers sum up to its quorum, down
 * while they cannot, unknown while that depends on real servers that have not been checked yet. One without a check
 * is healthy. The sorry server does not count.
 */
export function serviceVerdicts(
  virtualServers: readonly ConfiguredVirtualServer[],
  healthOf: HealthOf,
): readonly TrackVerdict[] {
  return virtualServers.map((virtualServer) => {
    const {
      name,
      quorum: { weight: quorum },
    } = virtualServer;
    let healthy = 0;
    let unchecked = 0;
    for (const server of virtualServer.realServers) {
      const target = targetOf(virtualServer, server);
      const isHealthy = target === undefined ? true : healthOf(target.id)?.healthy;
      if (isHealthy === true) healthy += server.weight;
      else if (isHealthy === undefined) unchecked += server.weight;
    }
    const state = healthy >= quorum ? 'up' : healthy + unchecked >= quorum ? 'unknown' : 'down';
    const waiting = state === 'unknown' ? `, ${unchecked} not checked yet` : '';
    const reason = `healthy weight ${healthy}, quorum ${quorum}${waiting}`;
    return { kind: 'service', name, state, value: 1, reason };
  });
}
