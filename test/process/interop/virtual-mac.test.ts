/**
 * The virtual Ethernet address on both sides: a client's neighbour table never changes, whoever answers, and each side
 * hears the other although both speak from the same Ethernet address.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Daemon, startDaemon } from '../../lab/support/daemon.ts';
import type { Seen } from '../../lab/support/observer.ts';
import { type Observer, observe, type Probe, startProbe } from '../../lab/support/tools.ts';
import { type Instance, Keepalived } from './keepalived.ts';
import { fileOf, makePair, type Pair, refusalsOf, troublesOf } from './pair.ts';

const FOUR = '10.1.1.201';
const SIX = 'fd00:1::201';
/** VRID 51: by family. */
const MACS = { [FOUR]: '00:00:5e:00:01:33', [SIX]: '00:00:5e:00:02:33' };
const ADDRESSES = [FOUR, SIX] as const;

let pair: Pair;
let wire: Observer;
let ours: Daemon;
let theirs: Keepalived;

const file = (vmac: object = { vmac: true }): string =>
  fileOf({
    both: {
      interface: 'eth0',
      vrid: 51,
      priority: 150,
      advert_interval: '500ms',
      addresses: [`${FOUR}/24`, 'fe80::201/64', `${SIX}/64`],
      ...vmac,
    },
  });
/** Where keepalived is gone. Whoever stands still for three intervals gives up, which a busy machine must not bring about. */
const ALONE = { priority: 50, advert_interval: '1s' };
const vmacOf = (name: string): readonly string[] => [`use_vmac ${name}`];
const instances: readonly Instance[] = [
  { name: 'four', vrid: 51, priority: 100, interval: 0.5, addresses: [`${FOUR}/24`], more: vmacOf('vr4') },
  {
    name: 'six',
    vrid: 51,
    priority: 100,
    interval: 0.5,
    addresses: ['fe80::201/64', `${SIX}/64`],
    more: vmacOf('vr6'),
  },
];

beforeAll(async () => {
  pair = await makePair();
  const [lan] = pair.lans;
  if (lan === undefined) throw new Error('unreachable: a pair has a switch');
  wire = await observe(lan);
});
afterAll(() => pair?.lab.close());

const neighbours = async (): Promise<Record<string, string>> => {
  const lines = (await pair.client.run('ip neigh show dev eth0')).split('\n').map((line) => line.split(' '));
  return Object.fromEntries(
    ADDRESSES.map((address) => {
      const words = lines.find(([to]) => to === address) ?? [];
      return [address, words[words.indexOf('lladdr') + 1] ?? ''];
    }),
  );
};

/** What was lost while `action` ran and everything was as it ought to be again, by address. */
async function lostDuring(action: () => Promise<unknown>): Promise<Record<string, number>> {
  const probes: Probe[] = [];
  for (const address of ADDRESSES) probes.push(await startProbe(pair.client, { address, interval: 10 }));
  await action();
  const answers = probes.map(async (probe) =>
    (await probe.stop()).gaps.reduce((sum, { lost }) => sum + lost, 0),
  );
  const [four = -1, six = -1] = await Promise.all(answers);
  return { [FOUR]: four, [SIX]: six };
}

const devices = async (): Promise<readonly string[]> =>
  (await pair.ours.run('ip -o link show type macvlan'))
    .split('\n')
    .flatMap((line) => /^\d+: ([^@]+)@/.exec(line)?.[1] ?? []);
const isUp = async (name: string): Promise<boolean> =>
  (await pair.ours.run(`ip -o link show dev ${name}`)).includes(',UP');
const parentSettings = (): Promise<string> =>
  pair.ours.run('cd /proc/sys/net/ipv4/conf/eth0; cat arp_ignore arp_announce arp_filter rp_filter');

const until = (holds: () => Promise<boolean>): Promise<boolean> => vi.waitUntil(holds, { timeout: 60_000 });

/** Probes, 10 ms apart: less than lies between two adverts, so no switch had to wait for one to learn where to send. */
const FEW = 30;
/**
 * A keepalived that has given way keeps its macvlan up. Over IPv6 its kernel then goes on speaking from the virtual
 * Ethernet address: it tells of the groups that it leaves, and a second later asks whether the clients that it answered
 * last are still there. Each time the switch is wrong until the next advert. vipward as backup says nothing.
 */
const AN_INTERVAL_MORE = FEW + 50;
const expectFewLost = (lost: Readonly<Record<string, number>>, overIpv6: number = FEW): void => {
  expect(lost[FOUR]).toBeLessThan(FEW);
  expect(lost[SIX]).toBeLessThan(overIpv6);
};

const bothActive = async (since = 0): Promise<void> => {
  await theirs.becomes('four', 'MASTER', since);
  await theirs.becomes('six', 'MASTER', since);
};

async function reload(yaml: string): Promise<void> {
  await ours.configure(yaml);
  const { code, stderr } = await ours.command('reload');
  expect([code, stderr]).toEqual([0, '']);
}

/** Answers again from both addresses, after a change of the Ethernet address too. */
async function answered(): Promise<void> {
  for (const address of ADDRESSES) await (await startProbe(pair.client, { address })).stop();
}

const onlyInfo = (): void => expect(troublesOf(ours)).toEqual([]);

describe('the virtual Ethernet address', () => {
  let before = '';

  it('is the same with keepalived and with vipward, which preempts it', async () => {
    before = await parentSettings();
    theirs = await Keepalived.start(pair.theirs, instances);
    await bothActive();
    const since = theirs.mark;
    const lost = await lostDuring(async () => {
      ours = await startDaemon(pair.ours, file());
      await ours.said('virtual router both: MASTER');
      await theirs.becomes('four', 'BACKUP', since);
      await theirs.becomes('six', 'BACKUP', since);
    });
    expectFewLost(lost, AN_INTERVAL_MORE);
    expect(await neighbours()).toEqual(MACS);
    expect(await devices()).toEqual(['vrrp.51', 'vrrp.51-6']);
    expect([await isUp('vrrp.51'), await isUp('vrrp.51-6')]).toEqual([true, true]);
    expect(theirs.states('four')).toEqual(['BACKUP', 'MASTER', 'BACKUP']);
    const { virtualRouters } = await ours.status();
    expect(virtualRouters.flatMap(refusalsOf)).toEqual([]);
    expect(await theirs.refusals()).toEqual([]);
    onlyInfo();
  });

  it('is what every advert comes from', async () => {
    const advert = (seen: Seen) => seen.kind === 'vrrp' && seen.source === '10.1.1.10';
    await wire.events.waitFor(advert, { since: wire.events.mark });
    const macs = wire.events.all.filter(advert).map(({ sourceMac }) => sourceMac);
    expect(new Set(macs)).toEqual(new Set([MACS[FOUR]]));
  });

  it('is at once where the traffic goes when vipward stops, and leaves nothing behind', async () => {
    const since = theirs.mark;
    // Nobody is left whom a keepalived as backup could ask for: what is lost now is lost by vipward.
    await pair.theirs.run('ip -6 neigh flush dev vr6');
    const lost = await lostDuring(async () => {
      await ours.stop();
      await bothActive(since);
    });
    expectFewLost(lost);
    expect(await neighbours()).toEqual(MACS);
    expect(await devices()).toEqual([]);
    expect(await parentSettings()).toBe(before);
  });

  it('is down while vipward is backup, and up when keepalived has stopped', async () => {
    ours = await startDaemon(pair.ours, file({ vmac: { device: 'vip0' }, priority: 50 }));
    await ours.said('virtual router both: BACKUP');
    expect(await devices()).toEqual(['vip0', 'vip0-6']);
    expect([await isUp('vip0'), await isUp('vip0-6')]).toEqual([false, false]);
    await lostDuring(async () => {
      await theirs.stop();
      await ours.said('virtual router both: MASTER');
    });
    expect(await neighbours()).toEqual(MACS);
    expect([await isUp('vip0'), await isUp('vip0-6')]).toEqual([true, true]);
  });

  it('is put back when somebody removes its link, or sets it down', async () => {
    await pair.ours.run('ip link del vip0');
    await until(async () => (await devices()).includes('vip0') && (await isUp('vip0')));
    await pair.ours.run('ip link set vip0 down; ip link set vip0-6 down');
    await until(async () => (await isUp('vip0')) && (await isUp('vip0-6')));
    await answered();
    expect(await neighbours()).toEqual(MACS);
  });

  it('is taken over by the next daemon when all processes were killed', async () => {
    await ours.crash();
    ours = await startDaemon(pair.ours, file({ vmac: { device: 'vip1' }, ...ALONE }));
    await ours.said('virtual router both: MASTER');
    await until(async () => `${await devices()}` === 'vip1,vip1-6');
    await answered();
    expect(await neighbours()).toEqual(MACS);
  });

  it('goes and comes with a reload, without a change of state', async () => {
    await reload(file(ALONE));
    await until(async () => (await devices()).length === 0);
    await answered();
    const own = '02:00:00:00:01:10';
    expect(await neighbours()).toEqual({ [FOUR]: own, [SIX]: own });
    expect(await parentSettings()).toBe(before);
    await reload(file({ vmac: true, ...ALONE }));
    await until(async () => (await isUp('vrrp.51')) && (await isUp('vrrp.51-6')));
    await answered();
    expect(await neighbours()).toEqual(MACS);
    expect(await pair.ours.run('ip -o address show dev eth0')).not.toContain('201/');
    const [router] = (await ours.status()).virtualRouters;
    expect(router).toMatchObject({ state: 'active', counters: { becameActive: 1 } });
  });

  it('is gone without a trace when it was off at the start after a crash', async () => {
    await ours.crash();
    ours = await startDaemon(pair.ours, file({ priority: 50 }));
    await ours.said('virtual router both: MASTER');
    await until(async () => (await devices()).length === 0);
    expect(await parentSettings()).toBe(before);
    await ours.stop();
    expect(await pair.ours.run('ip -o address show')).not.toContain('201/');
  });
});
