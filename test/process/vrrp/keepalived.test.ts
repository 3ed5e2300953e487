/** With Debian's keepalived as the other director, in VRRPv3 and on the same wire. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Lab } from '../../lab/support/lab.ts';
import type { NamespaceNode } from '../../lab/support/network.ts';
import type { Node } from '../../lab/support/node.ts';
import type { LabProcess } from '../../lab/support/process.ts';
import { type Observer, observe } from '../../lab/support/tools.ts';
import { losesNoProbe } from '../lossless.ts';
import { Director, holds, VIP, virtualRouter } from './director.ts';

let lab: Lab;
let ours: NamespaceNode;
let theirs: NamespaceNode;
let client: NamespaceNode;
let wire: Observer;

beforeEach(async () => {
  lab = await Lab.create();
  const lan = await lab.addSwitch('lan');
  const host = (name: string, address: string) =>
    lab.addHost(name, { ports: [{ on: lan, addresses: [`${address}/24`] }] });
  ours = await host('ours', '10.1.1.10');
  theirs = await host('theirs', '10.1.1.11');
  client = await host('client', '10.1.1.100');
  wire = await observe(lan);
});

afterEach(async () => {
  await lab.close();
});

async function startKeepalived(node: Node, priority: number, more = ''): Promise<LabProcess> {
  const file = `${node.scratch}/keepalived.conf`;
  await node.writeFile(
    file,
    `global_defs { \n vrrp_version 3 \n }
vrrp_instance web {
  interface eth0
  virtual_router_id 51
  priority ${priority}
  advert_int 0.1
  ${more}
  virtual_ipaddress {
    ${VIP}/24
  }
}
`,
  );
  const pids = ['-p', `${node.scratch}/parent.pid`, '-r', `${node.scratch}/vrrp.pid`];
  return await node.spawn(['keepalived', '-P', '-n', '-l', '-f', file, ...pids]);
}

const entered = (keepalived: LabProcess, state: 'MASTER' | 'BACKUP', since = 0): Promise<string> =>
  keepalived.output.waitFor((line) => line.includes(`(web) Entering ${state} STATE`), { since });

const theirFirstAdvert = (since: number) =>
  wire.events.waitFor((seen) => seen.kind === 'vrrp' && seen.source === '10.1.1.11' && seen.priority > 0, {
    since,
  });
/** Both kinds of director announce what they take over. */
const announcedBy = async (node: NamespaceNode, since: number) => {
  const mac = (await node.run('cat /sys/class/net/eth0/address')).trim();
  await wire.events.waitFor((seen) => seen.kind === 'arp' && seen.sender === VIP && seen.senderMac === mac, {
    since,
  });
};

/** Whether the kernels hold the VIP: keepalived says what it becomes right before it puts or removes it. */
const held = async () => [await holds(ours), await holds(theirs)];

describe('keepalived as the other director', () => {
  it('is the backup of ours, and takes over without a gap when ours stops', async () => {
    let director = await Director.start(ours, [virtualRouter(150)]);
    await director.becomes('active');
    const keepalived = await startKeepalived(theirs, 100);
    await entered(keepalived, 'BACKUP');
    const handOver = async () => {
      const since = wire.events.mark;
      await director.stop();
      await theirFirstAdvert(since);
      await announcedBy(theirs, since);
    };
    await losesNoProbe(client, VIP, handOver, async () => {
      const back = keepalived.output.mark;
      director = await Director.start(ours, [virtualRouter(150)]);
      await director.becomes('active');
      await entered(keepalived, 'BACKUP', back);
    });
    await expect.poll(held).toEqual([false, true]);
  });

  it('hands over to ours when it stops, and gets it back when it returns', async () => {
    const keepalived = await startKeepalived(theirs, 150);
    await entered(keepalived, 'MASTER');
    const director = await Director.start(ours, [virtualRouter(100)]);
    await theirFirstAdvert(wire.events.mark);
    await expect
      .poll(() => director.only())
      .toMatchObject({ state: 'backup', activeRouter: { address: '10.1.1.11', priority: 150 } });
    const before = director.mark;
    keepalived.kill('SIGTERM');
    expect((await director.becomes('active', { since: before })).reason).toBe(
      '10.1.1.11 let go (priority 0)',
    );
    await expect.poll(() => holds(ours)).toBe(true);
    await keepalived.exit;
    const since = director.mark;
    await entered(await startKeepalived(theirs, 150), 'MASTER');
    expect((await director.becomes('backup', { since })).reason).toBe('10.1.1.11 has priority 150');
    await expect.poll(held).toEqual([false, true]);
  });

  it('yields to ours of higher priority', async () => {
    const keepalived = await startKeepalived(theirs, 100);
    await entered(keepalived, 'MASTER');
    const since = keepalived.output.mark;
    const director = await Director.start(ours, [virtualRouter(150)]);
    await director.becomes('active');
    await entered(keepalived, 'BACKUP', since);
    expect((await director.only()).counters.rejected).not.toContainEqual(expect.toSatisfy((n) => n > 0));
  });

  it('loses to ours when it is killed, and its own address stays behind on it', async () => {
    const keepalived = await startKeepalived(theirs, 150);
    await entered(keepalived, 'MASTER');
    const director = await Director.start(ours, [virtualRouter(100)]);
    await theirFirstAdvert(wire.events.mark);
    keepalived.killAll('SIGKILL');
    expect((await director.becomes('active')).reason).toMatch(/^no advert from 10\.1\.1\.11/);
    await expect.poll(held).toEqual([true, true]);
  });

  it('takes over when ours is killed', async () => {
    const director = await Director.start(ours, [virtualRouter(150)]);
    await director.becomes('active');
    const keepalived = await startKeepalived(theirs, 100);
    await entered(keepalived, 'BACKUP');
    director.signal('SIGKILL');
    await entered(keepalived, 'MASTER');
    // It says so right before it puts the address.
    await expect.poll(() => holds(theirs)).toBe(true);
  });

  it('agrees on the address that decides between equal priorities', async () => {
    const keepalived = await startKeepalived(theirs, 100);
    await entered(keepalived, 'MASTER');
    await ours.ports[0]?.disconnect();
    const director = await Director.start(ours, [virtualRouter(100)]);
    await director.becomes('active');
    const since = director.mark;
    await ours.ports[0]?.connect();
    await director.becomes('backup', { since });
    await expect.poll(held).toEqual([false, true]);
  });
});
