/** What a power cut leaves of a state file, and what a machine that is short of something does to it. */
import { execFileSync } from 'node:child_process';
import fs, {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { readIdentity } from '../../../src/manager/arbiter/identity.ts';
import { damagedFiles } from '../../../src/manager/damaged.ts';
import { DeliveredStates } from '../../../src/manager/notify/delivered.ts';
import { StateFile } from '../../../src/manager/state-file.ts';
import type { Log } from '../../../src/model/messages.ts';
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
const standby = (durable: 'at once' | 'soon' = 'soon', tell: Log = log) =>
  new StateFile({
    ...{ directory, name: 'standby.json', limit: 100, log: tell, unwritable: 'it is forgotten', durable },
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
    calls.push(fs.fstatSync(fd).isDirectory() ? 'flush directory' : 'flush');
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
    expect(calls).toEqual(['flush', 'rename', 'flush directory']);
  });

  it.each([
    ['knows nothing of that', 'EINVAL', true],
    ['fails', 'EIO', false],
  ])('with its name, where the filesystem %s', (_what, code, taken) => {
    const { fsyncSync } = fs;
    vi.spyOn(fs, 'fsyncSync').mockImplementation((fd) => {
      if (fs.fstatSync(fd).isDirectory()) throw Object.assign(new Error(`${code}: fsync`), { code });
      fsyncSync(fd);
    });
    syncBuiltinESMExports();
    const file = standby('at once');
    expect(file.write({ names: ['web'] })).toBe(taken);
    expect(damagedFiles(directory)).toHaveLength(taken ? 0 : 1);
    expect(file.read()).toEqual({ names: ['web'] });
    vi.restoreAllMocks();
    syncBuiltinESMExports();
    expect(file.write({ names: ['web'] })).toBe(true);
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

describe('that the disk does not take', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** The disk is full from now on, until the result is called. */
  function fillDisk(): () => void {
    const { writeFileSync: write } = fs;
    vi.spyOn(fs, 'writeFileSync').mockImplementation((path) => {
      write(path as string, '');
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    });
    syncBuiltinESMExports();
    return () => {
      vi.restoreAllMocks();
      syncBuiltinESMExports();
    };
  }

  it('is told by status, and written once it does', () => {
    const file = standby();
    file.write({ names: ['web'] });
    const empty = fillDisk();
    expect(file.write({ names: ['db'] })).toBe(false);
    expect(damagedFiles(directory)).toEqual([
      expect.stringMatching(
        /^standby\.json cannot be written: it is forgotten \(.*ENOSPC.*\); see to the cause/,
      ),
    ]);
    expect(file.read()).toEqual({ names: ['web'] });
    expect(readdirSync(directory)).toEqual(['standby.json']);
    vi.advanceTimersByTime(60_000);
    expect(damagedFiles(directory)).toHaveLength(1);
    empty();
    vi.advanceTimersByTime(10_000);
    expect(file.read()).toEqual({ names: ['db'] });
    expect(damagedFiles(directory)).toEqual([]);
  });

  it('with one in the way that cannot be put aside either: each is told once', () => {
    const said: string[] = [];
    writeFileSync(at('standby.json'), '{"names":["whole"]}');
    refusal = tooMany();
    const file = standby('soon', (_level, message) => void said.push(message));
    file.read();
    const { renameSync } = fs;
    vi.spyOn(fs, 'renameSync').mockImplementation(() => {
      throw Object.assign(new Error('EROFS: read-only file system, rename'), { code: 'EROFS' });
    });
    syncBuiltinESMExports();
    file.write({ names: ['db'] });
    const once = said.length;
    vi.advanceTimersByTime(60_000);
    expect(said).toHaveLength(once);
    expect(readFileSync(at('standby.json'), 'utf8')).toBe('{"names":["whole"]}');
    vi.mocked(fs.renameSync).mockImplementation(renameSync);
    vi.advanceTimersByTime(10_000);
    refusal = undefined;
    expect(file.read()).toEqual({ names: ['db'] });
    expect(said.slice(once)).toEqual([`${at('standby.json')} is written, as it could not be before`]);
  });

  it('is not written behind what came after it', () => {
    const file = standby();
    const empty = fillDisk();
    file.write({ names: ['old'] });
    empty();
    expect(file.write({ names: ['new'] })).toBe(true);
    vi.advanceTimersByTime(60_000);
    expect(file.read()).toEqual({ names: ['new'] });
    expect(damagedFiles(directory)).toEqual([]);
  });
});

it('leads nowhere else, whatever stands where it is begun', () => {
  const victim = at('victim');
  writeFileSync(victim, 'whole');
  symlinkSync(victim, at('standby.json.new'));
  expect(standby().write({ names: ['web'] })).toBe(true);
  expect(readFileSync(victim, 'utf8')).toBe('whole');
  expect(lstatSync(at('standby.json')).isFile()).toBe(true);
  // Nobody reads that pipe: to open it would last for ever.
  execFileSync('mkfifo', [at('standby.json.new')]);
  expect(standby().write({ names: ['db'] })).toBe(true);
  expect(standby().read()).toEqual({ names: ['db'] });
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
