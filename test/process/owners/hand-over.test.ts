/** With an arbiter: what is done on purpose breaks before it makes, and what changes nothing moves nothing. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { arbiter, type Director, Stage } from './stage.ts';

const FRONT = '10.1.1.201';
const BACK = '10.1.1.202';
const VIPS = [FRONT, BACK] as const;

/** Without etcd an owner that stands still for two of these intervals must let go, which a busy machine must not bring about. */
const yaml = (priority: number, guard: string) => `
virtual_routers:
  front: { interface: eth0, vrid: 1, priority: ${priority}, advert_interval: 1s, addresses: [${FRONT}/24] }
  back: { interface: eth0, vrid: 2, priority: ${priority}, advert_interval: 1s, addresses: [${BACK}/24] }
sync_groups: { both: { members: [front, back] } }
${guard}`;
const GUARD = arbiter(5);
/** Its end is far from everything that is done on purpose, also on a machine that stands still in between. */
const LONG_GUARD = arbiter(15);
/** Ms: far less than what is left of that when it is given back. */
const SHORT_GAP = 6_000;

let stage: Stage;
let one: Director;
let two: Director;

beforeAll(async () => {
  stage = await Stage.build(2);
  await stage.startEtcd();
  one = stage.director('one');
  two = stage.director('two');
  await two.start(yaml(100, LONG_GUARD));
  await owned('two');
});
afterAll(() => stage.close());

async function owned(name: string | undefined): Promise<void> {
  for (const vip of VIPS) await stage.owners.become(vip, name === undefined ? [] : [name]);
}

/** How long nobody had it at the last change of hands, in ms; and nobody ever has it twice. */
function gap(since: number): number {
  const gaps = VIPS.map((vip) => {
    expect(stage.owners.doubles(vip)).toEqual([]);
    const nobody = stage.owners.stretches(vip, since).filter(({ owners }) => owners.length === 0);
    return Math.max(0, ...nobody.map(({ from, to }) => to - from));
  });
  return Math.max(...gaps);
}

/** It has taken its place beside the active one. */
const hears = (director: Director) =>
  vi.waitFor(
    async () => {
      const { virtualRouters } = await director.daemon.status();
      for (const { state, explanation } of virtualRouters) {
        expect(state).toBe('backup');
        expect(explanation).toMatch(/^(heard|kept a backup)/);
      }
    },
    { timeout: 60_000, interval: 200 },
  );

/** What `during` does changes nothing about the VIPs, then and for this many ms afterwards. */
async function still(during: () => Promise<unknown>, ms = 0): Promise<void> {
  const since = stage.owners.changes.mark;
  await during();
  await delay(ms);
  expect(stage.owners.changes.all.slice(since)).toEqual([]);
}

async function reload(director: Director, text: string): Promise<void> {
  await director.daemon.configure(text);
  const { code, stderr } = await director.daemon.command('reload');
  expect(code, stderr).toBe(0);
}

describe('a sync group with an arbiter', () => {
  it('is preempted by one of higher priority, which asks for it first', async () => {
    const since = stage.owners.changes.mark;
    await one.start(yaml(150, LONG_GUARD));
    await owned('one');
    expect(gap(since), 'far from the end of any lease').toBeLessThan(SHORT_GAP);
    await hears(two);
    const { virtualRouters } = await two.daemon.status();
    expect(virtualRouters[0]?.reason).toContain('10.1.1.1 of priority 150 asks for the addresses');
  });

  it('is handed over by command, and back, and the command says to whom', async () => {
    const since = stage.owners.changes.mark;
    const { code, stdout } = await one.daemon.command('handover', '--stay-down');
    expect(stage.owners.ownersOf(FRONT)).toEqual(['two']);
    expect(code).toBe(0);
    expect(stdout).toContain('10.1.1.2');
    await hears(one);
    expect((await one.daemon.command('resume')).code).toBe(0);
    await owned('one');
    expect(gap(since)).toBeLessThan(SHORT_GAP);
    await hears(two);
  });

  it('goes to the other when its daemon is stopped, and comes back', async () => {
    const since = stage.owners.changes.mark;
    await one.daemon.stop();
    await owned('two');
    await one.start(yaml(150, LONG_GUARD));
    await owned('one');
    expect(gap(since)).toBeLessThan(SHORT_GAP);
    await hears(two);
  });

  it('stays where it is when its lease is made shorter by reload', async () => {
    await still(async () => {
      await reload(one, yaml(150, GUARD));
      await reload(two, yaml(100, GUARD));
    });
  });

  it('stays where it is when its vrrp process is killed', async () => {
    const mark = one.daemon.log.mark;
    await still(async () => {
      await one.signal('SIGKILL', [await one.daemon.pidOf('vrrp')]);
      await one.daemon.said('virtual router back: MASTER', { since: mark });
    }, 1000);
  });

  it('stays where it is while etcd stands still for several leases, or is started again', async () => {
    const since = one.daemon.log.mark;
    await still(async () => {
      stage.etcd.killAll('SIGSTOP');
      await one.daemon.said('no endpoint of etcd answers', { since });
      await delay(11_000);
      stage.etcd.killAll('SIGCONT');
      await one.daemon.said('etcd answers again', { since });
    }, 2000);
    const mark = one.daemon.log.mark;
    await still(async () => {
      stage.etcd.killAll('SIGKILL');
      await stage.etcd.exit;
      await one.daemon.said('no endpoint of etcd answers', { since: mark });
      await stage.startEtcd();
      await one.daemon.said('etcd answers again', { since: mark });
    }, 3000);
  });

  it('is given up when etcd stands still and the other is gone as well, and taken up afterwards', async () => {
    stage.etcd.killAll('SIGSTOP');
    await one.lan.disconnect();
    await owned(undefined);
    await one.lan.connect();
    stage.etcd.killAll('SIGCONT');
    await vi.waitFor(() => expect(stage.owners.ownersOf(FRONT)).toEqual(['one']), { timeout: 60_000 });
    await owned('one');
    gap(0);
    await hears(two);
  });

  it('stays where it is when the arbiter is changed, removed and added again by reload', async () => {
    await still(async () => {
      await reload(one, yaml(150, arbiter(6)));
      await reload(two, yaml(100, arbiter(6)));
      for (const guard of ['', GUARD]) {
        for (const director of [one, two]) await reload(director, yaml(director === one ? 150 : 100, guard));
      }
    }, 3000);
  });

  it('stays where it is when all that happens while the other is away, who could confirm it', async () => {
    await two.daemon.stop();
    await still(async () => {
      for (const guard of [arbiter(6), '', GUARD]) {
        await reload(one, yaml(150, guard));
        await delay(700);
      }
    }, 3000);
  });

  it('comes back where nobody takes it', async () => {
    await owned('one');
    const { code, stderr } = await one.daemon.command('handover');
    expect(code).toBe(1);
    expect(stderr).toContain('no successor');
    await owned('one');
    gap(0);
  });
});
