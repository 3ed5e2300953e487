/** What a process that was killed has left in the kernel, and what somebody does to links of ours. */
import { afterEach, describe, expect, it } from 'vitest';
import { startDaemon } from '../../lab/support/daemon.ts';
import { Lab } from '../../lab/support/lab.ts';
import type { NamespaceNode } from '../../lab/support/network.ts';

let lab: Lab | undefined;
afterEach(() => lab?.close());

async function createNode(): Promise<NamespaceNode> {
  lab = await Lab.create();
  const lan = await lab.addSwitch('lan');
  return lab.addHost('one', { ports: [{ on: lan, addresses: ['10.1.1.4/24'] }] });
}

/** Whoever stands still for three of these intervals gives up what is looked at here, which a busy machine must not bring about. */
const ROUTED = `
virtual_routers:
  web:
    interface: eth0
    vrid: 51
    advert_interval: 500ms
    addresses: [10.1.1.254/24]
    routes:
      - { to: 10.50.0.0/16, via: 10.1.1.9 }
      - { to: 10.51.0.0/16, type: blackhole, table: 100 }
    rules: [{ from: 10.1.1.254, table: 100, priority: 1000 }]
`;
const STATIC = `
static:
  routes: [{ to: 10.60.0.0/16, via: 10.1.1.8, device: eth0 }]
  rules: [{ to: 10.60.0.0/16, table: 101, priority: 2000 }]
`;
const OTHER = `
virtual_routers:
  other: { interface: eth0, vrid: 52, advert_interval: 500ms, addresses: [10.1.1.253/24] }
`;

const ownOf = async (node: NamespaceNode): Promise<string> =>
  (await node.run('ip route show table all proto 112; ip rule | grep "proto 112" || true')).trim();

describe('routes and rules of a process that was killed', () => {
  it('go when the next one does not hold them, and those stay that are always there', async () => {
    const node = await createNode();
    const first = await startDaemon(node, ROUTED + STATIC);
    await first.said('virtual router web: MASTER');
    await first.crash();
    expect(await ownOf(node)).toMatch(/blackhole 10\.51\.0\.0\/16.*10\.50\.0\.0\/16.*1000:/s);

    const second = await startDaemon(node, OTHER + STATIC, { instance: 'second' });
    await second.said('virtual router other: MASTER');
    const left = await ownOf(node);
    expect(left).toMatch(/10\.60\.0\.0\/16 via 10\.1\.1\.8.*2000:/s);
    expect(left).not.toMatch(/10\.5[01]\.|1000:/);
    await second.stop();
    expect(await ownOf(node)).toBe('');
  });
});

describe('a macvlan of ours', () => {
  it('that somebody renames makes way for a new one, which is up', async () => {
    const node = await createNode();
    const daemon = await startDaemon(
      node,
      'virtual_routers: { vm: { interface: eth0, vrid: 51, advert_interval: 500ms, addresses: [10.1.1.254/24], vmac: true } }',
    );
    await daemon.said('virtual router vm: MASTER');
    await node.run('ip link set vrrp.51 name foreign');
    await daemon.said('was gone from vrrp.51: put back');
    await expect
      .poll(() => node.run('ip -br address'), { timeout: 60_000 })
      .toMatch(/^vrrp\.51@\S+ +UP +10\.1\.1\.254\/24/m);
    expect(await node.run('ip -br link')).not.toMatch(/foreign/);
  });
});
