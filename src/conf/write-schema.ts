/** `npm run schema`: writes conf/vipward.schema.json. */
import { writeFileSync } from 'node:fs';
import { jsonSchemaText } from './json-schema.ts';

writeFileSync(new URL('../../conf/vipward.schema.json', import.meta.url), jsonSchemaText());
