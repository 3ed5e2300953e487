/** Which virtual routers a new vrrp process goes on with as active, in the place of one that died. */
import type { VirtualRouter } from '../model/config.ts';
import type { RouterStatus } from '../model/router-status.ts';
import { centisecondsToMilliseconds, type Milliseconds } from '../model/units.ts';

/**
 * Names of the `routers` that were active by `statuses`, as long as nobody can have taken over. A backup waits for
 * more than `downAdverts` advert intervals (RFC 9568 section 6.1), and the last advert may have gone out a whole one before
 * the process died, `silence` ago. Whoever comes later listens first, as after any other start: to go on as active
 * would take the addresses from the one that has them now, preemption or not.
 */
export function resumable(
  routers: readonly VirtualRouter[],
  statuses: readonly RouterStatus[],
  silence: Milliseconds,
): readonly string[] {
  return routers
    .filter(
      ({ advertInterval, downAdverts }) =>
        silence < (downAdverts - 1) * centisecondsToMilliseconds(advertInterval),
    )
    .filter((router) =>
      // One that was handing over has said so to its peers.
      statuses.some((was) => was.state === 'active' && !was.releasing && isSame(router, was)),
    )
    .map(({ name }) => name);
}

/** As on the network: another name alone makes no other virtual router. */
const isSame = (router: VirtualRouter, status: RouterStatus): boolean =>
  router.interface === status.interface && router.vrid === status.vrid;
