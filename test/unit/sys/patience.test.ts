import { stat } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { milliseconds } from '../../../src/model/units.ts';
import { patiently } from '../../../src/sys/patience.ts';

/** This process does nothing for so many ms, as if the machine were paused. */
const standStill = (duration: number): void =>
  void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, duration);

it('ends a wait when its time has passed, once', async () => {
  const run = vi.fn();
  const from = performance.now();
  patiently(milliseconds(100), run);
  await vi.waitUntil(() => run.mock.calls.length > 0, { timeout: 60_000 });
  // Timers of Node count whole milliseconds, and may be one early.
  expect(performance.now() - from).toBeGreaterThan(90);
});

it('hears first what came while this process stood still', async () => {
  // From here on timers come next.
  await new Promise((turn) => setImmediate(turn));
  const late = vi.fn();
  const { promise, resolve } = Promise.withResolvers<void>();
  const relent = patiently(milliseconds(20), late);
  stat('/', () => {
    relent();
    resolve();
  });
  standStill(500);
  await promise;
  await new Promise((done) => setTimeout(done, 100));
  expect(late).not.toHaveBeenCalled();
});

it('leaves out the time in which this process stood still', async () => {
  const late = Promise.withResolvers<number>();
  patiently(milliseconds(1_000), () => late.resolve(performance.now()));
  standStill(1_500);
  const from = performance.now();
  expect((await late.promise) - from).toBeGreaterThan(700);
});

it('ends a wait all the same where this process hardly ever runs', async () => {
  let over = false;
  patiently(milliseconds(5), () => {
    over = true;
  });
  let turns = 0;
  for (; !over && turns < 100; turns++) {
    standStill(250);
    await new Promise((done) => setTimeout(done, 2));
  }
  expect(turns).toBeLessThan(20);
});
