/** How long things take in RFC 9568, and in vipward's own hand-over. Intervals are centiseconds, results milliseconds. */
import {
  after,
  type Centiseconds,
  elapsed,
  type Instant,
  instant,
  type Milliseconds,
  milliseconds,
} from '../model/units.ts';

/** The shortest interval that the protocol knows: nothing makes us send adverts faster than this. */
export const SHORTEST_INTERVAL = milliseconds(10);

/** skewTime (RFC 9568 section 6.1): the higher the priority, the sooner a backup moves. Below one interval; in VRRPv2
 * below one second, whatever the interval (RFC 3768 section 6.1). */
export const skewTime = (
  priority: number,
  activeAdvertInterval: Centiseconds,
  version: 2 | 3 = 3,
): Milliseconds =>
  milliseconds(((256 - priority) * (version === 2 ? 1000 : activeAdvertInterval * 10)) / 256);

/** What the length of the activeDownTimer depends on, besides the interval of the active router. */
export interface Patience {
  readonly priority: number;
  readonly version: 2 | 3;
  /** How many adverts must be missing: 3 in the RFC. */
  readonly downAdverts: number;
}

/** activeDownInterval (section 6.1): how long a backup waits for an advert. 3 to 4 intervals by default. */
export const activeDownInterval = (
  { priority, version, downAdverts }: Patience,
  activeAdvertInterval: Centiseconds,
): Milliseconds =>
  milliseconds(downAdverts * activeAdvertInterval * 10 + skewTime(priority, activeAdvertInterval, version));

/**
 * When the next advert is due after the one that was due at `dueAt` was sent at `now`. Counted from the due time, so
 * that small delays do not add up; after a delay of more than an interval counted from now, so that no burst makes up
 * for what was missed.
 */
export function nextAdvertAt(dueAt: Instant, now: Instant, interval: Milliseconds): Instant {
  const regular = after(dueAt, interval);
  return regular > now ? regular : after(now, interval);
}

/**
 * Whether a backup may have taken over since the last advert was sent: no activeDownInterval is shorter than
 * `downAdverts` intervals.
 */
export const mayHaveLapsed = (
  advertSentAt: Instant,
  now: Instant,
  { advertInterval, downAdverts }: { readonly advertInterval: Centiseconds; readonly downAdverts: number },
): boolean => elapsed(advertSentAt, now) >= downAdverts * advertInterval * 10;

/** Whether we stood still for longer than we ourselves would wait for another: then others have acted. */
export const stoodStill = (
  advertSentAt: Instant,
  now: Instant,
  parameters: Patience & { readonly advertInterval: Centiseconds },
): boolean => elapsed(advertSentAt, now) > activeDownInterval(parameters, parameters.advertInterval);

/**
 * How many times more a priority of 0 is sent. A lost one costs three intervals without a hand-over; the backups that
 * hear a repetition start their skew again, which costs nothing, since the addresses stay meanwhile.
 */
export const RELEASE_REPEATS = 2;

/** Between two adverts of priority 0: within the skew of most successors, and far enough apart for a short loss. */
export const releaseRepeatInterval = (interval: Milliseconds): Milliseconds =>
  milliseconds(Math.min(100, Math.max(2, interval / 8)));

/** For the successor's own lateness and the network's. */
const RELEASE_MARGIN = milliseconds(100);

/**
 * How long a successor is waited for after the last advert of priority 0: the longest skew, which is that of priority
 * 1 and just below one interval, and a margin.
 */
export const releaseWait = ({
  advertInterval,
  version,
}: Pick<Patience, 'version'> & { readonly advertInterval: Centiseconds }): Milliseconds =>
  milliseconds((version === 2 ? 1000 : advertInterval * 10) + RELEASE_MARGIN);

/**
 * How long the addresses stay after the successor's first advert. RFC 9568 and keepalived advertise first, install
 * the addresses next and announce them last (keepalived 2.2.7: 0.45 ms later, measured), so whoever goes at the advert
 * leaves a hole. Short, since for that time both answer ARP.
 */
export const RELEASE_LINGER = milliseconds(5);

/** The earlier of two instants. */
export const earlier = (a: Instant, b: Instant): Instant => instant(Math.min(a, b));
