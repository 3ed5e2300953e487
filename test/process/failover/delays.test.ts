/** How long a director waits before it acts: each wait on a virtual router of its own, beside one that does not wait. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Daemon, type LogLine, startDaemon } from '../../lab/support/daemon.ts';
import { until } from '../../support/until.ts';
import { advertsOf, becomes, createStage, routerOf, type Stage } from './stage.ts';

/** Nobody waits any longer once the other has stood still for three intervals: those that wait have long ones. */
const yaml = (priority: number) => `
virtual_routers:
  eager: { interface: eth0, vrid: 1, priority: ${priority}, advert_interval: 100ms, addresses: [10.1.1.201/24] }
  polite:
    { interface: eth0, vrid: 2, priority: ${priority}, advert_interval: 1s, addresses: [10.1.1.202/24],
      preempt: { delay: 4s } }
  late:
    { interface: eth0, vrid: 3, priority: ${priority}, advert_interval: 1s, addresses: [10.1.1.203/24],
      startup_delay: 4s }
  modest:
    { interface: eth0, vrid: 4, priority: ${priority}, advert_interval: 1s, addresses: [10.1.1.204/24],
      preempt: false }
  patient:
    { interface: eth0, vrid: 5, priority: ${priority}, advert_interval: 100ms, addresses: [10.1.1.205/24],
      down_adverts: 9 }
`;
const NAMES = ['eager', 'polite', 'late', 'modest', 'patient'] as const;

let stage: Stage;
let one: Daemon;
let two: Daemon;

beforeAll(async () => {
  stage = await createStage();
  two = await startDaemon(stage.two, yaml(100));
  for (const name of NAMES) await becomes(two, name, 'MASTER');
  one = await startDaemon(stage.one, yaml(150));
});
afterAll(() => stage?.lab.close());

const between = (from: LogLine, to: LogLine): number => Date.parse(to.time) - Date.parse(from.time);
/**
 * No wait may seem this much too short: on a busy machine the manager may tell of its beginning long after it began.
 * Without a delay it takes 0.4 s.
 */
const SLACK = 2_500;

describe('a director of higher priority that comes later', () => {
  it('waits where preemption has a delay, and says for how long', async () => {
    const began = await becomes(one, 'polite', 'BACKUP');
    const { explanation, state } = await until(async () => {
      const router = await routerOf(one, 'polite');
      return router.explanation.startsWith('nobody was heard yet') ? undefined : router;
    });
    if (state === 'backup')
      expect(explanation).toMatch(/heard 10\.1\.1\.5 priority 100 .*; preempts it in \d\.\d s/);
    expect(between(began, await becomes(one, 'polite', 'MASTER'))).toBeGreaterThan(4_000 - SLACK);
  });

  it('listens first where its start has a delay', async () => {
    const began = await becomes(one, 'late', 'BACKUP');
    expect(between(began, await becomes(one, 'late', 'MASTER'))).toBeGreaterThan(4_000 - SLACK);
  });

  it('does not preempt where it must not, and says so', async () => {
    await becomes(one, 'eager', 'MASTER');
    await expect
      .poll(() => routerOf(one, 'modest'))
      .toMatchObject({
        state: 'backup',
        explanation: expect.stringMatching(
          /^heard 10\.1\.1\.5 priority 100 .*; preempt is off; own priority 150$/,
        ),
      });
  });
});

describe('down_adverts', () => {
  it('are missed before the active director is taken for dead', async () => {
    await becomes(one, 'patient', 'MASTER');
    await expect.poll(() => routerOf(two, 'patient')).toMatchObject({ state: 'backup' });
    const since = two.log.mark;
    await stage.one.ports[0]?.disconnect();
    await becomes(two, 'eager', 'MASTER', since);
    const taken = await becomes(two, 'patient', 'MASTER', since);
    expect(taken.reason).toMatch(/^no advert from 10\.1\.1\.4 for (0\.9|[1-9])/);
    await stage.wire.events.waitFor(
      () => (advertsOf(stage, '10.1.1.5', 5).at(-1)?.time ?? 0) > Date.parse(taken.time) - 50,
    );
    const last = advertsOf(stage, '10.1.1.4', 5).at(-1)?.time ?? 0;
    const first = advertsOf(stage, '10.1.1.5', 5).find(({ time }) => time > last)?.time ?? 0;
    expect(first - last).toBeGreaterThan(9 * 100);
  });
});
