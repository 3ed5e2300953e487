/** A director whose whole machine is paused, as virtual machines are, and wakes up again beside its successor. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Answer } from './owners-asker.ts';
import { type Daemon, startDaemon } from './support/daemon.ts';
import type { Kernel } from './support/kernel.ts';
import { Lab } from './support/lab.ts';
import type { NamespaceNode } from './support/network.ts';
import type { LabProcess } from './support/process.ts';

const VIP = '10.1.1.254';
const VIP6 = '2001:db8::254';
/** Of its addresses, in ms, at this interval of adverts. Others wait for 5 to 6 s: a busy machine stands still, too. */
const LEASE = 6_000;

const yaml = (priority: number) => `
virtual_routers:
  web: { interface: eth0, vrid: 51, priority: ${priority}, advert_interval: 1500ms, preempt: false,
    addresses: [${VIP}/24, "fe80::254/64", "${VIP6}/64"] }`;

let lab: Lab;
let paused: Kernel;
let other: NamespaceNode;
let asker: LabProcess;
const daemons: { paused?: Daemon; other?: Daemon } = {};
/** Ethernet addresses, as the asker writes them. */
const macs = { paused: '', other: '' };

const macOf = async (node: Kernel | NamespaceNode) =>
  (await node.run('cat /sys/class/net/eth0/address')).trim().replaceAll(':', '');
const answers = (): readonly Answer[] => asker.stdout.all.map((line) => JSON.parse(line) as Answer);
const answered = (mac: string, since: number) =>
  asker.stdout.waitFor((line) => (JSON.parse(line) as Answer).mac === mac, {
    since,
    what: `${mac} to answer for ${VIP}`,
  });

beforeAll(async () => {
  lab = await Lab.create();
  const lan = await lab.addSwitch('lan');
  other = await lab.addHost('other', { ports: [{ on: lan, addresses: ['10.1.1.5/24', '2001:db8::5/64'] }] });
  const client = await lab.addHost('client', { ports: [{ on: lan, addresses: ['10.1.1.100/24'] }] });
  paused = await lab.addKernel('paused', {
    ports: [{ on: lan, addresses: ['10.1.1.4/24', '2001:db8::4/64'] }],
    memory: 512,
  });
  await paused.boot();
  macs.paused = await macOf(paused);
  macs.other = await macOf(other);
  const program = `${import.meta.dirname}/owners-asker.ts`;
  asker = await client.spawn(['node', program, 'eth0', '10.1.1.100', VIP, '5']);
  daemons.paused = await startDaemon(paused, yaml(150));
  await daemons.paused.said('virtual router web: MASTER', { timeout: 60_000 });
  daemons.other = await startDaemon(other, yaml(100));
  await answered(macs.paused, 0);
});
afterAll(() => lab?.close());

it('a pause that is shorter than the others wait changes nothing', async () => {
  const since = asker.stdout.mark;
  paused.pause();
  await delay(2_000);
  paused.resume();
  await answered(macs.paused, asker.stdout.mark);
  await delay(3_000);
  expect(
    new Set(
      answers()
        .slice(since)
        .map(({ mac }) => mac),
    ),
  ).toEqual(new Set([macs.paused]));
});

it('a pause that is longer than the lease: awake again, it answers for a moment at most', async () => {
  const mark = daemons.paused?.log.mark ?? 0;
  paused.pause();
  await answered(macs.other, asker.stdout.mark);
  // Beyond the lease as well.
  await delay(LEASE);
  const since = asker.stdout.mark;
  paused.resume();
  const awake = Date.now();
  await daemons.paused?.said('virtual router web: BACKUP: ', { since: mark, timeout: 60_000 });
  // One that fell asleep in the middle of sending an advert claims the addresses and gives them back at once: then the
  // other takes them over a second time, below one interval later.
  await answered(macs.other, asker.stdout.mark);
  await delay(1_500);
  await answered(macs.other, asker.stdout.mark);
  const late = answers()
    .slice(since)
    .filter(({ mac, time }) => mac === macs.paused && time > awake);
  const seconds = Math.max(0, ...late.map(({ time }) => time - awake));
  expect(seconds, 'ms that both answered').toBeLessThan(LEASE);
  const left = await paused.run('ip -o address show dev eth0');
  for (const address of [VIP, VIP6, 'fe80::254']) expect(left).not.toContain(` ${address}/`);
  await answered(macs.other, asker.stdout.mark);
  expect(answers().at(-1)?.mac).toBe(macs.other);
});
