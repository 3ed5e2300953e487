/**
 * When the addresses are announced (gratuitous ARP). RFC 9568 section 6.4.2 asks for one announcement; switches and
 * hosts lose packets just then, so keepalived sends five and five more after 5 s, and so do we. The first is sent
 * with the take-over itself; the others are spaced, so that one short loss does not swallow them all.
 */
import { after, type Instant, milliseconds } from '../model/units.ts';

/** After the first announcement of a series. */
const OFFSETS = [0, 100, 200, 300, 400, 5000, 5100, 5200, 5300, 5400].map(milliseconds);
/** Two announcements are never closer than this, however much is heard from a rival. */
const SPACING = milliseconds(100);

/** A series of announcements under way, or at its end. */
export interface Announcements {
  readonly startedAt: Instant;
  /** How many of the series are done. */
  readonly done: number;
  readonly lastAt: Instant | undefined;
  /** undefined: the series is at its end. */
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
export function announceAgain(series: Announcements, now: Instant): Announcements {
  const soonest = series.lastAt === undefined ? now : after(series.lastAt, SPACING);
  const startedAt = soonest > now ? soonest : now;
  return { startedAt, done: 0, lastAt: series.lastAt, nextAt: startedAt };
}

/** The series once an announcement was made now. What was missed meanwhile is left out: never a burst. */
export function announced(series: Announcements, now: Instant): Announcements {
  const next = OFFSETS.findIndex((offset, i) => i > series.done && after(series.startedAt, offset) > now);
  const offset = OFFSETS[next];
  return {
    startedAt: series.startedAt,
    done: offset === undefined ? OFFSETS.length : next,
    lastAt: now,
    nextAt: offset === undefined ? undefined : after(series.startedAt, offset),
  };
}
