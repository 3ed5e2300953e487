/** Makes connections known to the connection tracking of the node that it runs on: `JSON`. Prints what became of them. */
import { trackConnections } from '../../src/kernel/conntrack.ts';
import type { TranslatedConnection } from '../../src/model/connections.ts';

const { made, there, errors } = await trackConnections(
  JSON.parse(process.argv[2] ?? '') as readonly TranslatedConnection[],
);
console.log(JSON.stringify({ made, there, errors: errors.map(String) }));
