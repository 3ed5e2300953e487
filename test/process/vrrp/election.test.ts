import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Lab } from '../../lab/support/lab.ts';
import type { NamespaceNode } from '../../lab/support/network.ts';
import type { Seen, VrrpSeen } from '../../lab/support/observer.ts';
import { type Observer, observe } from '../../lab/support/tools.ts';
import { losesNoProbe } from '../lossless.ts';
import { Director, holds, STEADY, VIP, virtualRouter, watchAddresses } from './director.ts';

const MAC_ONE = '02:00:00:00:00:10';
const MAC_TWO = '02:00:00:00:00:11';

let lab: Lab;
let one: NamespaceNode;
let two: NamespaceNode;
let client: NamespaceNode;
let wire: Observer;

beforeEach(async () => {
  lab = await Lab.create();
  const lan = await lab.addSwitch('lan');
  const host = (name: string, address: string, mac: string) =>
    lab.addHost(name, { ports: [{ on: lan, addresses: [`${address}/24`], mac }] });
  one = await host('one', '10.1.1.10', MAC_ONE);
  two = await host('two', '10.1.1.11', MAC_TWO);
  client = await host('client', '10.1.1.100', '02:00:00:00:00:64');
  wire = await observe(lan);
});

afterEach(async () => {
  await lab.close();
});

const adverts = (source: string): readonly VrrpSeen[] =>
  wire.events.all.filter((seen): seen is VrrpSeen => seen.kind === 'vrrp' && seen.source === source);

/** Whether the kernels hold the VIP. Whoever stands still for three of the short intervals gives it up for a while. */
const held = async () => [await holds(one), await holds(two)];

const announces = (seen: Seen, mac: string): boolean =>
  seen.kind === 'arp' && seen.gratuitous && seen.sender === VIP && seen.sourceMac === mac;

describe('two directors', () => {
  it('elect by priority, announce the address, and share nothing but adverts', async () => {
    const low = await Director.start(two, [virtualRouter(100)]);
    await low.becomes('active');
    const since = low.mark;
    const high = await Director.start(one, [virtualRouter(150)]);
    await high.becomes('active');
    await low.becomes('backup', { since });
    await expect.poll(held).toEqual([true, false]);
    await expect
      .poll(() => low.only())
      .toMatchObject({ activeRouter: { address: '10.1.1.10', priority: 150 } });
    const announcement = await wire.events.waitFor((seen) => announces(seen, MAC_ONE));
    expect(announcement).toMatchObject({ operation: 'request', gratuitous: true, sender: VIP });
    expect(adverts('10.1.1.10')[0]).toMatchObject({
      destination: '224.0.0.18',
      ttl: 255,
      version: 3,
      vrid: 51,
      priority: 150,
      interval: 100,
      addresses: [VIP],
    });
  });

  it('decide between equal priorities by the address, once they hear each other', async () => {
    const lower = await Director.start(one, [virtualRouter(100)]);
    await lower.becomes('active');
    await one.ports[0]?.disconnect();
    const higher = await Director.start(two, [virtualRouter(100)]);
    await higher.becomes('active');
    await one.ports[0]?.connect();
    await expect
      .poll(() => lower.only())
      .toMatchObject({ state: 'backup', activeRouter: { address: '10.1.1.11', priority: 100 } });
    await expect.poll(() => higher.only()).toMatchObject({ state: 'active' });
    await expect.poll(held).toEqual([false, true]);
  });

  it('take over from one that was killed, whose addresses leave with their lease', async () => {
    const high = await Director.start(one, [virtualRouter(150)]);
    await high.becomes('active');
    const low = await Director.start(two, [virtualRouter(100)]);
    const addresses = await watchAddresses(one);
    const heard = adverts('10.1.1.10').length;
    await wire.events.waitFor(() => adverts('10.1.1.10').length > heard + 2);
    const [since, gone] = [low.mark, addresses.mark];
    high.signal('SIGKILL');
    const taken = await low.becomes('active', { since });
    expect(taken.reason).toMatch(/^no advert from 10\.1\.1\.10 for /);
    await expect.poll(() => holds(two)).toBe(true);
    await addresses.gone(gone);
    const last = adverts('10.1.1.10').at(-1)?.time ?? 0;
    const first = adverts('10.1.1.11').find(({ priority, time }) => priority === 100 && time > last);
    // 3 × 100 ms and the skew of priority 100: never earlier, whatever the machine is doing.
    expect((first?.time ?? 0) - last).toBeGreaterThan(360);
  });

  it('hand over on a clean stop without a moment in which nobody answers', async () => {
    let high = await Director.start(one, [virtualRouter(150)]);
    await high.becomes('active');
    const low = await Director.start(two, [virtualRouter(100)]);
    let since = low.mark;
    const handOver = async () => {
      const seen = wire.events.mark;
      await high.stop();
      await wire.events.waitFor((event) => announces(event, MAC_TWO), { since: seen });
    };
    await losesNoProbe(client, VIP, handOver, async () => {
      high = await Director.start(one, [virtualRouter(150)]);
      await high.becomes('active');
      since = low.mark;
    });
    await expect.poll(held).toEqual([false, true]);
    expect((await low.becomes('active', { since })).reason).toBe('10.1.1.10 let go (priority 0)');
  });

  it('give back to the one of higher priority when it returns', async () => {
    const low = await Director.start(two, [virtualRouter(100, STEADY)]);
    await low.becomes('active');
    const since = low.mark;
    const high = await Director.start(one, [virtualRouter(150, STEADY)]);
    expect((await high.becomes('active')).reason).toBe('preempts 10.1.1.11 of priority 100');
    expect((await low.becomes('backup', { since })).reason).toBe('10.1.1.10 has priority 150');
    await expect.poll(held).toEqual([true, false]);
  });

  it('leave the active one alone without preemption', async () => {
    const low = await Director.start(two, [virtualRouter(100, STEADY)]);
    await low.becomes('active');
    const high = await Director.start(one, [virtualRouter(150, { ...STEADY, preempt: false })]);
    await high.heard((said) => said.type === 'state');
    const seen = adverts('10.1.1.11').length;
    // In four intervals it would have preempted.
    await wire.events.waitFor(() => adverts('10.1.1.11').length > seen + 4);
    expect((await high.only()).state).toBe('backup');
    expect((await low.only()).state).toBe('active');
  });

  it('go on when the active one stands still, and it takes back when it wakes', async () => {
    const other = await Director.start(one, [virtualRouter(150, { preempt: false })]);
    await other.becomes('active');
    const before = other.mark;
    const stopped = await Director.start(two, [virtualRouter(200)]);
    await stopped.becomes('active');
    await other.becomes('backup', { since: before });
    const addresses = await watchAddresses(two);
    stopped.signal('SIGSTOP');
    const since = other.mark;
    await other.becomes('active', { since });
    await addresses.gone();
    await expect.poll(held).toEqual([true, false]);
    stopped.signal('SIGCONT');
    await other.becomes('backup', { since });
    // One that was stopped in the middle of sending sends that advert first, and takes back afterwards.
    const now = async () => [(await stopped.only()).state, ...(await held())];
    await expect.poll(now).toEqual(['active', false, true]);
  });
});
