/** What a power cut leaves of a state file, and what a machine that is short of something does to it. */
import fs, { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { readIdentity } from '../../../src/manager/arbiter/identity.ts';
import { damagedFiles } from '../../../src/manager/damaged.ts';
import { DeliveredStates } from '../../../src/manager/notify/delivered.ts';
import { StateFile } from '../../../src/manager/state-file.ts';
import { writeState } from '../../../src/realserver/state.ts';

/** What the kernel answers to the opening of a file; undefined: it opens it. */
let refusal: Error | undefined;
vi.mock(import('../../../src/sys/regular-file.ts'), async (original) => {
  const { readRegularFile } = await original();
  return {
    readRegularFile: (file, limit) => {
      if (refusal !== undefined) throw refusal;
      return readRegularFile(file, limit);
    },
  };
});

const tooMany = (): Error =>
  Object.assign(new Error('EMFILE: too many open files, open'), { code: 'EMFILE', syscall: 'open' });
let directory: string;
const log = (): void => undefined;
const at = (name: string): string => join(directory, name);
const standby = (durable: 'at once' | 'soon' = 'soon') =>
  new StateFile({
    ...{ directory, name: 'standby.json', limit: 100, log, unwritable: 'it is forgotten', durable },
    schema: z.object({ names: z.array(z.string()) }),
  });

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vipward-state-file-'));
  refusal = undefined;
});
afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
  rmSync(directory, { recursive: true });
});

/** What is done to the disk, in order, from now on. */
function watchDisk(): readonly string[] {
  const calls: string[] = [];
  const { fsyncSync, fsync, renameSync } = fs;
  vi.spyOn(fs, 'fsyncSync').mockImplementation((fd) => {
    calls.push('flush');
    fsyncSync(fd);
  });
  vi.spyOn(fs, 'fsync').mockImplementation((fd, done) => {
    calls.push('flush behind');
    fsync(fd, done);
  });
  vi.spyOn(fs, 'renameSync').mockImplementation((from, to) => {
    calls.push('rename');
    renameSync(from, to);
  });
  syncBuiltinESMExports();
  return calls;
}

describe('is on the disk', () => {
  it('before it takes the place of another', () => {
    const calls = watchDisk();
    standby('at once').write({ names: ['web'] });
    expect(calls).toEqual(['flush', 'rename']);
  });

  it('soon after, where a slow disk must hold up nothing', async () => {
    const calls = watchDisk();
    standby('soon').write({ names: ['web'] });
    expect(calls).toEqual(['rename']);
    await vi.waitFor(() => expect(calls).toEqual(['rename', 'flush behind']), { timeout: 30_000 });
  });

  it('as a real server, and as an identity', () => {
    const calls = watchDisk();
    writeState(directory, {
      version: 1,
      kernel: '',
      roles: {},
      settings: [],
      links: [],
      opened: [],
      addresses: [],
    });
    readIdentity(directory, log);
    expect(calls).toEqual(['flush', 'rename', 'flush', 'rename']);
  });
});

describe('that cannot be opened just now', () => {
  it('is left for the next start, and told until then', () => {
    writeFileSync(at('standby.json'), '{"names":["web"]}');
    refusal = tooMany();
    expect(standby().read()).toBeUndefined();
    expect(readdirSync(directory)).toEqual(['standby.json']);
    expect(damagedFiles(directory)).toEqual([
      expect.stringMatching(/^standby\.json could not be read: no virtual router is kept .*EMFILE.*restart/),
    ]);
    refusal = undefined;
    expect(standby().read()).toEqual({ names: ['web'] });
  });

  it('is put aside before another takes its place', async () => {
    writeFileSync(at('standby.json'), '{"names":["web"]}');
    writeFileSync(at('notify.json'), '{"version":1,"targets":{}}');
    refusal = tooMany();
    const file = standby();
    expect(file.read()).toBeUndefined();
    const delivered = new DeliveredStates(directory, log);
    expect(damagedFiles(directory)).toHaveLength(2);
    expect(file.write({ names: ['db'] })).toBe(true);
    delivered.remember('INSTANCE vip1', 'MASTER');
    await delivered.saved();
    refusal = undefined;
    expect(file.read()).toEqual({ names: ['db'] });
    expect(new DeliveredStates(directory, log).of('INSTANCE vip1')).toBe('MASTER');
    const copies = readdirSync(directory).filter((name) => name.includes('.damaged-'));
    expect(copies.map((name) => readFileSync(at(name), 'utf8')).sort()).toEqual([
      '{"names":["web"]}',
      '{"version":1,"targets":{}}',
    ]);
    // Those lines are of the copies now.
    expect(damagedFiles(directory)).toHaveLength(2);
  });

  it('is no reason for another identity for ever', () => {
    const identity = readIdentity(directory, log);
    refusal = tooMany();
    expect(readIdentity(directory, log)).not.toBe(identity);
    refusal = undefined;
    expect(readIdentity(directory, log)).toBe(identity);
  });
});
