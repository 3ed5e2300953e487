/** The kinds of leaf that the file has, addresses apart, each with its rule, its JSON Schema and its words. */
import * as z from 'zod';
import type { StatusRange } from '../model/check.ts';
import { phrase } from './phrase.ts';

export function wholeNumber(least: number, most: number) {
  const words = { error: phrase(`a whole number from ${least} to ${most}`) };
  return z.int(words).min(least, words).max(most, words);
}

/** For sums, which are exact up to the largest that JavaScript has. */
export function wholeNumberFrom(least: number) {
  const words = { error: phrase(`a whole number of ${least} and up`) };
  return z.int(words).min(least, words);
}

export const flag = () => z.boolean({ error: phrase('true or false') });

/** One of a few words. */
export function oneOf<const Word extends string>(
  words: readonly Word[],
  foreign: ReadonlyMap<string, Word> = new Map(),
) {
  const meant = (input: unknown): string | undefined => {
    const small = typeof input === 'string' ? input.toLowerCase() : '';
    if (words.some((word) => word === small)) return `${small} in small letters`;
    const word = foreign.get(small);
    return word === undefined ? undefined : `${word}, as that is called here`;
  };
  const last = words.at(-1) ?? '';
  const expected = words.length > 1 ? `${words.slice(0, -1).join(', ')} or ${last}` : last;
  return z.enum(words, { error: phrase(expected, (input) => meant(input)) });
}

const NAME_WORDS = '1 to 64 letters, digits, dots, hyphens or underscores';
/** What people call a thing: in logs, in status and on command lines. */
export const name = () => pattern(/^[A-Za-z0-9_.-]{1,64}$/, `a name of ${NAME_WORDS}`);

/** As the kernel allows it: dev_valid_name() of net/core/dev.c, in printable ASCII. */
export const interfaceName = () =>
  pattern(
    /^(?!\.{1,2}$)[!-.0-9;-~]{1,15}$/,
    'the name of a network interface: at most 15 characters, no slash, colon or blank',
  );

export function pattern(expression: RegExp, expected: string) {
  const words = phrase(expected);
  return z.string({ error: words }).regex(expression, { error: words });
}

export const mapping = (content: string) => ({ error: phrase(`a mapping of ${content}`) });

/** A file, named from the root: what the daemon's working directory is, nobody knows. */
export const filePath = (example: string) =>
  pattern(/^\/[^\0\n]{1,4095}$/, `a path that begins with a slash such as ${example}`);

/** Text of one line, neither empty nor endless. */
export const text = (expected: string) => pattern(/^[^\0\r\n]{1,1024}$/, expected);

/** A few of the same thing, of which one need not be written as a list. */
export function oneOrMore<Item extends z.ZodType>(item: Item, words: string) {
  const many = z.array(item, { error: phrase(words) }).min(1, { error: phrase(words) });
  return z
    .union([item, many], { error: phrase(words) })
    .transform((value): readonly z.output<Item>[] =>
      Array.isArray(value) ? value : [value as z.output<Item>],
    );
}

const STATUS = 'a status from 100 to 599 such as 200, a range such as 200-299, or a list of them';

/** One status, a range, or a list of both. */
export function status() {
  const words = { error: phrase(STATUS) };
  const one = z.int(words).min(100, words).max(599, words);
  const range = z
    .string(words)
    .regex(/^[1-5]\d\d(?:-[1-5]\d\d)?$/, words)
    .refine(isAscending, words);
  const item = z.union([one, range], words);
  return z
    .union([one, range, z.array(item, words).min(1, words)], words)
    .transform((value) => (Array.isArray(value) ? value : [value]).map(toRange));
}

function isAscending(text: string): boolean {
  const { from, to } = toRange(text);
  return from <= to;
}

function toRange(value: number | string): StatusRange {
  const [from = '', to = from] = String(value).split('-');
  return { from: Number(from), to: Number(to) };
}
