/** More virtual routers than are told of in one turn of the loop, all of which become active in the same moment. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Daemon, startDaemon } from '../../lab/support/daemon.ts';
import { becomes, createStage, type Stage } from './stage.ts';

const VRIDS = Array.from({ length: 100 }, (_, i) => i + 1);
const YAML = `
virtual_routers:
${VRIDS.map((vrid) => `  v${vrid}: { interface: eth0, vrid: ${vrid}, advert_interval: 500ms, addresses: [10.1.1.${100 + vrid}/24] }`).join('\n')}
`;

let stage: Stage;
let daemon: Daemon;

beforeAll(async () => {
  stage = await createStage();
  daemon = await startDaemon(stage.one, YAML);
});
afterAll(() => stage?.lab.close());

it('are all told of, and stand so in the status', async () => {
  await Promise.all(VRIDS.map((vrid) => becomes(daemon, `v${vrid}`, 'MASTER')));
  // A machine that stood still meanwhile has made them backups for a while.
  const states = async () => (await daemon.status()).virtualRouters.map(({ state }) => state);
  await expect.poll(states).toEqual(VRIDS.map(() => 'active'));
});
