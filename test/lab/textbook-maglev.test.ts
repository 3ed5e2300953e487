/**
 * Two directors that choose the same by themselves: with mh, mh-port and no connection synchronisation, connections
 * live through the loss of the active director, since the other one takes their packets for those of new connections
 * (sloppy_tcp, which vipward sets) and hashes them to the same real servers. Of either family.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startNamingServer } from './support/calls.ts';
import { type Daemon, startDaemon } from './support/daemon.ts';
import type { Kernel } from './support/kernel.ts';
import { Lab } from './support/lab.ts';
import { Talker } from './support/talks.ts';
import { prepareDirectRouting } from './support/tools.ts';

const VIP = { web: '10.1.1.254', web6: 'fd00:1::fe' } as const;
const REAL = {
  web: ['10.1.1.11', '10.1.1.12', '10.1.1.13'],
  web6: ['fd00:1::11', 'fd00:1::12', 'fd00:1::13'],
} as const;
const PORT = 7_000;
/** To each VIP. */
const CONNECTIONS = 30;

/** In an order of each director's own. */
const config = (priority: number, real: readonly string[]): string => `
virtual_routers:
  web: { interface: eth0, vrid: 51, priority: ${priority}, advert_interval: 1s, addresses: [${VIP.web}/24, "fe80::254/64", "${VIP.web6}/64"] }
services:
  web:
    address: [${VIP.web}, "${VIP.web6}"]
    port: ${PORT}
    scheduler: mh
    scheduler_flags: [mh-port, mh-fallback]
    forwarding: dr
    real_servers: [${real.map((address) => `{ address: "${address}" }`)}]
`;

let lab: Lab;
let one: Kernel;
let standby: Daemon;
let talker: Talker;

beforeAll(async () => {
  lab = await Lab.create();
  const lan = await lab.addSwitch('lan');
  const port = (last: number) => ({
    on: lan,
    addresses: [`10.1.1.${last}/24`, `fd00:1::${last}/64 nodad`],
  });
  const client = await lab.addHost('client', { ports: [port(100)] });
  one = await lab.addKernel('lvs1', { ports: [port(4)] });
  const two = await lab.addKernel('lvs2', { ports: [port(5)] });
  await Promise.all([one.boot(), two.boot()]);
  for (const last of [11, 12, 13]) {
    const node = await lab.addHost(`web${last}`, { ports: [port(last)] });
    await prepareDirectRouting(node, VIP.web);
    await node.run(`ip address add ${VIP.web6}/128 dev lo nodad`);
    await startNamingServer(node, node.name, [`tcp/${PORT}`]);
  }
  const real = [...REAL.web, ...REAL.web6];
  const active = await startDaemon(one, config(150, real));
  await active.said('virtual router web: MASTER');
  standby = await startDaemon(two, config(100, real.toReversed()));
  talker = await Talker.start(client, {
    targets: VIP,
    port: PORT,
    silentPort: PORT,
    count: CONNECTIONS,
    interval: 250,
  });
});
afterAll(() => lab?.close());

it('connections outlive the active director without being synchronised', async () => {
  const each = { alive: CONNECTIONS, lost: [], moved: 0, longest: expect.any(Number) };
  const all = { web: each, web6: each };
  expect(await talker.begun()).toEqual(all);
  const since = standby.log.mark;
  one.kill();
  const after = await talker.tell('round');
  expect(after).toEqual(all);
  await standby.said('virtual router web: MASTER', { since });
  // Every one of the real servers has some of them.
  const table = await standby.node.run(`ipvsadm -Lnc | grep ':${PORT} ' || true`);
  for (const server of REAL.web) expect(table).toContain(` ${server}:${PORT}`);
  for (const server of REAL.web6) expect(table).toContain(` [${server}]:${PORT}`);
});
