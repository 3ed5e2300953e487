/** The spans of time that an arbiter's promise rests on: one owner, whatever the kernel's clocks round. */
import {
  type Instant,
  instant,
  type Milliseconds,
  milliseconds,
  secondsToMilliseconds,
} from '../../model/units.ts';
import { type LeaseTerms, leaseLifetime } from '../lease.ts';

/** The kernel counts whole seconds of an address's lifetime (`ifa_valid` of linux/if_addr.h). */
export const GRAIN = milliseconds(1000);
/** The kernel looks for addresses that have run out once a second (ADDRCONF_TIMER_FUZZ_MAX of net/addrconf.h). */
export const KERNEL_LATENESS = milliseconds(1000);
/** How old an advert may be that is answered now, where adverts are frequent. */
export const LATE = milliseconds(250);

/**
 * With an arbiter, how long after it heard an advert a director waits before it puts the addresses up: the lease that
 * they were put up with then, and what its length in whole seconds may add.
 */
export const holdHorizon = (terms: LeaseTerms): Milliseconds =>
  milliseconds(secondsToMilliseconds(leaseLifetime(terms)) + GRAIN);

/** The moment that lies `duration` before another. */
export const before = (at: Instant, duration: Milliseconds): Instant => instant(at - duration);
