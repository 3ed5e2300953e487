/**
 * One life of a keeper of sync daemons on the kernel that it runs on: `CONFIGURATION STATE…`, each state `active`,
 * `backup` or `stop`. It ends as by a crash, with nothing undone. Prints what was logged, and the status.
 */
import { ConnectionSyncKeeper } from '../../src/manager/connection-sync.ts';
import type { ConnectionSync } from '../../src/model/sync.ts';

const [configuration = '', ...states] = process.argv.slice(2);
const lines: string[] = [];
const keeper = new ConnectionSyncKeeper({ log: (_level, message) => lines.push(message) });
keeper.configure(JSON.parse(configuration) as ConnectionSync);
for (const state of states) {
  if (state === 'stop') keeper.stop();
  else keeper.state(state === 'active');
}
console.log(JSON.stringify({ lines, ...keeper.status }));
process.exit();
