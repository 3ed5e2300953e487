/** Virtual servers as things that are tracked: whether this director could serve them; pure. */
import type { Assessment } from '../../balance/quorum.ts';
import type { ConfiguredVirtualServer } from '../../model/config.ts';
import type { TrackVerdict } from '../../model/tracking.ts';

/** How virtual servers stand, by their names. */
export interface ServiceFacts {
  assessment(name: string): Assessment;
  /** Whether its checks rest until this director is active. */
  rests(name: string): boolean;
  /** Why the kernel's table cannot be had at all; undefined when it can, or when that is not known yet. */
  unavailable(): string | undefined;
}

const STATE = { gained: 'up', lost: 'down', unknown: 'unknown' } as const;

/**
 * One verdict for each virtual server: up while it has its quorum, down while it has lost it, unknown while that
 * depends on real servers that have not been checked yet. One without a check is healthy. Sorry servers do not count.
 * One whose checks rest must not keep this director from becoming active, which is what its checks wait for. Without a
 * table nothing is served, whatever is healthy: the other director may have one.
 */
export function serviceVerdicts(
  virtualServers: readonly Pick<ConfiguredVirtualServer, 'name' | 'quorum'>[],
  facts: ServiceFacts,
): readonly TrackVerdict[] {
  return virtualServers.map(({ name, quorum }) => {
    if (facts.unavailable() !== undefined)
      return { kind: 'service', name, state: 'down', value: 1, reason: 'there is no IPVS table here' };
    if (facts.rests(name))
      return { kind: 'service', name, state: 'up', value: 1, reason: 'checks rest while not active here' };
    const { state, healthy, unchecked } = facts.assessment(name);
    const waiting = state === 'unknown' ? `, ${unchecked} not checked yet` : '';
    const reason = `healthy weight ${healthy}, quorum ${quorum.weight}${waiting}`;
    return { kind: 'service', name, state: STATE[state], value: 1, reason };
  });
}
