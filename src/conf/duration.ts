/** Durations as the file writes them: a number with its unit. */
import * as z from 'zod';
import { type Milliseconds, milliseconds } from '../model/units.ts';
import { phrase } from './phrase.ts';

const DURATION = /^(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h)$/;
const UNIT = { ms: 1n, s: 1000n, m: 60_000n, h: 3_600_000n } as const;

/** `1.5s` → 1500; undefined when it is no duration. */
export function parseDuration(text: string): Milliseconds | undefined {
  const [, number = '', unit] = DURATION.exec(text) ?? [];
  if (unit !== 'ms' && unit !== 's' && unit !== 'm' && unit !== 'h') return undefined;
  const [whole = '', fraction = ''] = number.split('.');
  // In whole millionths, since 40.95 * 1000 is not 40950 in floating point.
  const millionths = BigInt(whole + fraction.padEnd(6, '0')) * UNIT[unit];
  return milliseconds(Number(millionths) / 1_000_000);
}

export interface DurationLimits {
  readonly least: string;
  readonly most: string;
  /** The value must be a multiple of it. */
  readonly step?: string;
}

/** A duration between two others, both included. */
export function duration({ least, most, step }: DurationLimits) {
  const [low = 0, high = 0, multiple = 0.000001] = [least, most, step ?? ''].map(parseDuration);
  const steps = step === undefined ? '' : ` in steps of ${step}`;
  const words = phrase('a duration with a unit such as 1s or 100ms');
  return z
    .string({ error: words })
    .regex(DURATION, { error: words })
    .transform((text, context) => {
      const value = parseDuration(text);
      const inSteps = value !== undefined && (step === undefined || value % multiple === 0);
      if (value !== undefined && inSteps && value >= low && value <= high) return value;
      context.addIssue({
        code: 'custom',
        message: `a duration from ${least} to ${most}${steps}`,
        input: text,
      });
      return z.NEVER;
    });
}
