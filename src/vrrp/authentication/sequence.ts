/**
 * The sequence numbers of the authentication trailer, against replayed messages: 64 bits that only grow, led by the
 * sender's date. Held as two numbers, since a number of JavaScript's is exact to 53 bits only.
 */
import { type Centiseconds, type Milliseconds, type Seconds, seconds } from '../../model/units.ts';

export interface Sequence {
  /** Seconds since 1970, modulo 2^32. */
  readonly seconds: number;
  /** The lower 32 bits: 1/65,536 s in the upper half, a counter within that in the lower. */
  readonly fraction: number;
}

/** What is known of one sender: the highest sequence accepted; undefined before the first. */
export type ReplayState = Sequence | undefined;

/** How the receiver's date bears on a sequence. */
export interface Freshness {
  /** Milliseconds since 1970: of the clock that people set, not of the monotonic one. */
  readonly date: Milliseconds;
  /** How far the sender's date may be from it: see `freshnessWindow`. */
  readonly window: Seconds;
}

export type SequenceVerdict =
  | { readonly accepted: true; readonly reason?: never; readonly state: Sequence }
  | {
      readonly accepted: false;
      /**
       * `replay`: not above what this sender sent before. `stale`: a sender that was not heard before, whose date is
       * not ours: recorded earlier, or one of the two clocks is wrong.
       */
      readonly reason: 'replay' | 'stale';
      readonly state: ReplayState;
    };

/** Room of the window (keepalived: `time_window`), in seconds. */
const SHORTEST_WINDOW = 5;
const LONGEST_WINDOW = 300;

/** How far two clocks may be apart: three adverts, and 5 to 300 s, as keepalived has it where nothing is configured. */
export const freshnessWindow = (advertInterval: Centiseconds): Seconds =>
  seconds(Math.min(LONGEST_WINDOW, Math.max(SHORTEST_WINDOW, 3 * Math.floor(advertInterval / 100))));

/**
 * Judges the sequence of a message whose HMAC was found good; `state` is what its sender is known by. The message
 * counts as received when it is accepted, so the returned state must be kept.
 *
 * A sender that was heard before need only grow, whatever the clocks say, so that a clock that is set on a running
 * pair (keepalived's `anti_replay time` then refuses, and both become active) does no harm. The date decides about
 * the first message of a sender, so that no recording older than the window deceives a director that has just started,
 * and about a sender whose clock was set right, backwards: its old mark lies outside the window, and its message
 * within. Two things are left that can be played once: what such a sender sent while its clock was wrong, and what was
 * kept from arriving (a cut link with a listener on the other side), until its sender is heard again.
 */
export function acceptSequence(
  state: ReplayState,
  sequence: Sequence,
  freshness: Freshness,
): SequenceVerdict {
  const accepted: SequenceVerdict = { accepted: true, state: sequence };
  if (state === undefined) {
    return isFresh(sequence, freshness) ? accepted : { accepted: false, reason: 'stale', state };
  }
  if (isAfter(sequence, state)) return accepted;
  const restarted = isFresh(sequence, freshness) && !isFresh(state, freshness);
  return restarted ? accepted : { accepted: false, reason: 'replay', state };
}

/**
 * The sequence of the next message: the date, or one more than the last where the date has not moved past it, so it
 * grows over a restart without anything kept, as long as the clock does. Where the date fell behind by more than
 * `freshness.window` (the clock was set back), it starts again from the date: keepalived's receivers accept nothing
 * else, and it is what its own senders do. `previous` is undefined for the first one.
 */
export function nextSequence(previous: ReplayState, freshness: Freshness): Sequence {
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

function successorOf({ seconds: whole, fraction }: Sequence): Sequence {
  const next = (fraction + 1) >>> 0;
  return { seconds: next === 0 ? (whole + 1) >>> 0 : whole, fraction: next };
}

/** Whole seconds are compared, as keepalived does. */
function isFresh(sequence: Sequence, { date, window }: Freshness): boolean {
  const behind = (Math.floor(date / 1000) - sequence.seconds) | 0;
  return Math.abs(behind) <= window;
}
