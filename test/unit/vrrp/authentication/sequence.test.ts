/** Replayed messages are refused, and clocks that jump make nobody deaf. */
import { describe, expect, it } from 'vitest';
import { centiseconds, instant, milliseconds, seconds } from '../../../../src/model/units.ts';
import {
  acceptSequence,
  type Freshness,
  freshnessWindow,
  isAfter,
  nextSequence,
  type ReplayState,
  type Sequence,
  sequenceOf,
} from '../../../../src/vrrp/authentication/sequence.ts';
import { DATE, VECTORS } from '../wire.ts';

const HOUR = 3_600_000;
const WINDOW = seconds(5);
const at = (offset = 0): Freshness => ({ date: milliseconds(DATE + offset), window: WINDOW });
const sentAt = (offset = 0): Sequence => sequenceOf(milliseconds(DATE + offset));

/** What a receiver makes of sequences: each with the offset of its own clock, and of its monotonic one. */
function outcomes(
  ...messages: readonly (readonly [sequence: Sequence, clock: number, now?: number])[]
): readonly string[] {
  let state: ReplayState;
  return messages.map(([sequence, clock, now = 0]) => {
    const verdict = acceptSequence(state, sequence, at(clock), instant(now));
    state = verdict.state;
    return verdict.reason ?? 'accepted';
  });
}

describe('a sequence', () => {
  it('begins with the date, as keepalived sends it', () => {
    for (const { date, sequence } of VECTORS) {
      if (date === undefined || sequence === undefined) continue;
      const ours = sequenceOf(milliseconds(date));
      expect(ours.seconds).toBe(sequence.seconds);
      // The capture's own date is in whole milliseconds, and a little later.
      const apart = ((ours.fraction >>> 16) - (sequence.fraction >>> 16)) / 65.536;
      expect(Math.abs(apart)).toBeLessThan(5);
    }
    expect(sequenceOf(milliseconds(1500))).toEqual({ seconds: 1, fraction: 0x8000_0000 });
    expect(sequenceOf(milliseconds(2 ** 32 * 1000 + 999))).toEqual({ seconds: 0, fraction: 0xffbe_0000 });
  });

  it.each([
    [{ seconds: 1, fraction: 0 }, { seconds: 0, fraction: 0xffff_ffff }, true],
    [{ seconds: 1, fraction: 5 }, { seconds: 1, fraction: 4 }, true],
    [{ seconds: 1, fraction: 4 }, { seconds: 1, fraction: 4 }, false],
    [{ seconds: 1, fraction: 4 }, { seconds: 1, fraction: 5 }, false],
    [{ seconds: 0, fraction: 9 }, { seconds: 0xffff_ffff, fraction: 0 }, true],
    [{ seconds: 0xffff_ffff, fraction: 0 }, { seconds: 0, fraction: 9 }, false],
    [{ seconds: 0x8000_0000, fraction: 0 }, { seconds: 0, fraction: 1 }, true],
    [{ seconds: 0x8000_0000, fraction: 2 }, { seconds: 0, fraction: 1 }, false],
  ])('%o after %o: %s', (a, b, expected) => {
    expect(isAfter(a, b)).toBe(expected);
  });

  it('of the sender follows the clock, and counts where the clock stands still or falls back a little', () => {
    const first = nextSequence(undefined, at());
    expect(first).toEqual(sentAt());
    const second = nextSequence(first, at());
    expect(second).toEqual({ ...first, fraction: first.fraction + 1 });
    expect(nextSequence(second, at(-4000))).toEqual({ ...first, fraction: first.fraction + 2 });
    expect(nextSequence(second, at(1000))).toEqual(sentAt(1000));
    const last = { seconds: first.seconds + 1, fraction: 0xffff_ffff };
    expect(nextSequence(last, at())).toEqual({ seconds: first.seconds + 2, fraction: 0 });
  });

  it('of the sender starts again from a clock that was set back further, which keepalived insists on', () => {
    expect(nextSequence(sentAt(), at(-HOUR))).toEqual(sentAt(-HOUR));
  });

  it('has a window of three adverts, 5 to 300 s', () => {
    expect(freshnessWindow(centiseconds(1))).toBe(5);
    expect(freshnessWindow(centiseconds(199))).toBe(5);
    expect(freshnessWindow(centiseconds(400))).toBe(12);
    expect(freshnessWindow(centiseconds(4095))).toBe(120);
  });
});

describe('a receiver', () => {
  it('accepts what grows, once', () => {
    const [a, b, c] = [sentAt(0), sentAt(100), sentAt(200)];
    expect(outcomes([a, 0], [a, 0], [c, 200], [b, 200], [c, 200])).toEqual([
      'accepted',
      'replay',
      'accepted',
      'replay',
      'replay',
    ]);
  });

  it('is not deceived by a recording when it has just started', () => {
    expect(outcomes([sentAt(-HOUR), 0], [sentAt(-6000), 0], [sentAt(-5000), 0])).toEqual([
      'stale',
      'stale',
      'accepted',
    ]);
    expect(outcomes([sentAt(HOUR), 0])).toEqual(['stale']);
  });

  it('goes on hearing a sender whatever happens to its own clock', () => {
    expect(outcomes([sentAt(), 0], [sentAt(100), -HOUR], [sentAt(200), HOUR])).toEqual([
      'accepted',
      'accepted',
      'accepted',
    ]);
  });

  it('goes on hearing a sender whose clock is set forward, and one whose clock is then set right', () => {
    expect(
      outcomes([sentAt(), 0], [sentAt(HOUR), 0], [sentAt(200), 200], [sentAt(100), 200], [sentAt(300), 300]),
    ).toEqual(['accepted', 'accepted', 'accepted', 'replay', 'accepted']);
  });

  it('refuses what a sender of a wrong date sends anew', () => {
    expect(outcomes([sentAt(), 0], [sentAt(-HOUR), 0])).toEqual(['accepted', 'replay']);
  });

  it('keeps its state when it refuses', () => {
    const now = instant(0);
    const { state } = acceptSequence(undefined, sentAt(), at(), now);
    expect(acceptSequence(state, sentAt(-10), at(), now)).toEqual({
      accepted: false,
      reason: 'replay',
      state,
    });
    expect(acceptSequence(undefined, sentAt(HOUR), at(), now)).toMatchObject({ state: undefined });
  });

  it('refuses what was kept back for longer than the window, though it never heard it', () => {
    const withheld = Array.from({ length: 60 }, (_, second) => sentAt(1000 * (second + 1)));
    // The sender has died a minute after it was heard last.
    const played = withheld.map((sequence, i) => [sequence, 75_000 + 100 * i, 75_000 + 100 * i] as const);
    expect(new Set(outcomes([sentAt(), 0, 0], ...played).slice(1))).toEqual(new Set(['late']));
  });

  it('hears a live sender again at once after it was cut off, and after something late was played', () => {
    expect(outcomes([sentAt(), 0, 0], [sentAt(60_000), 60_000, 60_000])).toEqual(['accepted', 'accepted']);
    const late = [sentAt(1000), 60_000, 60_000] as const;
    expect(outcomes([sentAt(), 0, 0], late, [sentAt(60_100), 60_100, 60_100], late)).toEqual([
      ...['accepted', 'late', 'accepted', 'replay'],
    ]);
  });

  it('hears whoever stood still with its clock again after as long, or when its clock is right', () => {
    const since = (time: number) => [sentAt(time - 20_000), time, time] as const;
    expect(outcomes([sentAt(), 0, 0], since(21_000), since(30_000), since(40_000), since(41_100))).toEqual([
      ...['accepted', 'late', 'late', 'late', 'accepted'],
    ]);
    expect(outcomes([sentAt(), 0, 0], since(21_000), [sentAt(22_000), 22_000, 22_000])).toEqual([
      ...['accepted', 'late', 'accepted'],
    ]);
  });

  it('follows a clock that is slowed down to be set right, and one that was set back while it was not heard', () => {
    const slowed = Array.from(
      { length: 600 },
      (_, i) => [sentAt(HOUR + 910 * i), 1000 * i, 1000 * i] as const,
    );
    const heard = outcomes([sentAt(), 0, 0], [sentAt(HOUR - 1), 0, 0], ...slowed);
    expect(new Set(heard)).toEqual(new Set(['accepted']));
    expect(outcomes([sentAt(), 0, 0], [sentAt(40_000), 40_000, 70_000])).toEqual(['accepted', 'accepted']);
  });

  it('is not kept for long by handing on what a sender said last, each later than the one before', () => {
    const slower = Array.from(
      { length: 8 },
      (_, i) => [sentAt(1000 * (i + 1)), 3000 * (i + 1), 3000 * (i + 1)] as const,
    );
    const heard = outcomes([sentAt(), 0, 0], ...slower);
    expect(heard.slice(0, 3)).toEqual(['accepted', 'accepted', 'accepted']);
    expect(new Set(heard.slice(3))).toEqual(new Set(['late']));
  });
});
