import { afterEach, describe, expect, it } from 'vitest';
import { Child } from '../../../src/manager/child.ts';
import type { CheckerToManager, ManagerToChecker } from '../../../src/model/messages.ts';
import { milliseconds } from '../../../src/model/units.ts';
import { until } from '../../support/until.ts';

const node = process.execPath;
afterEach(() => {
  process.execPath = node;
});

describe('a process that cannot be started', () => {
  it('is told, and tried again until it can', async () => {
    const said: string[] = [];
    const ready = Promise.withResolvers<void>();
    const child = new Child<ManagerToChecker, CheckerToManager>({
      name: 'checker',
      nodeOptions: [],
      environment: {},
      silenceLimit: milliseconds(60_000),
      log: (_, message) => said.push(message),
      onMessage: () => undefined,
      onReady: ready.resolve,
      onLost: () => undefined,
    });
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
