/**
 * What can be read of a file whose shape is not right throughout, so that the rules still find what is wrong with
 * the rest and an administrator sees everything in one go.
 */
import * as z from 'zod';
import type { Prefix } from '../model/address.ts';
import type { StatusRange } from '../model/check.ts';
import type { Endpoint } from './address-fields.ts';
import { isMapping } from './mapping.ts';

type Leaf = string | number | boolean | Prefix | Endpoint | readonly StatusRange[];

/**
 * The same shape with holes: undefined is a value that is missing or wrong, which has been reported already. An
 * optional key that the file does not give is not there at all (`'check' in service` is false).
 */
export type Draft<T> = T extends Leaf
  ? T
  : T extends readonly (infer Item)[]
    ? readonly (Draft<Item> | undefined)[]
    : T extends object
      ? { readonly [Key in keyof T]?: Draft<T[Key]> | undefined }
      : T;

/** Reads each leaf by itself. */
export function salvage<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): Draft<z.output<Schema>> | undefined {
  return salvageValue(schema, value) as Draft<z.output<Schema>> | undefined;
}

function salvageValue(schema: z.core.$ZodType, value: unknown): unknown {
  if (schema instanceof z.ZodOptional) return salvageValue(schema.unwrap(), value);
  if (schema instanceof z.ZodPrefault) {
    return value === undefined ? leaf(schema, value) : salvageValue(schema.unwrap(), value);
  }
  if (schema instanceof z.ZodArray) {
    return Array.isArray(value) ? value.map((item) => salvageValue(schema.element, item)) : undefined;
  }
  if (schema instanceof z.ZodObject) return isMapping(value) ? salvageObject(schema, value) : undefined;
  if (schema instanceof z.ZodRecord) {
    if (!isMapping(value)) return undefined;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, salvageValue(schema.valueType, item)]),
    );
  }
  return leaf(schema, value);
}

function salvageObject(schema: z.ZodObject, value: Readonly<Record<string, unknown>>): unknown {
  const given = Object.entries(schema.shape).filter(
    ([key, inner]) => Object.hasOwn(value, key) || !(inner instanceof z.ZodOptional),
  );
  return Object.fromEntries(given.map(([key, inner]) => [key, salvageValue(inner, ownValue(value, key))]));
}

const ownValue = (value: Readonly<Record<string, unknown>>, key: string): unknown =>
  Object.hasOwn(value, key) ? value[key] : undefined;

function leaf(schema: z.core.$ZodType, value: unknown): unknown {
  const result = z.safeParse(schema, value);
  return result.success ? result.data : undefined;
}
