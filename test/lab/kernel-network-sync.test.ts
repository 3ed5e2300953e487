/** The kernel's sync daemon, as we start and stop it: beside ipvsadm, and between two kernels. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DaemonRole, DaemonSpec } from '../../src/kernel/ipvs.ts';
import type { IpAddress } from '../../src/model/address.ts';
import type { Kernel } from './support/kernel.ts';
import type { Lab } from './support/lab.ts';
import type { Node } from './support/node.ts';
import { prepareDirectRouting, startRealServer } from './support/tools.ts';
import { createSyncStage } from './sync-stage.ts';

const VIP = '10.1.1.254';
let lab: Lab;
let one: Kernel;
let two: Kernel;
let client: Node;
let web: Node;

beforeAll(async () => {
  ({ one, two, client, web } = await createSyncStage((created) => {
    lab = created;
  }));
  for (const kernel of [one, two]) await kernel.run('ip addr add fd00::1/64 dev eth0 nodad');
});
afterAll(() => lab?.close());

const PROGRAM = ['node', 'test/lab/kernel-network-daemon.ts'];
const drive = async (kernel: Kernel, ...args: string[]): Promise<unknown> =>
  JSON.parse(await kernel.run([...PROGRAM, ...args]));
const start = (kernel: Kernel, spec: DaemonSpec) => drive(kernel, 'start', JSON.stringify(spec));
const stop = (kernel: Kernel, role: DaemonRole, id: number) => drive(kernel, 'stop', role, String(id));
const shown = async (kernel: Kernel): Promise<string[]> =>
  (await kernel.run('ipvsadm -L --daemon')).split('\n').filter((line) => line !== '');
/** A state that the kernel reaches by and by, and tells nobody: its threads end on their own time. */
const until = (kernel: Kernel, condition: string): Promise<string> =>
  kernel.run(`for i in $(seq 300); do if ${condition}; then exit 0; fi; sleep 0.1; done; exit 1`);

describe('sync daemons beside ipvsadm', () => {
  it('one of each role, with every option', async () => {
    const master: DaemonSpec = {
      role: 'master',
      interface: 'eth0',
      syncId: 7,
      maxLength: 1200,
      group: '224.0.0.99' as IpAddress,
      port: 9000,
      ttl: 5,
    };
    expect(await start(one, master)).toBe('started');
    expect(await start(one, { role: 'backup', interface: 'eth0', syncId: 255 })).toBe('started');
    expect(await shown(one)).toEqual([
      'master sync daemon (mcast=eth0, syncid=7, maxlen=1200, group=224.0.0.99, port=9000, ttl=5)',
      'backup sync daemon (mcast=eth0, syncid=255, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)',
    ]);
    expect(await drive(one, 'list')).toEqual([
      master,
      {
        role: 'backup',
        interface: 'eth0',
        syncId: 255,
        maxLength: 1472,
        group: '224.0.0.81',
        port: 8848,
        ttl: 1,
      },
    ]);
  });

  it('refuses a second of a role, and tells what it is', async () => {
    expect(await start(one, { role: 'master', interface: 'eth0', syncId: 8 })).toEqual({
      error: expect.stringMatching(/^start master sync daemon 8 on eth0: .*EEXIST.*runs already/),
    });
  });

  it('stops the one with this id only', async () => {
    expect(await stop(one, 'master', 8)).toBe(false);
    expect(await stop(one, 'master', 7)).toBe(true);
    expect(await stop(one, 'backup', 255)).toBe(true);
    await until(one, 'test -z "$(ipvsadm -L --daemon)"');
    expect(await drive(one, 'list')).toEqual([]);
    expect(await stop(one, 'master', 7)).toBe(false);
  });

  it('an IPv6 group', async () => {
    const spec: DaemonSpec = {
      role: 'master',
      interface: 'eth0',
      syncId: 1,
      group: 'ff02::99' as IpAddress,
    };
    expect(await start(one, spec)).toBe('started');
    expect(await shown(one)).toEqual([
      expect.stringMatching(/^master sync daemon \(mcast=eth0, syncid=1, .*group=ff02::99/),
    ]);
    expect(await drive(one, 'list')).toMatchObject([spec]);
    expect(await stop(one, 'master', 1)).toBe(true);
    await until(one, 'test -z "$(ipvsadm -L --daemon)"');
  });

  it('what ipvsadm started is listed', async () => {
    await one.run('ipvsadm --start-daemon backup --mcast-interface eth0 --syncid 9');
    expect(await drive(one, 'list')).toMatchObject([{ role: 'backup', interface: 'eth0', syncId: 9 }]);
    expect(await stop(one, 'backup', 9)).toBe(true);
    await until(one, 'test -z "$(ipvsadm -L --daemon)"');
  });

  it('a link that is not there, an id past the last, a group that is none', async () => {
    expect(await start(one, { role: 'master', interface: 'nix0', syncId: 1 })).toEqual({
      error: expect.stringMatching(/nix0.*ENODEV/),
    });
    expect(await start(one, { role: 'master', interface: 'eth0', syncId: 256 })).toEqual({
      error: 'sync id 256 is not 0 to 255',
    });
    expect(
      await start(one, { role: 'master', interface: 'eth0', syncId: 1, group: '10.1.1.1' as IpAddress }),
    ).toEqual({ error: expect.stringMatching(/EINVAL.*multicast/) });
    expect(await shown(one)).toEqual([]);
  });
});

it('a connection of the master is known to the backup', async () => {
  await prepareDirectRouting(web, VIP);
  await startRealServer(web, { body: 'web' });
  await one.run(
    `ip addr add ${VIP}/24 dev eth0; ipvsadm -A -t ${VIP}:80 -s rr; ipvsadm -a -t ${VIP}:80 -r 10.1.1.2 -g`,
  );
  await start(one, { role: 'master', interface: 'eth0', syncId: 12 });
  await start(two, { role: 'backup', interface: 'eth0', syncId: 12 });
  // A connection is told after some packets, so it must be more than one answer long.
  const url = `http://${VIP}/`;
  expect(await client.run(['curl', '-sS', '--max-time', '60', ...Array(10).fill(url)])).toBe(
    'web\n'.repeat(10),
  );
  await until(two, `ipvsadm -Lnc | grep -q '10.1.1.100:.*${VIP}:80.*10.1.1.2:80'`);
  const known = /TCP.* 10\.1\.1\.100:\d+ +10\.1\.1\.254:80 +10\.1\.1\.2:80/;
  expect(await one.run('ipvsadm -Lnc')).toMatch(known);
  expect(await two.run('ipvsadm -Lnc')).toMatch(known);
});
