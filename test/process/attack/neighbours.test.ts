/** Adverts find their way out whatever strangers put into the neighbour table. */
import { afterEach, describe, expect, it } from 'vitest';
import { startDaemon } from '../../lab/support/daemon.ts';
import { Lab } from '../../lab/support/lab.ts';

let lab: Lab | undefined;
afterEach(() => lab?.close());

const FILE = `
virtual_routers:
  web:
    interface: eth0
    vrid: 51
    advert_interval: 100ms
    addresses: [10.1.1.254/24, 2001:db8::254/64]
`;
const GROUPS = [
  /224\.0\.0\.18 dev eth0 lladdr 01:00:5e:00:00:12 PERMANENT/,
  /ff02::12 dev eth0 lladdr 33:33:00:00:00:12 PERMANENT/,
];

const PEERS = ['10.1.1.5', 'fd00:1::5'];
/** How soon the kernel doubts what it knows of a neighbour. */
const QUICKLY = ['base_reachable_time_ms=500', 'delay_first_probe_time=1', 'retrans_time_ms=100'];
const UNICAST = `
virtual_routers:
  web:
    interface: eth0
    vrid: 51
    advert_interval: 100ms
    peers: [10.1.1.6, ${PEERS.join(', ')}]
    addresses: [10.1.1.254/24, 2001:db8::254/64]
`;

describe('the neighbour entries of unicast peers', () => {
  it('stay in the table, looked up by the kernel as ever, and those that are permanent stay so', async () => {
    lab = await Lab.create();
    const lan = await lab.addSwitch('lan');
    const host = (name: string, number: number) =>
      lab?.addHost(name, {
        ports: [{ on: lan, addresses: [`10.1.1.${number}/24`, `fd00:1::${number}/64`] }],
      });
    const [node, peer] = [await host('one', 4), await host('two', 5)];
    if (node === undefined || peer === undefined) throw new Error('no lab');
    const macOf = async () => /ether (\S+)/.exec(await peer.run('ip link show eth0'))?.[1] ?? 'none';
    await node.run('ip neigh add 10.1.1.6 dev eth0 lladdr 02:00:00:00:00:06 nud permanent');
    // One that the kernel has looked up already.
    await node.run(`ip neigh add 10.1.1.5 dev eth0 lladdr ${await macOf()} nud stale`);
    for (const family of ['ipv4', 'ipv6'])
      await node.run(
        `sysctl -qw ${QUICKLY.map((setting) => `net.${family}.neigh.eth0.${setting}`).join(' ')}`,
      );
    const daemon = await startDaemon(node, UNICAST);
    await daemon.said('virtual router web: MASTER');
    const entryOf = (address: string) => node.run(`ip neigh show ${address} dev eth0`);
    const resolved = async (mac: string) => {
      for (const address of PEERS)
        await expect
          .poll(() => entryOf(address), { timeout: 60_000 })
          .toMatch(new RegExp(`lladdr ${mac} .*extern_learn`));
    };
    await resolved(await macOf());

    // Another network card: no stale entry keeps the adverts from it.
    await peer.run(
      'ip link set eth0 down && ip link set eth0 address 02:00:00:00:00:55 && ip link set eth0 up',
    );
    await peer.run('ip addr replace fd00:1::5/64 dev eth0 nodad');
    await resolved('02:00:00:00:00:55');
    expect(await entryOf('10.1.1.6')).toMatch(/02:00:00:00:00:06 PERMANENT/);
    await daemon.stop();
    for (const address of PEERS) expect(await entryOf(address)).not.toContain('extern_learn');
    expect(await entryOf('10.1.1.6')).toMatch(/02:00:00:00:00:06 PERMANENT/);
  });
});

describe('the neighbour entries of the VRRP groups', () => {
  it('are permanent, also after the link was down, so that no flood crowds them out', async () => {
    lab = await Lab.create();
    const lan = await lab.addSwitch('lan');
    const node = await lab.addHost('one', { ports: [{ on: lan, addresses: ['10.1.1.4/24'] }] });
    const daemon = await startDaemon(node, FILE);
    await daemon.said('virtual router web: MASTER');
    const entries = () => node.run('ip neigh show dev eth0 nud permanent; ip neigh show nud permanent');
    for (const group of GROUPS) expect(await entries()).toMatch(group);

    await node.run('ip link set eth0 down');
    await daemon.said('virtual router web: FAULT');
    const since = daemon.log.mark;
    await node.run('ip link set eth0 up');
    await daemon.said('virtual router web: BACKUP', { since });
    for (const group of GROUPS) await expect.poll(entries).toMatch(group);
    await daemon.stop();
    for (const group of GROUPS) expect(await entries()).not.toMatch(group);
  });
});
