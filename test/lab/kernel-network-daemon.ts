/** Drives the sync daemons of the kernel that it runs on: `list`, `start JSON` or `stop ROLE ID`; prints JSON. */
import { openIpvs } from '../../src/kernel/ipvs.ts';

const [verb = '', ...rest] = process.argv.slice(2);
const ipvs = openIpvs();
try {
  console.log(JSON.stringify(run()));
} catch (error) {
  console.log(JSON.stringify({ error: error instanceof Error ? error.message : String(error) }));
}
ipvs.close();

function run(): unknown {
  const [first = '', second = ''] = rest;
  switch (verb) {
    case 'list':
      return ipvs.listDaemons();
    case 'start':
      ipvs.startDaemon(JSON.parse(first));
      return 'started';
    case 'stop':
      if (first !== 'master' && first !== 'backup') throw new Error(`no role: ${first}`);
      return ipvs.stopDaemon(first, Number(second));
    default:
      throw new Error(`no such verb: ${verb}`);
  }
}
