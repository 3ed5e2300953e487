/** Fencing by whole daemons: the silent peer is switched off before its addresses are taken, and nobody else ever is. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Director, Stage } from './stage.ts';

const VIP = '10.1.1.201';
const LATE = '10.1.1.202';
/** Of fence_dummy's device. */
const STATUS = `/tmp/vipward-fence-dummy-${process.pid}`;

/**
 * Switches a director off by killing what is in the file `plug`: `mode` is how it does that. A line in the file `log`
 * for each action but monitor, which the daemon asks for at its start.
 */
const AGENT = `#!/bin/sh
cd "$(dirname "$0")"
action=$(sed -n 's/^action=//p')
[ "$action" = monitor ] && exit 0
echo "$action of $VIPWARD_PEER" >>log
case $(cat mode) in
  hang) exec sleep 1000 ;;
  fail) echo "the device does not answer" >&2; exit 1 ;;
esac
[ "$action" = status ] && exit 2
kill -KILL $(cat plug)
`;

/** Whoever stands still for three of these intervals is fenced by the other, which a busy machine must not bring about. */
const yaml = (priority: number, agent: string, onFailure = 'refuse', timeout = '3s', more = '') => `
virtual_routers:
  web: { interface: eth0, vrid: 1, priority: ${priority}, advert_interval: 1s, addresses: [${VIP}/24] }${more}
fencing: { agent: ${agent}, timeout: ${timeout}, on_failure: ${onFailure}, options: { status_file: ${STATUS} } }`;

let stage: Stage;
let one: Director;
let two: Director;
const place = (name: string): string => `${two.node.scratch}/agent/${name}`;
const fenced = async (): Promise<readonly string[]> =>
  (await readFile(place('log'), 'utf8')).split('\n').filter((line) => line !== '');
const mode = (how: 'off' | 'fail' | 'hang') => writeFile(place('mode'), how);

beforeAll(async () => {
  stage = await Stage.build(2);
  one = stage.director('one');
  two = stage.director('two');
  await two.node.writeFile(place('agent'), AGENT);
  await two.node.run(`chmod 755 ${place('agent')} && : >${place('log')}`);
  await mode('off');
  await one.start(yaml(150, place('agent')));
  await stage.owners.become(VIP, ['one']);
  await two.start(yaml(100, place('agent')));
  await heard();
});
afterAll(async () => {
  await stage.close();
  await rm(STATUS, { force: true });
});

/** The second director is a backup, and hears the first. */
const heard = () =>
  vi.waitFor(
    async () => {
      const [router] = (await two.daemon.status()).virtualRouters;
      expect(router?.explanation).toMatch(/^heard 10\.1\.1\.1 priority 150/);
    },
    { timeout: 60_000, interval: 100 },
  );

/** All of the first director's processes stand still; they are what the agent would kill. */
async function falls(): Promise<readonly number[]> {
  const pids = await one.pids();
  await writeFile(place('plug'), pids.join(' '));
  await one.signal('SIGSTOP', pids);
  return pids;
}

/** The first director comes back, and has the VIP again, since it has the higher priority. */
async function comesBack(pids: readonly number[]): Promise<void> {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  await one.daemon.process.exit;
  await one.start(yaml(150, place('agent')));
  await stage.owners.become(VIP, ['one']);
  await heard();
}

async function reload(agent: string, onFailure?: string, timeout?: string): Promise<void> {
  await two.daemon.configure(yaml(100, agent, onFailure, timeout));
  expect((await two.daemon.command('reload')).code).toBe(0);
}

describe('fencing', () => {
  it('is not done where nobody was heard, by one that preempts, nor to one that lets go', async () => {
    await one.daemon.stop();
    await stage.owners.become(VIP, ['two']);
    await one.start(yaml(150, place('agent')));
    await stage.owners.become(VIP, ['one']);
    await heard();
    expect(await fenced()).toEqual([]);
  });

  it('comes before the take-over from a silent director, and is told whom', async () => {
    const pids = await falls();
    const killed = one.daemon.process.exit;
    await stage.owners.become(VIP, ['two']);
    await killed;
    expect((await fenced())[0]).toBe('off of 10.1.1.1');
    const { guards } = await two.daemon.status();
    expect(guards.fencing).toMatchObject({ last: { done: true } });
    await comesBack(pids);
  });

  it.each(['fail', 'hang'] as const)(
    'that does not succeed (%s) means no take-over, and is tried again',
    async (how) => {
      await mode(how);
      const before = (await fenced()).length;
      const mark = two.daemon.log.mark;
      const pids = await falls();
      // Its kernel has removed the address, and nobody takes it.
      await stage.owners.become(VIP, []);
      const since = stage.owners.changes.mark;
      await two.daemon.said('no take-over: the fence failed', { since: mark });
      await vi.waitFor(async () => expect((await fenced()).length).toBeGreaterThan(before + 1), {
        timeout: 60_000,
      });
      expect(stage.owners.changes.all.slice(since)).toEqual([]);
      const [router] = (await two.daemon.status()).virtualRouters;
      expect(router?.state).toBe('backup');
      await mode('off');
      await stage.owners.become(VIP, ['two']);
      await comesBack(pids);
    },
  );

  it('that fails is followed by a take-over after the configured time', async () => {
    await reload(place('agent'), '{ take_over_after: 3s }');
    await heard();
    await mode('fail');
    const since = two.daemon.log.mark;
    const pids = await falls();
    const failed = await two.daemon.said('fencing for router/web: failed', { since });
    await stage.owners.become(VIP, ['two']);
    const [last] = stage.owners.changes.all.slice(-1);
    expect((last?.time ?? 0) - Date.parse(failed.time)).toBeGreaterThan(2_900);
    await comesBack(pids);
  });

  it('is done once for all virtual routers of the silent director, early and late', async () => {
    await mode('off');
    const both = (priority: number) => {
      const late = `{ interface: eth0, vrid: 2, priority: ${priority}, advert_interval: 1s, down_adverts: 8`;
      return yaml(priority, place('agent'), 'refuse', '3s', `\n  late: ${late}, addresses: [${LATE}/24] }`);
    };
    for (const [director, priority] of [
      [one, 150],
      [two, 100],
    ] as const) {
      await director.daemon.configure(both(priority));
      expect((await director.daemon.command('reload')).code).toBe(0);
    }
    await stage.owners.become(LATE, ['one']);
    await vi.waitFor(
      async () => {
        const { virtualRouters } = await two.daemon.status();
        for (const { explanation } of virtualRouters)
          expect(explanation).toMatch(/^heard 10\.1\.1\.1 priority 150/);
      },
      { timeout: 60_000, interval: 100 },
    );
    const before = (await fenced()).length;
    const pids = await falls();
    await stage.owners.become(LATE, ['two']);
    await stage.owners.become(VIP, ['two']);
    expect((await fenced()).slice(before)).toEqual(['off of 10.1.1.1', 'status of 10.1.1.1']);
    await comesBack(pids);
  });

  it('is done by an agent of the distribution', async () => {
    await writeFile(STATUS, 'on');
    await reload('fence_dummy', 'refuse', '20s');
    await heard();
    const pids = await falls();
    await stage.owners.become(VIP, ['two']);
    expect(await readFile(STATUS, 'utf8')).toBe('off');
    await comesBack(pids);
  });
});
