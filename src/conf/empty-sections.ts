/** A section whose keys are all commented out is null to YAML, and an empty section to the person who did that. */
import * as z from 'zod';
import { isMapping } from './mapping.ts';
import { branchesOf, schemaAt, unwrap } from './schema-walk.ts';

/** The value with `{}` wherever `schema` has a mapping and the file has nothing. */
export function fillEmptySections(schema: z.core.$ZodType, value: unknown): unknown {
  // Nearly everything: a value alone cannot hold a section, and looking at its schema takes its time.
  if (value !== null && typeof value !== 'object') return value;
  const inner = unwrap(schema);
  if (inner instanceof z.ZodUnion) return fillBranch(inner, value);
  if (inner instanceof z.ZodArray) {
    return Array.isArray(value) ? value.map((item) => fillEmptySections(inner.element, item)) : value;
  }
  if (!(inner instanceof z.ZodObject || inner instanceof z.ZodRecord)) return value;
  if (value === null) return {};
  if (!isMapping(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const schemaOfKey = schemaAt(inner, [key]);
      return [key, schemaOfKey === undefined ? item : fillEmptySections(schemaOfKey, item)];
    }),
  );
}

/** A key that may also have a mapping, where that mapping needs no key. */
function fillBranch(union: z.ZodUnion, value: unknown): unknown {
  const options = branchesOf(union);
  const list = options.find((option) => option instanceof z.ZodArray);
  if (list !== undefined && Array.isArray(value)) return fillEmptySections(list, value);
  const mapping = options.find((option) => option instanceof z.ZodObject);
  if (mapping === undefined || !(value === null || isMapping(value))) return value;
  return value === null && !mapping.safeParse({}).success ? value : fillEmptySections(mapping, value);
}
