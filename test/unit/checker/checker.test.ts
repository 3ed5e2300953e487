import { describe, expect, test } from 'vitest';
import { createChecker } from '../../../src/checker/checker.ts';
import { GRACE, type ProbeTarget } from '../../../src/checker/probe.ts';
import type { CheckResult, Health } from '../../../src/model/check.ts';
import { milliseconds } from '../../../src/model/units.ts';
import { createFakeTime, settled } from './fake-time.ts';
import { result, TCP, target } from './targets.ts';

const GOOD = result('L4OK', 'connected');
const BAD = result('L4CON', 'connection refused');
const named = (id: string, check = TCP) => target(80, check, id);

/** A checker whose probes take `duration` and answer with `answer`, and a record of what it did. */
function setUp(answer: (id: string) => CheckResult = () => GOOD, duration = 10, mostAtOnce = 1000) {
  const time = createFakeTime();
  const starts: { id: string; at: number }[] = [];
  const told: { id: string; health: Health }[] = [];
  const running = new Map<string, number>();
  let mostRunning = 0;
  const probe: ProbeTarget = ({ id }, signal) =>
    new Promise((resolve, reject) => {
      starts.push({ id, at: time.now() });
      running.set(id, (running.get(id) ?? 0) + 1);
      mostRunning = Math.max(
        mostRunning,
        [...running.values()].reduce((sum, count) => sum + count),
      );
      const end = (): void => void running.set(id, (running.get(id) ?? 0) - 1);
      const cancel = time.at(milliseconds(time.now() + duration) as never, () => {
        end();
        resolve(answer(id));
      });
      signal.addEventListener('abort', () => {
        cancel();
        if ((running.get(id) ?? 0) > 0) end();
        reject(signal.reason);
      });
    });
  const checker = createChecker({
    time,
    probe,
    onHealth: ({ id }, health) => told.push({ id, health }),
    mostAtOnce,
  });
  const startsOf = (id: string) => starts.filter((start) => start.id === id).map((start) => start.at);
  return { time, starts, startsOf, told, running, checker, mostRunning: () => mostRunning };
}

describe('the checker', () => {
  test('probes every interval and tells news only', async () => {
    let answer = GOOD;
    const { time, checker, startsOf, told } = setUp(() => answer);
    checker.setTargets([named('a')], {});
    await time.advanceAsync(30_000);
    expect(startsOf('a').length).toBeGreaterThanOrEqual(10);
    expect(told).toEqual([{ id: 'a', health: { healthy: true, against: 0, last: GOOD } }]);
    answer = BAD;
    await time.advanceAsync(30_000);
    expect(told.slice(1)).toEqual([{ id: 'a', health: { healthy: false, against: 0, last: BAD } }]);
  });

  test('a reload moves no target that stays, aborts those that go, and starts those that come', async () => {
    const one = setUp();
    const other = setUp();
    one.checker.setTargets([named('a'), named('b')], {});
    other.checker.setTargets([named('a'), named('b')], {});
    for (const { time } of [one, other]) await time.advanceAsync(10_000);
    other.checker.setTargets([named('c'), named('a')], { a: { healthy: false, against: 0, last: BAD } });
    for (const { time } of [one, other]) await time.advanceAsync(10_000);
    expect(other.startsOf('a')).toEqual(one.startsOf('a'));
    expect(other.startsOf('b').every((at) => at <= 1_010_000)).toBe(true);
    expect(other.startsOf('c').length).toBeGreaterThan(1);
    expect(Object.keys(other.checker.health())).toEqual(['a', 'c']);
    expect(other.checker.health().a?.healthy).toBe(true);
  });

  test('health from before a restart goes on', async () => {
    const { time, checker, told } = setUp(() => BAD);
    checker.setTargets([named('a', { ...TCP, fall: 3 })], { a: { healthy: true, against: 2, last: GOOD } });
    await time.advanceAsync(3_100);
    expect(told.at(-1)?.health).toEqual({ healthy: false, against: 0, last: BAD });
  });

  test('a probe under way is aborted when its target goes, and says nothing more', async () => {
    const { time, checker, running, told } = setUp(() => BAD, 500);
    checker.setTargets([named('a')], {});
    await time.advanceAsync(100);
    expect(running.get('a')).toBe(1);
    checker.setTargets([], {});
    await settled();
    expect(running.get('a')).toBe(0);
    await time.advanceAsync(10_000);
    expect(told).toEqual([]);
    expect(time.pending()).toBe(0);
  });

  test('never probes a target twice at once, even when a probe outlasts the interval', async () => {
    const { time, checker, startsOf, mostRunning } = setUp(() => GOOD, 1500);
    checker.setTargets([named('a', { ...TCP, interval: milliseconds(1000) })], {});
    await time.advanceAsync(60_000);
    expect(mostRunning()).toBe(1);
    const [, ...gaps] = startsOf('a').map((at, i, all) => at - (all[i - 1] ?? 0));
    // Each second point of the grid is skipped; the first start alone is off the grid.
    for (const gap of gaps.slice(1)) expect(gap).toBeCloseTo(2000, 3);
  });

  test('asks once more where it stood still before a bad result, and takes what comes then', async () => {
    const answers = [GOOD, BAD, GOOD, BAD, BAD, GOOD, GOOD];
    const { time, checker, startsOf, told } = setUp(() => answers.shift() ?? GOOD, 100);
    checker.setTargets([named('a')], {});
    const asked = () => startsOf('a').length;
    const verdicts = () => told.map(({ health }) => health.healthy);
    const untilAsked = async (times: number): Promise<void> => {
      while (asked() < times) await time.advanceAsync(10);
    };
    await untilAsked(2);
    time.standStill();
    await time.advanceAsync(150);
    // Bad, asked again at once, good.
    expect([asked(), verdicts()]).toEqual([3, [true]]);
    await untilAsked(4);
    time.standStill();
    await time.advanceAsync(150);
    time.standStill();
    await time.advanceAsync(150);
    // The second one counts in any case: a machine that always stands still is told of the dead all the same.
    expect([asked(), verdicts()]).toEqual([5, [true, false]]);
    await untilAsked(6);
    time.standStill();
    await time.advanceAsync(150);
    expect([asked(), verdicts()]).toEqual([6, [true, false, true]]);
  });

  test('bounds what runs at once, and everybody has a turn', async () => {
    const { time, checker, startsOf, mostRunning } = setUp(() => GOOD, 100, 4);
    const ids = Array.from({ length: 40 }, (_, i) => `target ${i}`);
    checker.setTargets(
      ids.map((id) => named(id, { ...TCP, interval: milliseconds(500) })),
      {},
    );
    await time.advanceAsync(10_000);
    expect(mostRunning()).toBe(4);
    // 400 turns of a tenth of a second on four slots: ten each.
    for (const id of ids) expect(startsOf(id).length).toBeGreaterThanOrEqual(6);
  });

  test('a probe that throws, or never ends, is our own trouble and is tried again', async () => {
    const time = createFakeTime();
    const told: Health[] = [];
    const probes: ProbeTarget[] = [
      () => {
        throw new Error('a bug');
      },
      () => Promise.reject(new Error('another bug')),
      () => new Promise(() => {}),
      () => Promise.resolve(GOOD),
    ];
    const checker = createChecker({
      time,
      probe: (...args) => (probes.shift() ?? (() => Promise.resolve(GOOD)))(...args),
      onHealth: (_target, health) => told.push(health),
    });
    checker.setTargets([named('a')], {});
    await time.advanceAsync(30_000 + GRACE);
    expect(told.map(({ healthy, last }) => [healthy, last?.code, last?.text])).toEqual([
      [undefined, 'CHKERR', 'the probe failed: a bug'],
      [undefined, 'CHKERR', 'the probe failed: another bug'],
      [undefined, 'CHKERR', 'the probe did not end by its timeout'],
      [true, 'L4OK', 'connected'],
    ]);
  });
});
