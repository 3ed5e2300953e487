import { afterEach, describe, expect, it } from 'vitest';
import { Child, type ChildOptions } from '../../../src/manager/child.ts';
import type { CheckerToManager, ManagerToChecker } from '../../../src/model/messages.ts';
import { milliseconds } from '../../../src/model/units.ts';
import { until } from '../../support/until.ts';

const node = process.execPath;
afterEach(() => {
  process.execPath = node;
});

const checker = (
  said: string[],
  options: Pick<ChildOptions<CheckerToManager>, 'silenceLimit' | 'onReady'>,
): Child<ManagerToChecker, CheckerToManager> =>
  new Child({
    name: 'checker',
    nodeOptions: [],
    environment: {},
    log: (_, message) => said.push(message),
    onMessage: () => undefined,
    onLost: () => undefined,
    ...options,
  });

describe('a process that cannot be started', () => {
  it('is told, and tried again until it can', async () => {
    const said: string[] = [];
    const ready = Promise.withResolvers<void>();
    const child = checker(said, { silenceLimit: milliseconds(60_000), onReady: ready.resolve });
    process.execPath = '/nonexistent/node';
    child.start();
    await until(() => said.length > 0);
    expect(said[0]).toMatch(/^checker process cannot be started: .*ENOENT; tried again in 250 ms$/);
    const { lost, ...status } = child.status;
    expect(status).toEqual({ name: 'checker', pid: undefined, state: 'restarting', restarts: 1 });
    expect(lost?.nextAt).toBe((lost?.at ?? 0) + 250);
    process.execPath = node;
    await ready.promise;
    expect(child.running).toBe(true);
    expect(child.status.lost).toBeUndefined();
    await child.stop({ type: 'stop' }, milliseconds(10_000));
  });
});

describe('a process that is stopped', () => {
  it('is not blamed for the time in which this process stood still', async () => {
    const said: string[] = [];
    const ready = Promise.withResolvers<void>();
    const child = checker(said, { silenceLimit: milliseconds(60_000), onReady: ready.resolve });
    child.start();
    await ready.promise;
    const limit = milliseconds(2_000);
    const stopped = child.stop({ type: 'stop' }, limit);
    // Told, and gone before anybody looks.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, limit + 100);
    await stopped;
    expect(said).toEqual([]);
  });
});

describe('a process that is silent', () => {
  it('is killed, and the next one has twice the time: a busy machine is no reason to kill for ever', async () => {
    const said: string[] = [];
    // A checker without work says nothing for seconds.
    const child = checker(said, { silenceLimit: milliseconds(200), onReady: () => undefined });
    child.start();
    const killed = (): readonly string[] => said.filter((line) => line.includes('silent'));
    await until(() => killed().length > 2);
    expect(killed()).toEqual(
      [200, 400, 800].map((limit) => `checker process has been silent for ${limit} ms: killed`),
    );
    await child.stop({ type: 'stop' }, milliseconds(10_000));
  });
});
