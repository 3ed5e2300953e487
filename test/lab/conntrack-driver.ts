/**
 * Makes connections known to the connection tracking of the node that it runs on: `JSON`, and `JSON` of those that are
 * in doubt. Prints what became of them.
 */
import { trackConnections } from '../../src/kernel/conntrack.ts';
import type { TranslatedConnection } from '../../src/model/connections.ts';

const [connections = [], doubtful] = process.argv
  .slice(2)
  .map((json) => JSON.parse(json) as readonly TranslatedConnection[]);
const { made, there, errors } = await trackConnections(connections, doubtful);
console.log(JSON.stringify({ made, there, errors: errors.map(String) }));
