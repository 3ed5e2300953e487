/**
 * The times of an arbiter's lease. One rule makes it safe: what we believe ends before etcd may give the unit to
 * another, whatever was lost or late on the way.
 */
import { after, type Instant, type Milliseconds, milliseconds } from '../../model/units.ts';

/**
 * How much faster than ours etcd's clock may run, as a share. Quartz is within 0.01 %, a clock that is being slewed
 * within 0.05 %, a virtual machine's that catches up within a few percent.
 */
const CLOCK_RATE = 0.05;
/** For what happens between the last look at the clock and the address's removal, in milliseconds. */
const GRAIN = 50;
/** Tries of one request that fit between two keep-alives and still leave the time for another endpoint. */
const TRIES_PER_LEASE = 6;
const LONGEST_REQUEST = 2_000;
const FIRST_WAIT = 100;
const LONGEST_WAIT = 5_000;

/**
 * Until when a lease of `ttl` is ours for sure. etcd counts from when it takes the request in, which is never before
 * `sentAt`, when we were about to send it; when the answer came does not matter.
 */
export const heldUntil = (sentAt: Instant, ttl: Milliseconds): Instant =>
  after(sentAt, milliseconds(ttl * (1 - CLOCK_RATE) - GRAIN));

/** Two of three keep-alives may fail. */
export const keepAliveInterval = (ttl: Milliseconds): Milliseconds => milliseconds(ttl / 3);

/** How long one endpoint may take to answer one request. */
export const requestLimit = (lease: Milliseconds): Milliseconds =>
  milliseconds(Math.floor(Math.min(lease / TRIES_PER_LEASE, LONGEST_REQUEST)));

/**
 * The wait after the n-th failure in a row (1 and up): doubled each time, up to a third of the lease, and shortened by
 * chance up to a half, so that several directors do not come back all at once. `random`: 0 to 1.
 */
export function backOff(failures: number, lease: Milliseconds, random: number): Milliseconds {
  const bound = Math.min(lease / 3, LONGEST_WAIT);
  return milliseconds(Math.min(FIRST_WAIT * 2 ** (failures - 1), bound) * (1 - random / 2));
}
