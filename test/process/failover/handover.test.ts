/** `vipward handover` and `vipward resume` between two daemons, as a client sees them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDaemon, VIPWARD } from '../../lab/support/daemon.ts';
import { losesNoProbe } from '../lossless.ts';
import { becomes, createStage, held, type Pair, routerOf, type Stage, startPair } from './stage.ts';

const VIP = '10.1.1.201';
/** Whoever stands still for three of these intervals gives up, which a busy machine must not bring about. */
const yaml = (priority: number) => `
virtual_routers:
  web: { interface: eth0, vrid: 1, priority: ${priority}, advert_interval: 1s, addresses: [${VIP}/24] }
  side: { interface: eth1, vrid: 2, priority: ${priority}, advert_interval: 1s, addresses: [10.2.2.202/24] }
`;

let stage: Stage;
let pair: Pair;

beforeAll(async () => {
  stage = await createStage();
  pair = await startPair(stage, yaml);
});
afterAll(() => stage?.lab.close());

const takeBack = async (): Promise<void> => {
  const since = pair.one.log.mark;
  await pair.one.command('resume', 'web');
  await becomes(pair.one, 'web', 'MASTER', since);
  await expect.poll(() => routerOf(pair.two, 'web')).toMatchObject({ state: 'backup' });
};

describe('a hand-over by command', () => {
  it.each(['web', 'side'])('begins with one active: %s', async (name) => {
    await becomes(pair.one, name, 'MASTER');
    await expect.poll(() => routerOf(pair.two, name)).toMatchObject({ state: 'backup' });
  });

  it('has the other take over with no probe lost, and says who it was', async () => {
    await losesNoProbe(
      stage.client,
      VIP,
      async () => {
        const since = pair.two.log.mark;
        expect(await pair.one.command('handover', 'web')).toEqual({
          code: 0,
          stdout: 'web: handed over to 10.1.1.5\n',
          stderr: '',
        });
        await becomes(pair.two, 'web', 'MASTER', since);
        // Both wait for a moment like this: the old one has let go when the command returns.
        expect([await held(stage.one, VIP), await held(stage.two, VIP)]).toEqual([[], [VIP]]);
      },
      takeBack,
    );
  });

  it('is not undone by preemption, and concerns nobody else', async () => {
    expect(await routerOf(pair.one, 'web')).toMatchObject({
      state: 'backup',
      explanation: expect.stringContaining('does not preempt since it handed over by command'),
    });
    expect((await routerOf(pair.one, 'side')).state).toBe('active');
  });

  it('ends with resume: it preempts again, and again no probe is lost', async () => {
    await losesNoProbe(stage.client, VIP, takeBack, async () => {
      expect((await pair.one.command('handover', 'web')).code).toBe(0);
    });
  });

  it('of what is a backup has nothing to do; of a name that nobody has is an error', async () => {
    const { code, stdout } = await pair.two.command('handover', 'web');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^web: was not active here/)]);
    expect(await pair.two.command('handover', 'wbe')).toMatchObject({
      code: 1,
      stderr: 'wbe: there is no virtual router of this name\n',
    });
  });
});

describe('with --stay-down', () => {
  it('all of them go, and are kept backups', async () => {
    const since = pair.two.log.mark;
    const { code, stdout } = await pair.one.command('handover', '--stay-down');
    expect([code, stdout.split('\n').sort()]).toEqual([
      0,
      ['', 'side: handed over to 10.2.2.5', 'web: handed over to 10.1.1.5'],
    ]);
    await becomes(pair.two, 'side', 'MASTER', since);
    expect(await routerOf(pair.one, 'web')).toMatchObject({ state: 'backup', standby: true });
  });

  it('survives another name', async () => {
    const named = async (name: string) => {
      await pair.one.configure(yaml(150).replace(/ (web|www):/, ` ${name}:`));
      expect((await pair.one.command('reload')).code).toBe(0);
      expect(await routerOf(pair.one, name)).toMatchObject({ state: 'backup', standby: true });
    };
    await named('www');
    await named('web');
  });

  it('survives a restart of the daemon, even with nobody else there', async () => {
    await pair.one.stop();
    const { file, runtimeDir } = pair.one;
    const process = await stage.one.spawn([
      ...[VIPWARD, 'run', '--config', file, '--runtime-dir', runtimeDir],
      ...['--state-dir', `${runtimeDir}/state`],
    ]);
    await process.stdout.waitFor((line) => line.includes('vipward is ready'));
    const mine = () => routerOf(pair.one, 'web');
    await expect.poll(mine).toMatchObject({ state: 'backup', standby: true });
    await pair.two.stop();
    await expect
      .poll(async () => (await mine()).activeRouter, { timeout: 60_000 })
      .toMatchObject({ priority: 0 });
    expect(await mine()).toMatchObject({
      state: 'backup',
      explanation: 'kept a backup by vipward handover --stay-down, until vipward resume',
    });
    expect(await held(stage.one, VIP)).toEqual([]);
  });

  it('ends with resume', async () => {
    const { code, stdout } = await pair.one.command('resume');
    expect([code, stdout.split('\n').sort()]).toEqual([
      0,
      ['', 'side: may be active again', 'web: may be active again'],
    ]);
    await expect.poll(() => routerOf(pair.one, 'web')).toMatchObject({ state: 'active' });
  });
});

describe('with nobody there', () => {
  it('the command fails, and it stays active, with or without --stay-down', async () => {
    for (const options of [[], ['--stay-down']]) {
      const { code, stdout, stderr } = await pair.one.command('handover', 'web', ...options);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(/^web: STILL ACTIVE HERE: no other director took over/);
      expect(await routerOf(pair.one, 'web')).toMatchObject({ state: 'active', standby: false });
      expect(await held(stage.one, VIP)).toEqual([VIP]);
    }
  });
});

describe('a vrrp process that dies before it has answered', () => {
  it('the command fails then, and does not wait any longer', async () => {
    const daemon = await startDaemon(stage.two, yaml(100), { instance: 'dying' });
    await becomes(daemon, 'side', 'BACKUP');
    await stage.two.run(['kill', '-STOP', String(await daemon.pidOf('vrrp'))]);
    expect(await daemon.command('handover', 'web')).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining(
        'the vrrp process died meanwhile: see vipward status on both directors',
      ),
    });
    await daemon.said('vrrp process has been silent');
    await daemon.stop();
  });
});
