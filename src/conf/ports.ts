/** Ports as the file writes them: one, a range, or a list of both. */
import * as z from 'zod';
import type { PortRange } from '../model/config.ts';
import { phrase } from './phrase.ts';

const PORTS = 'a port from 1 to 65535 such as 80, a range such as 8000-8010, or a list of them';

function branches(expected: string) {
  const words = { error: phrase(expected) };
  const one = z.int(words).min(1, words).max(65535, words);
  const range = z
    .string(words)
    .regex(/^[1-9]\d{0,4}(?:-[1-9]\d{0,4})?$/, words)
    .refine(isRange, words);
  const list = z.array(z.union([one, range], words), words).min(1, words);
  return [one, range, list] as const;
}

/** One port, a range, or a list of both. */
export const ports = () => z.union(branches(PORTS), { error: phrase(PORTS) }).transform(toRanges);

/** The same, or every port. */
export function anyPort() {
  const words = `${PORTS}, or any`;
  return z
    .union([z.literal('any', { error: phrase(words) }), ...branches(words)], { error: phrase(words) })
    .transform((value): 'any' | readonly PortRange[] => (value === 'any' ? value : toRanges(value)));
}

type Written = number | string;

const toRanges = (value: Written | readonly Written[]): readonly PortRange[] =>
  (typeof value === 'object' ? value : [value]).map(toRange);

function toRange(value: Written): PortRange {
  const [from = '', to = from] = String(value).split('-');
  return { from: Number(from), to: Number(to) };
}

function isRange(text: string): boolean {
  const { from, to } = toRange(text);
  return from <= to && to <= 65535;
}
