/** What a request says, field by field: what is missing, unknown or not what it should be is refused by its name. */
import { Refusal } from './refusal.ts';

/** What a field may hold; `words` completes `it must be …`. */
export interface Field<Value> {
  readonly words: string;
  readonly accepts: (value: unknown) => value is Value;
  readonly optional?: true;
}

type Fields = Readonly<Record<string, Field<unknown>>>;
type ValueOf<Of> = Of extends Field<infer Value> ? Value : never;
/** What a document with these fields is. */
export type Checked<Of extends Fields> = {
  readonly [Name in keyof Of]: Of[Name] extends { readonly optional: true }
    ? ValueOf<Of[Name]> | undefined
    : ValueOf<Of[Name]>;
};

/** The document with these fields that `value` is. Throws a Refusal that tells of the first thing that is wrong. */
export function checked<const Of extends Fields>(value: unknown, fields: Of): Checked<Of> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Refusal(400, `the body is ${shown(value)}, not an object with ${namesOf(fields)}`);
  const given = new Map<string, unknown>(Object.entries(value));
  for (const name of given.keys())
    if (!Object.hasOwn(fields, name))
      throw new Refusal(400, `there is no field ${shown(name)} in this request, only ${namesOf(fields)}`);
  for (const [name, { words, accepts, optional }] of Object.entries(fields)) {
    const held = given.get(name);
    if (held === undefined && optional === true) continue;
    if (held === undefined) throw new Refusal(400, `the field "${name}" is missing: it must be ${words}`);
    if (!accepts(held)) throw new Refusal(400, `the field "${name}" is ${shown(held)}: it must be ${words}`);
  }
  // Each was accepted above.
  return Object.fromEntries(given) as Checked<Of>;
}

const namesOf = (fields: Fields): string =>
  Object.entries(fields)
    .map(([name, { optional }]) => `"${name}"${optional === true ? ' (optional)' : ''}`)
    .join(', ');

/** So much of what somebody sent is sent back. */
const MOST_SHOWN = 80;

function shown(value: unknown): string {
  if (Array.isArray(value) && value.length > 3) return `a list of ${value.length}`;
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length <= MOST_SHOWN ? text : `${text.slice(0, MOST_SHOWN)}…`;
}

export const text = (limit: number, what: string): Field<string> => ({
  words: `${what}, a text of up to ${limit} characters`,
  accepts: (value): value is string => typeof value === 'string' && value.length <= limit,
});

export const wholeNumber = (limit: number, what: string): Field<number> => ({
  words: `${what}, a whole number from 0 to ${limit}`,
  accepts: (value): value is number =>
    Number.isInteger(value) && Number(value) >= 0 && Number(value) <= limit,
});

export const yesOrNo: Field<boolean> = {
  words: 'true or false',
  accepts: (value) => typeof value === 'boolean',
};

export const listOfTexts = (limit: number, what: string): Field<readonly string[]> => ({
  words: `a list of up to ${limit} ${what}`,
  accepts: (value): value is readonly string[] =>
    Array.isArray(value) && value.length <= limit && value.every((each) => typeof each === 'string'),
});

export const oneOf = <const Word extends string>(words: readonly Word[]): Field<Word> => ({
  words: `one of ${words.join(', ')}`,
  accepts: (value): value is Word => words.some((word) => word === value),
});

export const optional = <Value>(field: Field<Value>) => ({ ...field, optional: true }) as const;
