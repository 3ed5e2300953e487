/** A third host that claims a VIP: it is seen, told, counted and answered, once in ten seconds, and the VIP stays. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { NamespaceNode } from '../../lab/support/network.ts';
import { type Observer, observe } from '../../lab/support/tools.ts';
import { type Director, Stage } from './stage.ts';

const VIP = '10.1.1.201';
const VIP6 = '2001:db8::201';
/** Whoever stands still for three of these intervals gives the VIP up. */
const yaml = (priority: number) => `
virtual_routers:
  web: { interface: eth0, vrid: 1, priority: ${priority}, advert_interval: 1s,
    addresses: [${VIP}/24, "fe80::201/64", "${VIP6}/64"] }`;

let stage: Stage;
let one: Director;
let two: Director;
let thief: NamespaceNode;
let wire: Observer;

beforeAll(async () => {
  stage = await Stage.build(2);
  one = stage.director('one');
  two = stage.director('two');
  thief = await stage.lab.addHost('thief', { ports: [{ on: stage.lan, addresses: ['10.1.1.66/24'] }] });
  wire = await observe(stage.lan);
  await one.start(yaml(150));
  await stage.owners.become(VIP, ['one']);
  await two.start(yaml(100));
});
afterAll(() => stage.close());

const macOf = async (node: NamespaceNode) => (await node.run('cat /sys/class/net/eth0/address')).trim();
const conflicts = async () => (await one.daemon.status()).virtualRouters[0]?.counters.conflicts ?? 0;

it('by ARP: the owner tells of it, counts it and announces its addresses again', async () => {
  const mark = one.daemon.log.mark;
  const own = await macOf(one.node);
  const before = await conflicts();
  const seen = wire.events.mark;
  // The kernel announces its addresses when it gets another Ethernet address.
  await thief.run(`echo 1 >/proc/sys/net/ipv4/conf/eth0/arp_notify
    ip address add ${VIP}/24 dev eth0 && ip link set eth0 address 02:00:00:00:66:01`);
  const line = await one.daemon.said(`${VIP} is answered by 02:00:00:00:66:01`, { since: mark });
  expect(line.level).toBe('warn');
  const claim = await wire.events.waitFor(
    (event) => event.kind === 'arp' && event.sender === VIP && event.senderMac === '02:00:00:00:66:01',
    { since: seen },
  );
  await wire.events.waitFor(
    (event) =>
      event.kind === 'arp' &&
      event.gratuitous &&
      event.sender === VIP &&
      event.senderMac === own &&
      event.time > claim.time,
    { since: seen },
  );
  expect(await conflicts()).toBeGreaterThan(before);
  expect(stage.owners.ownersOf(VIP)).toEqual(['one']);
  const { stdout } = await one.daemon.command('status');
  expect(stdout).toMatch(/conflict/i);
});

it('again and again: counted each time, but not answered each time', async () => {
  const before = await conflicts();
  const seen = wire.events.mark;
  const begun = Date.now();
  for (let i = 2; i < 12; i++)
    await thief.run(`ip link set eth0 address 02:00:00:00:66:${String(i).padStart(2, '0')}`);
  await vi.waitFor(async () => expect(await conflicts()).toBeGreaterThan(before + 5), { timeout: 60_000 });
  const own = await macOf(one.node);
  const answers = wire.events.all
    .slice(seen)
    .filter(
      (event) => event.kind === 'arp' && event.gratuitous && event.sender === VIP && event.senderMac === own,
    );
  // A series of an announcement each ten seconds at most, six each.
  const series = 2 + Math.floor((Date.now() - begun) / 10_000);
  expect(answers.length).toBeLessThanOrEqual(6 * series);
});

it('by neighbour discovery, as well', async () => {
  const mark = one.daemon.log.mark;
  await thief.run(`echo 1 >/proc/sys/net/ipv6/conf/eth0/ndisc_notify
    ip address add ${VIP6}/64 dev eth0 nodad && ip link set eth0 address 02:00:00:00:66:99`);
  await one.daemon.said(`${VIP6} is answered by 02:00:00:00:66:99`, { since: mark });
  expect(stage.owners.ownersOf(VIP6)).toEqual(['one']);
});
