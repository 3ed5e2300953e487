/**
 * Two directors that choose the same by themselves: with mh, mh-port and no connection synchronisation, connections
 * live through the loss of the active director, since the other one takes their packets for those of new connections
 * (sloppy_tcp, which vipward sets) and hashes them to the same real servers.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startNamingServer } from './support/calls.ts';
import { type Daemon, startDaemon } from './support/daemon.ts';
import type { Kernel } from './support/kernel.ts';
import { Lab } from './support/lab.ts';
import { Talker } from './support/talks.ts';
import { prepareDirectRouting } from './support/tools.ts';

const VIP = '10.1.1.254';
const REAL = ['10.1.1.11', '10.1.1.12', '10.1.1.13'] as const;
const PORT = 7_000;
const CONNECTIONS = 50;

/** In an order of each director's own. */
const config = (priority: number, real: readonly string[]): string => `
virtual_routers:
  web: { interface: eth0, vrid: 51, priority: ${priority}, advert_interval: 100ms, addresses: [${VIP}/24] }
services:
  web:
    address: ${VIP}
    port: ${PORT}
    scheduler: mh
    scheduler_flags: [mh-port, mh-fallback]
    forwarding: dr
    real_servers: [${real.map((address) => `{ address: ${address} }`)}]
`;

let lab: Lab;
let one: Kernel;
let standby: Daemon;
let talker: Talker;

beforeAll(async () => {
  lab = await Lab.create();
  const lan = await lab.addSwitch('lan');
  const host = (name: string, address: string) =>
    lab.addHost(name, { ports: [{ on: lan, addresses: [`${address}/24`] }] });
  const client = await host('client', '10.1.1.100');
  one = await lab.addKernel('lvs1', { ports: [{ on: lan, addresses: ['10.1.1.4/24'] }] });
  const two = await lab.addKernel('lvs2', { ports: [{ on: lan, addresses: ['10.1.1.5/24'] }] });
  await Promise.all([one.boot(), two.boot()]);
  for (const address of REAL) {
    const node = await host(address, address);
    await prepareDirectRouting(node, VIP);
    await startNamingServer(node, address, [`tcp/${PORT}`]);
  }
  const active = await startDaemon(one, config(150, REAL));
  await active.said('virtual router web: MASTER');
  standby = await startDaemon(two, config(100, REAL.toReversed()));
  talker = await Talker.start(client, {
    targets: { web: VIP },
    port: PORT,
    silentPort: PORT,
    count: CONNECTIONS,
    interval: 250,
  });
});
afterAll(() => lab?.close());

it('connections outlive the active director without being synchronised', async () => {
  const all = { web: { alive: CONNECTIONS, lost: [], moved: 0, longest: expect.any(Number) } };
  expect(await talker.begun()).toEqual(all);
  one.kill();
  const after = await talker.tell('round');
  expect(after).toEqual(all);
  await standby.said('virtual router web: MASTER');
  // Every one of the real servers has some of them.
  const table = await standby.node.run(`ipvsadm -Lnc | grep ':${PORT} ' || true`);
  for (const server of REAL) expect(table).toContain(` ${server}:${PORT}`);
});
