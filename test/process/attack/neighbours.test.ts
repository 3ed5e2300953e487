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
    await node.run('ip link set eth0 up');
    await daemon.said('virtual router web: BACKUP');
    for (const group of GROUPS) expect(await entries()).toMatch(group);
    await daemon.stop();
    for (const group of GROUPS) expect(await entries()).not.toMatch(group);
  });
});
