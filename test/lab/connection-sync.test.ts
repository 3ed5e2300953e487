/** The kernel's sync daemons follow a virtual router, on two directors that change places. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { IpAddress } from '../../src/model/address.ts';
import type { ConnectionSync } from '../../src/model/sync.ts';
import type { Kernel } from './support/kernel.ts';
import type { Lab } from './support/lab.ts';
import type { Node } from './support/node.ts';
import { prepareDirectRouting, startRealServer } from './support/tools.ts';
import { createSyncStage } from './sync-stage.ts';

const VIP = '10.1.1.254';
const SYNC = { interface: 'eth0', id: 12, maxLength: 1200, port: 9000 };
let lab: Lab;
let one: Kernel;
let two: Kernel;
let client: Node;
let web: Node;

beforeAll(async () => {
  ({ one, two, client, web } = await createSyncStage((created) => {
    lab = created;
  }));
  await prepareDirectRouting(web, VIP);
  await startRealServer(web, { body: 'web' });
  for (const kernel of [one, two])
    await kernel.run(`ipvsadm -A -t ${VIP}:80 -s rr; ipvsadm -a -t ${VIP}:80 -r 10.1.1.2 -g`);
});
afterAll(() => lab?.close());

type State = 'active' | 'backup' | 'stop';
interface Report {
  readonly lines: readonly string[];
  readonly role: string | undefined;
  readonly problem: string | undefined;
  readonly foreign: readonly string[];
}

const keep = async (kernel: Kernel, states: readonly State[], more: Partial<ConnectionSync> = {}) => {
  const configuration = JSON.stringify({ ...SYNC, ...more });
  const program = ['node', 'test/lab/connection-sync-driver.ts', configuration, ...states];
  return JSON.parse(await kernel.run(program)) as Report;
};
/** The daemons that run, once there are `count`: the kernel ends them by and by. */
const daemons = async (kernel: Kernel, count = 1): Promise<string[]> => {
  const counted = `[ $(ipvsadm -L --daemon | grep -c daemon) = ${count} ]`;
  await kernel.run(`for i in $(seq 300); do if ${counted}; then exit 0; fi; sleep 0.1; done; exit 1`);
  return (await kernel.run('ipvsadm -L --daemon')).split('\n').filter((line) => line !== '');
};
const options = '(mcast=eth0, syncid=12, maxlen=1200, group=224.0.0.81, port=9000, ttl=1)';

/**
 * Serves connections that begin now through `active`, until `backup` knows one of them. Which connection is which can
 * be told by how the client's ports begin.
 */
async function serve(active: Kernel, backup: Kernel, ports: number): Promise<void> {
  await backup.run(`ip addr del ${VIP}/32 dev eth0 2>/dev/null; true`);
  await active.run(`ip addr replace ${VIP}/32 dev eth0`);
  await client.run('ip neigh flush all');
  const urls = Array(10).fill(`http://${VIP}/`);
  const curl = ['curl', '-sS', '--max-time', '60', '--local-port', `${ports}00-${ports}99`];
  expect(await client.run([...curl, ...urls])).toBe('web\n'.repeat(10));
  const known = `ipvsadm -Lnc | grep -q '10.1.1.100:${ports}.. .*${VIP}:80.*10.1.1.2:80'`;
  await backup.run(`for i in $(seq 300); do if ${known}; then exit 0; fi; sleep 0.1; done; exit 1`);
}

it('on each director as its virtual router is, with the connections known on both', async () => {
  expect(await keep(one, ['active'])).toMatchObject({ role: 'master', foreign: [] });
  expect(await keep(two, ['backup'])).toMatchObject({ role: 'backup', foreign: [] });
  expect(await daemons(one)).toEqual([`master sync daemon ${options}`]);
  expect(await daemons(two)).toEqual([`backup sync daemon ${options}`]);
  await serve(one, two, 41);
});

it('the other way round after they have changed places', async () => {
  // A manager that comes back after a crash finds what it left, and changes what has changed.
  const again = await keep(one, ['active', 'backup']);
  expect(again.lines).toEqual([
    'started the backup sync daemon 12 on eth0',
    'stopped the master sync daemon 12 on eth0',
  ]);
  await keep(two, ['active']);
  expect(await daemons(one)).toEqual([`backup sync daemon ${options}`]);
  expect(await daemons(two)).toEqual([`master sync daemon ${options}`]);
  await serve(two, one, 42);
});

it('by way of an IPv6 group', async () => {
  const six = { group: 'ff02::81' as IpAddress };
  await keep(two, ['active'], six);
  await keep(one, ['backup'], six);
  expect(await daemons(one)).toEqual([`backup sync daemon ${options.replace('224.0.0.81', 'ff02::81')}`]);
  await serve(two, one, 43);
});

it('anew with other options, and beside one of somebody else', async () => {
  await one.run('ipvsadm --start-daemon master --mcast-interface eth0 --syncid 99');
  const report = await keep(one, ['backup'], { port: 9001 });
  expect(report.foreign).toEqual(['master sync daemon 99 on eth0']);
  expect(await daemons(one, 2)).toEqual([
    expect.stringContaining('syncid=99'),
    `backup sync daemon ${options.replace('9000', '9001')}`,
  ]);
});

it('not any more after the end', async () => {
  await keep(one, ['backup', 'stop'], { port: 9001 });
  await keep(two, ['active', 'stop']);
  expect(await daemons(one)).toEqual([expect.stringContaining('syncid=99')]);
  expect(await daemons(two, 0)).toEqual([]);
});
