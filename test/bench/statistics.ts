/** Summaries of measured values. Medians and percentiles, never means: one stall of the machine must not move them. */

export interface Summary {
  readonly count: number;
  readonly minimum: number;
  readonly median: number;
  readonly p90: number;
  readonly p99: number;
  readonly maximum: number;
}

/**
 * The value below which the share `q` (0 to 1) of the values lies, with linear interpolation between the two nearest
 * (type 7 of Hyndman and Fan, as R and NumPy do by default). Throws RangeError for no values or a `q` out of range.
 */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) throw new RangeError('a quantile of no values');
  if (!(q >= 0 && q <= 1)) throw new RangeError(`quantile ${q} is not between 0 and 1`);
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * q;
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  // Not a weighted sum of both: equal neighbours must give exactly themselves.
  return below + (above - below) * (place - Math.floor(place));
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Throws RangeError for no values. */
export const summarize = (values: readonly number[]): Summary => ({
  count: values.length,
  minimum: quantile(values, 0),
  median: median(values),
  p90: quantile(values, 0.9),
  p99: quantile(values, 0.99),
  maximum: quantile(values, 1),
});

/** How far the time between two neighbours is from `interval`, whichever way. One fewer than there are times. */
export const deviations = (times: readonly number[], interval: number): readonly number[] =>
  times.slice(1).map((time, i) => Math.abs(time - (times[i] ?? time) - interval));
