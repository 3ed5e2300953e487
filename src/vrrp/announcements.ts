/**
 * When the addresses are announced (gratuitous ARP, unsolicited neighbour advertisement). RFC 9568 section 6.4.2 asks
 * for one announcement; switches and hosts lose packets just then, so keepalived sends five and five more after 5 s,
 * and so do we unless told otherwise. The first is sent with the take-over itself; the others are spaced, so that one
 * short loss does not swallow them all.
 */

import { after, type Instant, milliseconds } from '../model/units.ts';
import type { AnnouncePolicy } from '../model/virtual-router.ts';

/** A series of announcements under way, or at its end. */
export interface Announcements {
  readonly startedAt: Instant;
  /** How many of the series are done. */
  readonly done: number;
  readonly lastAt: Instant | undefined;
  /** undefined: the series is at its end, and nothing is refreshed. */
  readonly nextAt: Instant | undefined;
}

/** A series that begins now, with an announcement that is due now. */
export const announceFrom = (now: Instant): Announcements => ({
  startedAt: now,
  done: 0,
  lastAt: undefined,
  nextAt: now,
});

/** A series that begins anew since somebody else may have drawn the traffic: now, or as soon as the spacing allows. */
export function announceAgain(
  series: Announcements,
  now: Instant,
  { spacing }: AnnouncePolicy,
): Announcements {
  const soonest =
    series.lastAt === undefined ? now : after(series.lastAt, milliseconds(Math.max(spacing, SOONEST)));
  const startedAt = soonest > now ? soonest : now;
  return { startedAt, done: 0, lastAt: series.lastAt, nextAt: startedAt };
}

/** Two series are never closer than this, however much is heard from a rival. */
const SOONEST = milliseconds(100);

/** The series once an announcement was made now. What was missed meanwhile is left out: never a burst. */
export function announced(series: Announcements, now: Instant, policy: AnnouncePolicy): Announcements {
  const total = policy.count + (policy.delay > 0 ? policy.delayedCount : 0);
  let done = series.done + 1;
  while (done < total && dueAt(series.startedAt, done, policy) <= now) done++;
  return {
    startedAt: series.startedAt,
    done: Math.min(done, total),
    lastAt: now,
    nextAt: nextOf(series, done, total, now, policy),
  };
}

function nextOf(
  { startedAt }: Announcements,
  done: number,
  total: number,
  now: Instant,
  policy: AnnouncePolicy,
): Instant | undefined {
  if (done < total) return dueAt(startedAt, done, policy);
  return policy.refresh > 0 ? after(now, policy.refresh) : undefined;
}

/** When announcement number `index` of a series is due, counted from 0. */
function dueAt(startedAt: Instant, index: number, { count, spacing, delay }: AnnouncePolicy): Instant {
  const offset = index < count ? index * spacing : delay + (index - count) * spacing;
  return after(startedAt, milliseconds(offset));
}
