/**
 * Numbers with a unit. A value of one unit cannot be passed where another is wanted; every conversion is here,
 * and multiplies before it divides.
 */
declare const unit: unique symbol;
type Unit<Name extends string> = number & { readonly [unit]: Name };

/** A duration in milliseconds, possibly fractional; never negative unless it says so. */
export type Milliseconds = Unit<'ms'>;
/** A duration in whole seconds, as the kernel's address lifetimes are given (linux/if_addr.h). */
export type Seconds = Unit<'s'>;
/** A duration in hundredths of a second, as VRRPv3 sends it: 1 to 4095 on the wire (RFC 9568 section 5.2.7). */
export type Centiseconds = Unit<'cs'>;
/**
 * A point on the monotonic clock (CLOCK_MONOTONIC), in milliseconds since an arbitrary start. All processes of one
 * machine share the start, so an instant may be sent between them. Never a date.
 */
export type Instant = Unit<'instant'>;

export const milliseconds = (value: number): Milliseconds => value as Milliseconds;
export const seconds = (value: number): Seconds => value as Seconds;
export const centiseconds = (value: number): Centiseconds => value as Centiseconds;
export const instant = (value: number): Instant => value as Instant;

export const centisecondsToMilliseconds = (value: Centiseconds): Milliseconds => milliseconds(value * 10);
/** Exact only for multiples of 10 ms, which is all that the configuration lets through. */
export const millisecondsToCentiseconds = (value: Milliseconds): Centiseconds =>
  centiseconds(Math.round(value / 10));
export const secondsToMilliseconds = (value: Seconds): Milliseconds => milliseconds(value * 1000);
/** Rounded up, so that a lifetime never ends early. */
export const millisecondsToSecondsUp = (value: Milliseconds): Seconds => seconds(Math.ceil(value / 1000));

/** As the configuration would write it: `250ms`, `1.5s`, `2m`. */
export function durationText(value: Milliseconds): string {
  if (value !== 0 && value % 60_000 === 0) return `${value / 60_000}m`;
  // Whole milliseconds only: seconds would need more digits than the configuration reads.
  return value >= 1000 && Number.isInteger(value) ? `${value / 1000}s` : `${value}ms`;
}

/** The instant that lies `duration` after `from`. */
export const after = (from: Instant, duration: Milliseconds): Instant => instant(from + duration);
/** The time from `from` until `to`; negative when `to` is earlier. */
export const elapsed = (from: Instant, to: Instant): Milliseconds => milliseconds(to - from);

/** The clock that everything is told: monotonic, and injected so that tests own time. */
export type Clock = () => Instant;
