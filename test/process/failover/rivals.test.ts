/** Two owners: what is done when they meet, how an owner that stands still is dealt with, and who is told. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Daemon } from '../../lab/support/daemon.ts';
import type { LabProcess } from '../../lab/support/process.ts';
import {
  advertsOf,
  becomes,
  createStage,
  held,
  type Pair,
  PEER,
  routerOf,
  type Stage,
  signalAll,
  startPair,
} from './stage.ts';

const VIP = '10.1.1.201';
const calls = (name: string): string => `${stage.lab.scratch}/${name}`;
/** Writes its arguments down. */
const script = (file: string) => `[/bin/sh, -c, 'echo "$@" >> ${file}', notify]`;

/**
 * Whoever stands still for three of these intervals gives up; and the lease of the short ones, 2 s, must outlast that
 * by as much.
 */
const yaml = (priority: number, director: 'one' | 'two') => `
virtual_routers:
  web:
    { interface: eth0, vrid: 1, priority: ${priority}, advert_interval: 300ms, addresses: [${VIP}/24],
      notify: ${script(calls(`web-${director}`))} }
  careful:
    { interface: eth0, vrid: 2, priority: ${priority}, advert_interval: 300ms, addresses: [10.1.1.202/24],
      probe: before }
  slow: { interface: eth0, vrid: 3, priority: ${priority}, advert_interval: 1s, addresses: [10.1.1.203/24] }
sync_groups:
  all: { members: [web], notify: ${script(calls(`all-${director}`))} }
`;

let stage: Stage;
let pair: Pair;

beforeAll(async () => {
  stage = await createStage();
  pair = await startPair(stage, yaml);
});
afterAll(() => stage?.lab.close());

const marks = () => ({ one: pair.one.log.mark, two: pair.two.log.mark });
const linesOf = async (name: string): Promise<readonly string[]> =>
  (await stage.one.run(['cat', calls(name)])).trim().split('\n');
const settled = async (): Promise<void> => {
  for (const name of ['web', 'careful', 'slow']) {
    await becomes(pair.one, name, 'MASTER');
    await expect.poll(() => routerOf(pair.one, name), { timeout: 20_000 }).toMatchObject({ state: 'active' });
    await expect.poll(() => routerOf(pair.two, name), { timeout: 20_000 }).toMatchObject({ state: 'backup' });
  }
  // A backup of the slow one may be one only because it has not yet missed what was lost in a partition before.
  const slow = (): number => advertsOf(stage, PEER.two, 3).length;
  const heard = slow();
  await stage.wire.events.waitFor(() => slow() > heard);
};

describe('an active director that speaks', () => {
  it('lets go to, or is preempted by, one that looks for silent owners first: nobody is asked', async () => {
    await settled();
    const conflicts = async (daemon: Daemon) => (await routerOf(daemon, 'careful')).counters.conflicts;
    const before = [await conflicts(pair.one), await conflicts(pair.two)];
    const since = marks();
    expect(await pair.one.command('handover', 'careful')).toMatchObject({ code: 0 });
    const taken = await becomes(pair.two, 'careful', 'MASTER', since.two);
    expect(taken.reason).toBe('10.1.1.4 let go (priority 0)');
    await pair.one.command('resume', 'careful');
    const preempted = await becomes(pair.one, 'careful', 'MASTER', since.one);
    expect(preempted.reason).toBe('preempts 10.1.1.5 of priority 100');
    expect([await conflicts(pair.one), await conflicts(pair.two)]).toEqual(before);
  });
});

describe('a partition that heals', () => {
  it('leaves the one of higher priority, which announces and notifies again; the other steps down', async () => {
    await settled();
    await expect.poll(async () => (await linesOf('web-one')).at(-1)).toBe('INSTANCE web MASTER 150');
    const begun = (await linesOf('web-one')).length;
    const since = marks();
    await stage.one.ports[0]?.disconnect();
    await becomes(pair.two, 'web', 'MASTER', since.two);
    const mac = (await stage.one.run('cat /sys/class/net/eth0/address')).trim();
    const [seen, before, back] = [stage.wire.events.mark, await routerOf(pair.one, 'web'), marks()];
    await stage.one.ports[0]?.connect();
    await pair.one.said('virtual router web: 10.1.1.5 was active beside us', { since: back.one });
    await stage.wire.events.waitFor(
      (event) => event.kind === 'arp' && event.gratuitous && event.sender === VIP && event.senderMac === mac,
      { since: seen },
    );
    await becomes(pair.two, 'web', 'BACKUP', back.two);
    expect([await held(stage.one, VIP), await held(stage.two, VIP)]).toEqual([[VIP], []]);
    const after = await routerOf(pair.one, 'web');
    expect(after).toMatchObject({ state: 'active', rival: { address: '10.1.1.5', outcome: 'won' } });
    expect(after.counters.rivals).toBe(before.counters.rivals + 1);
    expect(await routerOf(pair.two, 'web')).toMatchObject({
      rival: { address: '10.1.1.4', outcome: 'lost' },
    });
    expect((await pair.one.command('status')).stdout).toMatch(
      /rivals +another director was active beside this one/,
    );
    // It never was a backup again: the second MASTER tells that another was active beside it.
    await expect
      .poll(async () => (await linesOf('web-one')).slice(begun))
      .toEqual(['INSTANCE web MASTER 150']);
  });
});

describe('a process that stood still while another took over', () => {
  it('gives its addresses up before it listens to anybody', async () => {
    await settled();
    const since = marks();
    const pid = String(await pair.one.pidOf('vrrp'));
    await stage.one.run(['kill', '-STOP', pid]);
    await becomes(pair.two, 'slow', 'MASTER', since.two);
    await stage.one.run(['kill', '-CONT', pid]);
    // One line a minute tells of it, perhaps of a standstill of this machine before.
    await pair.one.said('the vrrp process stood still for');
    const first = await pair.one.said('virtual router slow: ', { since: since.one });
    expect(first).toMatchObject({
      state: 'BACKUP',
      reason: expect.stringMatching(/^stood still for \d+\.\d+ s/),
    });
    // And then it is again what its priority makes it.
    await becomes(pair.one, 'slow', 'MASTER', since.one);
    await becomes(pair.two, 'slow', 'BACKUP', since.two);
  });
});

describe('a process that fell asleep in the middle of sending an advert', () => {
  it('gives back at once what that advert claims', async () => {
    await settled();
    const since = marks();
    const seen = stage.wire.events.mark;
    const tracer = await fallAsleepInSending(await pair.one.pidOf('vrrp'), 4);
    await becomes(pair.two, 'slow', 'MASTER', since.two);
    await tracer.stderr.waitFor((line) => line.includes('DELAYED'));
    await tracer.stop();
    await pair.one.said('virtual router slow: BACKUP: stood still for ', { since: since.one });
    for (const vrid of [1, 2, 3]) {
      await stage.wire.events.waitFor(
        (event) =>
          event.kind === 'vrrp' && event.source === PEER.two && event.vrid === vrid && event.priority === 0,
        { since: seen, what: `VRID ${vrid} to be given back` },
      );
    }
  });
});

/** The next advert of a process leaves only after so many seconds, and so long it does nothing else. */
async function fallAsleepInSending(pid: number, seconds: number): Promise<LabProcess> {
  // Packets leave by this call, what goes to the kernel by netlink does not.
  const calls = 'sendmmsg';
  return await stage.one.spawn([
    ...['strace', '-qq', '-p', String(pid), '-e', `trace=${calls}`],
    ...['-e', `inject=${calls}:delay_enter=${seconds}s:when=1`],
  ]);
}

describe('an owner that is silent, but still answers for its addresses', () => {
  it('is waited for with `probe: before`, and reported beside the take-over otherwise', async () => {
    await settled();
    const since = marks();
    const conflicts = (await routerOf(pair.two, 'web')).counters.conflicts;
    await signalAll(pair.one, 'STOP');
    const web = await becomes(pair.two, 'web', 'MASTER', since.two);
    // One line a minute tells of it; the counter tells each time.
    await pair.two.said(`${VIP} is answered by`);
    const careful = await becomes(pair.two, 'careful', 'MASTER', since.two);
    const waited = Date.parse(careful.time) - Date.parse(web.time);
    // Its lease has ended in the kernel, which nobody can stop.
    expect(await held(stage.one, '10.1.1.202')).toEqual([]);
    expect((await routerOf(pair.two, 'web')).counters.conflicts).toBeGreaterThan(conflicts);
    expect(waited).toBeGreaterThan(0);
    await stage.one.run(['kill', '-CONT', ...(await processesOf())]);
    await becomes(pair.one, 'careful', 'MASTER', since.one);
    await becomes(pair.one, 'web', 'MASTER', since.one);
  });
});

/** As the log has them: a daemon that stands still answers nobody. */
async function processesOf(): Promise<readonly string[]> {
  const parent = pair.one.log.all[0]?.pid;
  const children = await stage.one.run(['pgrep', '-P', String(parent)]);
  return [String(parent), ...children.trim().split('\n')];
}

describe('notify scripts', () => {
  it('are called in order up to the end, for sync groups with GROUP and 0', async () => {
    await settled();
    const since = marks();
    await stage.one.ports[0]?.power(false);
    await becomes(pair.one, 'web', 'FAULT', since.one);
    await stage.one.ports[0]?.power(true);
    await becomes(pair.one, 'web', 'MASTER', since.one);
    const begun = (await linesOf('web-one')).length;
    await pair.one.stop();
    const lines = await linesOf('web-one');
    const word = (line: string) => line.replace(/^INSTANCE web (\w+) 150$/, '$1');
    expect(lines.slice(-4).map(word)).toEqual(['FAULT', 'BACKUP', 'MASTER', 'STOP']);
    expect(begun).toBeLessThanOrEqual(lines.length);
    const group = await linesOf('all-one');
    expect(group.slice(0, 2)).toEqual(['GROUP all BACKUP 0', 'GROUP all MASTER 0']);
    expect(group.slice(-4)).toEqual(
      ['FAULT', 'BACKUP', 'MASTER', 'STOP'].map((state) => `GROUP all ${state} 0`),
    );
    await becomes(pair.two, 'web', 'MASTER', since.two);
  });
});
