/** table-dump.ts COUNT: lists the IPVS table so often, and prints what each time took as a JSON list of ms. */
import { openIpvs } from '../../src/kernel/ipvs.ts';

const ipvs = openIpvs();
const times = Array.from({ length: Number(process.argv[2] ?? '1') }, () => {
  const begun = performance.now();
  const realServers = ipvs.dump().reduce((sum, { realServers }) => sum + realServers.length, 0);
  return { ms: performance.now() - begun, realServers };
});
ipvs.close();
process.stdout.write(`${JSON.stringify(times)}\n`);
