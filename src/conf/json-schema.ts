/** The JSON Schema with which editors complete and check the file, made from the definitions that validate it. */
import * as z from 'zod';
import { configShape } from './schema/index.ts';

/** As committed in conf/vipward.schema.json. Draft 7, since that is what the YAML language servers know. */
export function jsonSchemaText(): string {
  const schema = z.toJSONSchema(configShape, { io: 'input', target: 'draft-7', override: allowEmptySection });
  const titled = {
    ...schema,
    title: 'vipward configuration',
    description: 'The file /etc/vipward/vipward.yaml.',
  };
  return `${JSON.stringify(titled, undefined, 2)}\n`;
}

/** As `empty-sections.ts` does: a mapping that needs no key may also be nothing at all. */
function allowEmptySection({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.type !== 'object' || jsonSchema.required !== undefined) return;
  Object.assign(jsonSchema, { type: ['object', 'null'] });
}
