import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { DaemonRole, DaemonSpec, SyncDaemon } from '../../../src/kernel/ipvs.ts';
import { KernelError } from '../../../src/kernel/kernel-error.ts';
import { ConnectionSyncKeeper, type KernelDaemons } from '../../../src/manager/connection-sync.ts';
import { RememberedSyncIds } from '../../../src/manager/sync-ids.ts';
import type { IpAddress } from '../../../src/model/address.ts';
import type { ConnectionSync } from '../../../src/model/sync.ts';
import { ERRNO } from '../../../src/sys/errors.ts';

const DEFAULTS = { maxLength: 1472, group: '224.0.0.81' as IpAddress, port: 8848, ttl: 1 };
const SYNC: ConnectionSync = {
  interface: 'eth0',
  id: 7,
  follow: undefined,
  maxLength: undefined,
  group: undefined,
  port: undefined,
  ttl: undefined,
};

/** Two places, one for each role, as the kernel has them. */
class FakeDaemons implements KernelDaemons {
  running: SyncDaemon[] = [];
  readonly calls: string[] = [];
  refusal: number | undefined;
  open = true;

  listDaemons(): readonly SyncDaemon[] {
    return [...this.running];
  }

  startDaemon(spec: DaemonSpec): void {
    const taken = this.running.some(({ role }) => role === spec.role);
    const errno = taken ? ERRNO.EEXIST : this.refusal;
    if (errno !== undefined) throw new KernelError({ operation: 'start', object: spec.role }, errno);
    this.calls.push(`start ${spec.role} ${spec.syncId}`);
    this.running.push({ ...DEFAULTS, ...spec });
  }

  stopDaemon(role: DaemonRole, syncId: number): boolean {
    const found = this.running.find((each) => each.role === role && each.syncId === syncId);
    this.running = this.running.filter((each) => each !== found);
    if (found !== undefined) this.calls.push(`stop ${role} ${syncId}`);
    return found !== undefined;
  }

  close(): void {
    this.open = false;
  }
}

let kernel: FakeDaemons;
let lines: string[];
let keeper: ConnectionSyncKeeper;

beforeEach(() => {
  vi.useFakeTimers();
  kernel = new FakeDaemons();
  lines = [];
  keeper = new ConnectionSyncKeeper({ log: (_, message) => lines.push(message), open: () => kernel });
});
afterEach(() => {
  keeper.stop();
  vi.useRealTimers();
});

describe('connection synchronisation', () => {
  it('follows the virtual router, the new role before the old one goes', () => {
    keeper.configure(SYNC);
    expect(kernel.calls).toEqual([]);
    keeper.state(false);
    keeper.state(true);
    keeper.state(true);
    keeper.state(false);
    expect(kernel.calls).toEqual([
      'start backup 7',
      'start master 7',
      'stop backup 7',
      'start backup 7',
      'stop master 7',
    ]);
    expect(keeper.status).toEqual({ role: 'backup', problem: undefined, foreign: [] });
  });

  it('leaves what a former process of ours started as it is, where it is right', () => {
    kernel.running = [{ ...DEFAULTS, role: 'master', interface: 'eth0', syncId: 7 }];
    keeper.configure(SYNC);
    keeper.state(true);
    expect(kernel.calls).toEqual([]);
    keeper.state(false);
    expect(kernel.calls).toEqual(['start backup 7', 'stop master 7']);
  });

  it.each([
    ['nothing', undefined, ['stop master 7']],
    ['another id', { ...SYNC, id: 8, interface: 'eth1' }, ['stop master 7', 'start master 8']],
  ])('that a killed process left is stopped when the file wants %s now', (_, wanted, calls) => {
    const directory = mkdtempSync(join(tmpdir(), 'vipward-sync-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const next = () =>
      new ConnectionSyncKeeper({
        log: () => undefined,
        open: () => kernel,
        ids: new RememberedSyncIds(
          directory,
          () => undefined,
          () => 'this boot',
        ),
      });
    const killed = next();
    killed.configure(SYNC);
    killed.state(true);
    kernel.calls.length = 0;
    const one = next();
    one.configure(wanted);
    one.state(true);
    expect(kernel.calls).toEqual(calls);
    one.stop();
    kernel.running = [{ ...DEFAULTS, role: 'master', interface: 'eth0', syncId: 7 }];
    // Which is nobody's of ours any more.
    next().configure(undefined);
    expect(kernel.running).toHaveLength(1);
  });

  it('starts it anew with other options, or another id', () => {
    keeper.configure(SYNC);
    keeper.state(true);
    keeper.configure({ ...SYNC, port: 9000 });
    keeper.configure({ ...SYNC, port: 9000, id: 8 });
    expect(kernel.calls).toEqual([
      'start master 7',
      'stop master 7',
      'start master 7',
      'stop master 7',
      'start master 8',
    ]);
    expect(kernel.running).toEqual([
      { ...DEFAULTS, role: 'master', interface: 'eth0', syncId: 8, port: 9000 },
    ]);
  });

  it("leaves somebody else's alone, and tells of it", () => {
    kernel.running = [{ ...DEFAULTS, role: 'backup', interface: 'eth1', syncId: 99 }];
    keeper.configure(SYNC);
    keeper.state(true);
    expect(keeper.status).toEqual({
      role: 'master',
      problem: undefined,
      foreign: ['backup sync daemon 99 on eth1'],
    });
    keeper.state(false);
    // The place is taken; a master where none should be is stopped all the same.
    expect(keeper.status.problem).toContain('EEXIST');
    expect(kernel.running).toEqual([{ ...DEFAULTS, role: 'backup', interface: 'eth1', syncId: 99 }]);
    kernel.running = [];
    vi.advanceTimersByTime(1_000);
    expect(keeper.status).toEqual({ role: 'backup', problem: undefined, foreign: [] });
  });

  it('starts one that somebody stopped, and one that was refused, logging it once', () => {
    kernel.refusal = ERRNO.ENODEV;
    keeper.configure(SYNC);
    keeper.state(true);
    vi.advanceTimersByTime(5_000);
    expect(lines.filter((line) => line.includes('ENODEV'))).toHaveLength(1);
    kernel.refusal = undefined;
    vi.advanceTimersByTime(1_000);
    expect(kernel.calls).toEqual(['start master 7']);
    kernel.running = [];
    vi.advanceTimersByTime(10_000);
    expect(kernel.calls).toEqual(['start master 7', 'start master 7']);
  });

  it('waits for a kernel without IPVS to have it', () => {
    let there = false;
    const waiting = new ConnectionSyncKeeper({
      log: () => {},
      open: () => {
        if (!there) throw new Error('the kernel has no IPVS');
        return kernel;
      },
    });
    waiting.configure(SYNC);
    waiting.state(false);
    expect(waiting.status.problem).toBe('the kernel has no IPVS');
    there = true;
    vi.advanceTimersByTime(1_000);
    expect(waiting.status).toMatchObject({ role: 'backup', problem: undefined });
    waiting.stop();
  });

  it('stops ours at the end, and touches nothing where nothing was ever wanted', () => {
    keeper.configure(SYNC);
    keeper.state(true);
    keeper.stop();
    expect(kernel.running).toEqual([]);
    expect(kernel.open).toBe(false);
    keeper.state(false);
    expect(kernel.running).toEqual([]);
    const untouched = new ConnectionSyncKeeper({
      log: () => {},
      open: () => {
        throw new Error('opened');
      },
    });
    untouched.configure(undefined);
    untouched.state(true);
    expect(untouched.status.problem).toBeUndefined();
    untouched.stop();
  });
});
