import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { IpAddress } from '../../../src/model/address.ts';
import { centiseconds } from '../../../src/model/units.ts';
import { Lab } from '../../lab/support/lab.ts';
import type { NamespaceNode, Switch } from '../../lab/support/network.ts';
import { type Observer, observe } from '../../lab/support/tools.ts';
import { Director, holds, STEADY, VIP, virtualRouter, watchAddresses } from './director.ts';

let lab: Lab;
let lan: Switch;
let one: NamespaceNode;
let two: NamespaceNode;
let wire: Observer;

beforeEach(async () => {
  lab = await Lab.create();
  lan = await lab.addSwitch('lan');
  one = await lab.addHost('one', { ports: [{ on: lan, addresses: ['10.1.1.10/24'] }] });
  two = await lab.addHost('two', { ports: [{ on: lan, addresses: ['10.1.1.11/24'] }] });
  wire = await observe(lan);
});

afterEach(async () => {
  await lab.close();
});

const advertsOf = (source: string): number =>
  wire.events.all.filter((seen) => seen.kind === 'vrrp' && seen.source === source).length;

describe('the network at its worst', () => {
  it('a flood of bad adverts only counts: nobody changes state, adverts go on', async () => {
    const active = await Director.start(one, [virtualRouter(150, STEADY)]);
    await active.becomes('active');
    const backup = await Director.start(two, [virtualRouter(100, STEADY)]);
    const attacker = await lab.addHost('attacker', { ports: [{ on: lan, addresses: ['10.1.1.66/24'] }] });
    const marks = [active.states.length, backup.states.length];
    const before = advertsOf('10.1.1.10');
    const flood = join(import.meta.dirname, 'flood.ts');
    await attacker.run(['node', flood, 'eth0', '5000', '10.1.1.66']);
    await wire.events.waitFor(() => advertsOf('10.1.1.10') >= before + 3);
    expect([active.states.length, backup.states.length]).toEqual(marks);
    for (const status of [await active.only(), await backup.only()]) {
      const { ttl, version, checksum, vrid } = status.counters.rejected;
      expect(Math.min(ttl ?? 0, version ?? 0, checksum ?? 0)).toBeGreaterThan(0);
      // The kernel's filter keeps what is meant for other VRIDs away.
      expect(vrid ?? 0).toBe(0);
      expect(status.counters.sendErrors).toBe(0);
    }
  });

  it('a VIP that somebody removes is back at once, announced and counted', async () => {
    const director = await Director.start(one, [virtualRouter(150, STEADY)]);
    await director.becomes('active');
    const since = wire.events.mark;
    await one.run(`ip address del ${VIP}/24 dev eth0`);
    await wire.events.waitFor((seen) => seen.kind === 'arp' && seen.gratuitous && seen.sender === VIP, {
      since,
    });
    expect(await holds(one)).toBe(true);
    expect((await director.only()).counters.addressesRestored).toBe(1);
    expect((await director.only()).state).toBe('active');
    await director.logged(`virtual router web: ${VIP}/24 was gone from eth0: put back`);
  });

  it('a pause after which the VIP has left with its lease: it is back, and people are told', async () => {
    const director = await Director.start(one, [virtualRouter(150)]);
    await director.becomes('active');
    const addresses = await watchAddresses(one);
    director.signal('SIGSTOP');
    await addresses.gone();
    const [since, put] = [director.mark, addresses.mark];
    director.signal('SIGCONT');
    await director.logged('the vrrp process stood still for');
    await director.becomes('active', { since });
    await addresses.put(put);
  });

  it('an interface that goes down and up: FAULT with the reason, and back by itself', async () => {
    const director = await Director.start(one, [virtualRouter(150)]);
    await director.becomes('active');
    await one.run('ip link set eth0 down');
    expect((await director.becomes('initialize')).reason).toBe('interface eth0 is down');
    expect(await holds(one)).toBe(false);
    const since = director.mark;
    await one.run('ip link set eth0 up');
    await director.becomes('active', { since });
    await expect.poll(() => holds(one)).toBe(true);
  });

  it('an interface without a carrier is no interface', async () => {
    const director = await Director.start(one, [virtualRouter(150)]);
    await director.becomes('active');
    await one.ports[0]?.power(false);
    expect((await director.becomes('initialize')).reason).toBe('interface eth0 has no carrier');
    const since = director.mark;
    await one.ports[0]?.power(true);
    await director.becomes('active', { since });
  });

  it('an interface that is removed and made again, under another index', async () => {
    const director = await Director.start(one, [virtualRouter(150)]);
    await director.becomes('active');
    await one.run('ip link del eth0');
    await director.heard(
      (said) => said.type === 'state' && said.status.reason === 'interface eth0 does not exist',
    );
    const since = director.mark;
    await lan.node.run(
      `ip link add again type veth peer name eth0 netns ${one.namespace} && ip link set again master ${lan.bridge} up`,
    );
    await one.run('ip link set eth0 up');
    await director.heard(
      (said) =>
        said.type === 'state' && said.status.reason === 'interface eth0 has no IPv4 address of its own',
      since,
    );
    await one.run('ip address add 10.1.1.10/24 dev eth0');
    await director.becomes('active', { since });
    await expect.poll(() => holds(one)).toBe(true);
    const seen = advertsOf('10.1.1.10');
    await wire.events.waitFor(() => advertsOf('10.1.1.10') > seen + 2);
  });

  it('an interface that is missing from the start keeps nobody else waiting', async () => {
    const missing = virtualRouter(150, { name: 'later', interface: 'eth7', vrid: 7 });
    const director = await Director.start(one, [missing, virtualRouter(150)]);
    await director.becomes('active');
    const fault = await director.becomes('initialize', { name: 'later' });
    expect(fault.reason).toBe('interface eth7 does not exist');
  });

  it("adverts go on from the interface's new address when the old one is replaced", async () => {
    const director = await Director.start(one, [virtualRouter(150, STEADY)]);
    await director.becomes('active');
    await one.run('ip address add 10.1.1.20/24 dev eth0 && ip address del 10.1.1.10/24 dev eth0');
    await wire.events.waitFor((seen) => seen.kind === 'vrrp' && seen.source === '10.1.1.20');
    expect((await director.only()).state).toBe('active');
    expect(await holds(one)).toBe(true);
  });
});

describe('the end of a process', () => {
  it('hands over when the manager is gone', async () => {
    const active = await Director.start(one, [virtualRouter(150)]);
    await active.becomes('active');
    const backup = await Director.start(two, [virtualRouter(100)]);
    active.loseManager();
    await wire.events.waitFor((seen) => seen.kind === 'vrrp' && seen.priority === 0);
    await backup.becomes('active');
    expect(await active.exited()).toEqual({ code: 0, signal: null });
    expect(await holds(one)).toBe(false);
  });

  it('waits for a successor after SIGTERM, and no longer after the second', async () => {
    // The owner is active at once; at an interval of 40 s no successor can be ruled out for a long time.
    const rare = virtualRouter(255, { advertInterval: centiseconds(4000) });
    const active = await Director.start(one, [rare]);
    await active.becomes('active');
    active.signal('SIGTERM');
    await active.becomes('active', { releasing: true });
    expect(await holds(one)).toBe(true);
    active.signal('SIGTERM');
    expect(await active.exited()).toEqual({ code: 0, signal: null });
    expect(await holds(one)).toBe(false);
  });

  it('hears its successor, also as the owner', async () => {
    // A successor is waited for little longer than one interval.
    const rare = { advertInterval: centiseconds(400) };
    const owner = await Director.start(one, [virtualRouter(255, rare)]);
    await owner.becomes('active');
    await Director.start(two, [virtualRouter(254, rare)]);
    await owner.stop();
    expect((await owner.becomes('initialize')).reason).toBe('stopped: 10.1.1.11 took over');
  });

  it('goes on as active after a crash: the addresses never leave', async () => {
    // The lease, four intervals, is longer than it takes to start a process on a busy machine.
    const owner = virtualRouter(255, { advertInterval: centiseconds(400) });
    const crashed = await Director.start(one, [owner]);
    await crashed.becomes('active');
    const addresses = await watchAddresses(one);
    crashed.signal('SIGKILL');
    await crashed.exited();
    const since = addresses.mark;
    const next = await Director.start(one, [{ ...owner, priority: 150 }], { resume: ['web'] });
    expect((await next.becomes('active')).reason).toMatch(/^resumed/);
    // Renewed by the second process.
    await addresses.put(since);
    expect(addresses.removals()).toBe(0);
  });
});

describe('a new configuration', () => {
  it('leaves unchanged virtual routers alone, changes others in place, and hands vanished ones over', async () => {
    const other = virtualRouter(150, {
      ...STEADY,
      name: 'other',
      vrid: 52,
      addresses: [{ address: '10.1.1.253' as IpAddress, length: 24 }],
    });
    const director = await Director.start(one, [virtualRouter(150, STEADY), other]);
    await director.becomes('active');
    await director.becomes('active', { name: 'other' });
    const since = director.mark;
    const states = director.states.length;
    const more = [
      ...virtualRouter(150, STEADY).addresses,
      { address: '10.1.1.252' as IpAddress, length: 24 },
    ];
    director.tell({ type: 'record', on: true });
    // The same again is no event at all.
    await director.configure([virtualRouter(150, STEADY), other]);
    await director.configure([virtualRouter(150, { ...STEADY, addresses: more }), other]);
    const recorded = await director.heard(
      (said) => said.type === 'recorded' && said.lines.some((line) => line.includes('"type":"configure"')),
      since,
    );
    director.tell({ type: 'record', on: false });
    expect(JSON.stringify(recorded)).toContain('10.1.1.252');
    expect([await holds(one), await holds(one, '10.1.1.252')]).toEqual([true, true]);
    expect(director.states.length).toBe(states);
    await director.configure([virtualRouter(150, { ...STEADY, addresses: more })]);
    await director.becomes('active', { name: 'other', releasing: true, since });
    await director.becomes('initialize', { name: 'other', since });
    expect([await holds(one), await holds(one, '10.1.1.253')]).toEqual([true, false]);
    expect((await director.query()).map(({ name }) => name)).toEqual(['web']);
    expect((await director.only()).state).toBe('active');
  });

  it("neither leases nor removes what is the owner's own", async () => {
    await one.run(`ip address add ${VIP}/24 dev eth0`);
    const director = await Director.start(one, [virtualRouter(255)]);
    await director.becomes('active');
    expect(await one.run('ip -o -4 address show dev eth0')).not.toContain('dynamic');
    await director.stop();
    expect(await holds(one)).toBe(true);
  });

  it('removes what a predecessor left behind before it listens', async () => {
    await one.run(`ip address add ${VIP}/24 dev eth0`);
    const active = await Director.start(two, [virtualRouter(255, STEADY)]);
    await active.becomes('active');
    await Director.start(one, [virtualRouter(100, STEADY)]);
    expect(await holds(one)).toBe(false);
  });
});
