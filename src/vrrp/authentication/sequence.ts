/**
 * The sequence numbers of the authentication trailer, against replayed messages: 64 bits that only grow, led by the
 * sender's date. Held as two numbers, since a number of JavaScript's is exact to 53 bits only.
 */
import {
  type Centiseconds,
  elapsed,
  type Instant,
  type Milliseconds,
  milliseconds,
  type Seconds,
  seconds,
  secondsToMilliseconds,
} from '../../model/units.ts';

export interface Sequence {
  /** Seconds since 1970, modulo 2^32. */
  readonly seconds: number;
  /** The lower 32 bits: 1/65,536 s in the upper half, a counter within that in the lower. */
  readonly fraction: number;
}

/** What is known of one sender. */
export interface Mark {
  /** The last that was accepted. */
  readonly sequence: Sequence;
  /** A message of this sequence came at this time, and none has come sooner after its date since. */
  readonly soonest: Heard;
  /** When one was refused as late, unless one was accepted since. */
  readonly doubtedAt: Instant | undefined;
}

interface Heard {
  readonly sequence: Sequence;
  readonly at: Instant;
}

/** What is known of one sender; undefined before its first message. */
export type ReplayState = Mark | undefined;

/** How the receiver's date bears on a sequence. */
export interface Freshness {
  /** Milliseconds since 1970: of the clock that people set, not of the monotonic one. */
  readonly date: Milliseconds;
  /** How far the sender's date may be from it: see `freshnessWindow`. */
  readonly window: Seconds;
}

export type SequenceVerdict =
  | { readonly accepted: true; readonly reason?: never; readonly state: Mark }
  | {
      readonly accepted: false;
      /**
       * `replay`: not above what this sender sent before. `stale`: a sender that was not heard before, whose date is
       * not ours: recorded earlier, or one of the two clocks is wrong. `late`: it came long after it was made.
       */
      readonly reason: 'replay' | 'stale' | 'late';
      readonly state: ReplayState;
    };

/** Room of the window (keepalived: `time_window`), in seconds. */
const SHORTEST_WINDOW = 5;
const LONGEST_WINDOW = 300;

/** How far two clocks may be apart: three adverts, and 5 to 300 s, as keepalived has it where nothing is configured. */
export const freshnessWindow = (advertInterval: Centiseconds): Seconds =>
  seconds(Math.min(LONGEST_WINDOW, Math.max(SHORTEST_WINDOW, 3 * Math.floor(advertInterval / 100))));

/**
 * By how much a sender's clock may fall behind ours, of the time that passed: the kernel slows a clock that is ahead by
 * up to a tenth (adjtimex(2)), the monotonic one with it. Never more than the window.
 */
const SLOWEST = 0.1;

/**
 * Judges the sequence of a message whose HMAC was found good; `state` is what its sender is known by. The returned
 * state must be kept, whatever the verdict.
 *
 * A sender that was heard before must grow, and its messages must come when they are made: by our monotonic clock, not
 * more than the window later after their date than the soonest one did. So neither side's date matters for as long as
 * it runs, and a clock that is set on a running pair (keepalived's `anti_replay time` then refuses, and both become
 * active) does no harm; but what was kept from arriving (a cut link with a listener on the other side) is worth nothing
 * once the window has passed (twice at most), even where its sender has died and is never heard again.
 *
 * The date decides about the first message of a sender, so that no recording older than the window deceives a director
 * that has just started; about one that comes late; and about a sender whose clock was set right, backwards: its old
 * mark lies outside the window, and its message within.
 *
 * Late is also what a machine sends that stood still together with its clock (a paused virtual machine). Until its date
 * is right it is accepted again with the first message that is newer than whatever there was to be recorded when the
 * first late one was refused: after as long as it stood still.
 *
 * The format has no answer and no challenge in it, so this is left: what is replayed within that time (5 s, or three
 * adverts; twice at most); what a sender sent while its date was wrong, once, after it was set right; and whoever
 * stands between two directors for long, and hands every message on late, is believed that the sender lives for as long
 * as the delay that he built up.
 */
export function acceptSequence(
  state: ReplayState,
  sequence: Sequence,
  freshness: Freshness,
  now: Instant,
): SequenceVerdict {
  const first: SequenceVerdict = { accepted: true, state: begun(sequence, now) };
  const fresh = isFresh(sequence, freshness);
  if (state === undefined) return fresh ? first : { accepted: false, reason: 'stale', state };
  if (!isAfter(sequence, state.sequence)) {
    const restarted = fresh && !isFresh(state.sequence, freshness);
    return restarted ? first : { accepted: false, reason: 'replay', state };
  }
  const window = secondsToMilliseconds(freshness.window);
  const lateness = latenessOf(sequence, state.soonest, now, window);
  if (lateness <= 0 || madeSince(sequence, state)) return first;
  if (lateness > window) {
    // By the dates it is none: the sender's clock was set back, to what ours says.
    if (fresh) return first;
    return { accepted: false, reason: 'late', state: { ...state, doubtedAt: state.doubtedAt ?? now } };
  }
  return { accepted: true, state: { sequence, soonest: state.soonest, doubtedAt: undefined } };
}

const begun = (sequence: Sequence, at: Instant): Mark => ({
  sequence,
  soonest: { sequence, at },
  doubtedAt: undefined,
});

/** Of a message that comes now: how much later after its date than the soonest one. */
function latenessOf(sequence: Sequence, soonest: Heard, now: Instant, window: Milliseconds): Milliseconds {
  const passed = elapsed(soonest.at, now);
  const least = passed - Math.min(passed * SLOWEST, window);
  return milliseconds(least - between(soonest.sequence, sequence));
}

/** Whether it was made after a late one was refused: no recording of before. */
const madeSince = (sequence: Sequence, { soonest, doubtedAt }: Mark): boolean =>
  doubtedAt !== undefined && between(soonest.sequence, sequence) > elapsed(soonest.at, doubtedAt);

/**
 * The sequence of the next message: the date, or one more than the last where the date has not moved past it, so it
 * grows over a restart without anything kept, as long as the clock does. Where the date fell behind by more than
 * `freshness.window` (the clock was set back), it starts again from the date: keepalived's receivers accept nothing
 * else, and it is what its own senders do. `previous` is undefined for the first one.
 */
export function nextSequence(previous: Sequence | undefined, freshness: Freshness): Sequence {
  const date = sequenceOf(freshness.date);
  if (previous === undefined || isAfter(date, previous)) return date;
  return ((previous.seconds - date.seconds) | 0) > freshness.window ? date : successorOf(previous);
}

/** Whether `a` comes after `b`, as serial numbers of 64 bits are compared (RFC 1982): right across 2106 too. */
export function isAfter(a: Sequence, b: Sequence): boolean {
  const borrow = a.fraction < b.fraction ? 1 : 0;
  const high = (a.seconds - b.seconds - borrow) | 0;
  return high > 0 || (high === 0 && a.fraction !== b.fraction);
}

/** The sequence that a date stands for, with a counter of 0. */
export function sequenceOf(date: Milliseconds): Sequence {
  const whole = Math.floor(date / 1000);
  const part = Math.floor(((date - whole * 1000) * 0x10000) / 1000);
  return { seconds: whole >>> 0, fraction: (part << 16) >>> 0 };
}

/** From one date to a later one; serial numbers here as well. */
const between = (from: Sequence, to: Sequence): Milliseconds =>
  milliseconds(1000 * (((to.seconds - from.seconds) | 0) + (to.fraction - from.fraction) / 0x1_0000_0000));

function successorOf({ seconds: whole, fraction }: Sequence): Sequence {
  const next = (fraction + 1) >>> 0;
  return { seconds: next === 0 ? (whole + 1) >>> 0 : whole, fraction: next };
}

/** Whole seconds are compared, as keepalived does. */
function isFresh(sequence: Sequence, { date, window }: Freshness): boolean {
  const behind = (Math.floor(date / 1000) - sequence.seconds) | 0;
  return Math.abs(behind) <= window;
}
