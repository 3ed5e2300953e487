/**
 * The address lease: a VIP is installed with a lifetime, and the kernel itself removes it when nobody renews it.
 *
 * - It must not end before the peers take over, or a killed process costs an outage that the kernel, which goes on
 *   forwarding, would have bridged. They take over within activeDownInterval after the last advert, which is below
 *   4 × interval for every priority (with `down_adverts: n`, n + 1). Every advert therefore renews the lease too; only
 *   where adverts are more frequent than the shortest renewal, the last renewal may be that much older than the last
 *   advert.
 * - It should end soon after, since two directors then hold the address. The kernel counts whole seconds (`ifa_valid`
 *   of linux/if_addr.h), so it is the next whole second.
 */
import {
  type Centiseconds,
  centisecondsToMilliseconds,
  type Instant,
  type Milliseconds,
  milliseconds,
  millisecondsToSecondsUp,
  type Seconds,
} from '../model/units.ts';

/** Four renewals in the shortest lifetime that the kernel knows, 1 s. */
const SHORTEST_RENEWAL = 250;
/** Bounds how long the address outlives a take-over when adverts are rare. */
const LONGEST_RENEWAL = 10_000;

/**
 * When the lease is renewed, after an advert at `now` of which the next is due at `next`: now, where each advert renews
 * it or the renewal is due before that one. So it follows an advert directly, and has all the time up to the next.
 */
export const renewedWith = (
  advertInterval: Centiseconds,
  now: Instant,
  next: Instant,
  renewAt: Instant,
): Instant => (renewedByAdvert(advertInterval) || renewAt < next ? now : renewAt);

/** Whether each advert renews the lease; where adverts come faster than the kernel counts, some of them do. */
export const renewedByAdvert = (advertInterval: Centiseconds): boolean =>
  centisecondsToMilliseconds(advertInterval) >= SHORTEST_RENEWAL;

/** Between two renewals when no advert comes first. */
export const renewalInterval = (advertInterval: Centiseconds): Milliseconds =>
  milliseconds(
    Math.min(LONGEST_RENEWAL, Math.max(SHORTEST_RENEWAL, centisecondsToMilliseconds(advertInterval))),
  );

/** How much older than the last advert the last renewal may be. */
const renewalAge = (advertInterval: Centiseconds): Milliseconds =>
  milliseconds(renewedByAdvert(advertInterval) ? 0 : SHORTEST_RENEWAL);

/** What the lease's length depends on. */
export interface LeaseTerms {
  readonly advertInterval: Centiseconds;
  readonly downAdverts: number;
  readonly version: 2 | 3;
}

/** The lifetime that an address is installed and renewed with: 1 to 164 s while three adverts must be missing. */
export function leaseLifetime({ advertInterval, downAdverts, version }: LeaseTerms): Seconds {
  const interval = centisecondsToMilliseconds(advertInterval);
  // skewTime is below one interval, and in VRRPv2, whose intervals are whole seconds, below one second.
  const longestSkew = version === 2 ? 1000 : interval;
  return millisecondsToSecondsUp(
    milliseconds(downAdverts * interval + longestSkew + renewalAge(advertInterval)),
  );
}
