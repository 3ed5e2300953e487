/** Finding one's way in a zod schema. */
import * as z from 'zod';
import type { Path } from './finding.ts';

/** The schema behind `optional()` and the defaults. */
export function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  let inner = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodPrefault) inner = inner.unwrap();
  return inner;
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

function step(schema: z.core.$ZodType, part: string | number): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodObject)
    return Object.hasOwn(schema.shape, part) ? schema.shape[part] : undefined;
  if (schema instanceof z.ZodRecord) return schema.valueType;
  return schema instanceof z.ZodArray ? schema.element : undefined;
}
