/** A restart takes the configuration as it was read before, unless the file is another. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startDaemon } from '../../lab/support/daemon.ts';
import { Lab } from '../../lab/support/lab.ts';
import type { NamespaceNode } from '../../lab/support/network.ts';
import { until } from '../../support/until.ts';

let lab: Lab;
let director: NamespaceNode;
beforeAll(async () => {
  lab = await Lab.create();
  const lan = await lab.addSwitch('lan');
  director = await lab.addHost('lvs1', { ports: [{ on: lan, addresses: ['10.1.1.4/24'] }] });
});
afterAll(() => lab?.close());

const config = (vrid: number) => `
virtual_routers:
  web: { interface: eth0, vrid: ${vrid}, priority: 150, advert_interval: 100ms, addresses: [10.1.1.254/24] }
`;

/** How it started, and what it holds; `wait`: ends when it has kept that. */
async function run(yaml: string, wait = false) {
  const daemon = await startDaemon(director, yaml);
  const { kept } = await daemon.said(' starts');
  await daemon.said('virtual router web: MASTER');
  const { configuration, virtualRouters } = await daemon.status();
  if (wait) {
    const file = join(director.scratch, 'vipward/state/configuration.kept');
    await until(() => existsSync(file));
  }
  await daemon.stop();
  return { kept, digest: configuration.digest, vrid: virtualRouters[0]?.vrid };
}

it('once it is kept, until the file changes', async () => {
  const first = await run(config(51), true);
  expect(first).toMatchObject({ kept: false, vrid: 51 });
  expect(await run(config(51))).toEqual({ ...first, kept: true });
  expect(await run(config(52))).toMatchObject({ kept: false, vrid: 52 });
});

it('and what was kept goes when the file is refused: it may hold a password of before', async () => {
  const file = join(director.scratch, 'vipward/state/configuration.kept');
  const daemon = await startDaemon(director, config(51));
  await until(() => existsSync(file));
  await daemon.configure(config(256));
  const { code } = await daemon.command('reload');
  expect([code === 0, existsSync(file)]).toEqual([false, false]);
  await daemon.stop();
});
