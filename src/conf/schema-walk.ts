/** Finding one's way in a zod schema. */
import * as z from 'zod';
import type { Path } from './finding.ts';

/** The schema behind `optional()`, the defaults and what is made of the value afterwards. */
export function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  let inner = schema;
  while (true) {
    if (inner instanceof z.ZodOptional || inner instanceof z.ZodPrefault) inner = inner.unwrap();
    else if (inner instanceof z.ZodPipe) inner = inner.in;
    else return inner;
  }
}

/** What `path` is held against; undefined where the schema knows nothing of it. */
export function schemaAt(schema: z.core.$ZodType, path: Path): z.core.$ZodType | undefined {
  let at = unwrap(schema);
  for (const part of path) {
    const next = step(at, part);
    if (next === undefined) return undefined;
    at = unwrap(next);
  }
  return at;
}

/** The keys that the mapping at `path` may have; none where it is no mapping, or one of names that people choose. */
export function knownKeys(schema: z.core.$ZodType, path: Path): readonly string[] {
  const at = schemaAt(schema, path);
  if (at === undefined) return [];
  return branchesOf(at).flatMap((branch) => (branch instanceof z.ZodObject ? Object.keys(branch.shape) : []));
}

/** What a value may be: the branches of a union, also of one within it, or the one schema itself. */
export function branchesOf(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  const inner = unwrap(schema);
  return inner instanceof z.ZodUnion ? inner.options.flatMap(branchesOf) : [inner];
}

/** Of a union the way through the branch that has `part`: no two of them are mappings, or lists. */
function step(schema: z.core.$ZodType, part: string | number): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodObject)
    return Object.hasOwn(schema.shape, part) ? schema.shape[part] : undefined;
  if (schema instanceof z.ZodRecord) return schema.valueType;
  if (schema instanceof z.ZodArray) return schema.element;
  if (!(schema instanceof z.ZodUnion)) return undefined;
  for (const option of schema.options) {
    const next = step(unwrap(option), part);
    if (next !== undefined) return next;
  }
  return undefined;
}
