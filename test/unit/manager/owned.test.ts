import { execFileSync } from 'node:child_process';
import fs, { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { OwnedVirtualServers } from '../../../src/manager/owned.ts';

let directory: string;
const lines: string[] = [];
const open = (where = directory) => new OwnedVirtualServers(where, (_level, message) => lines.push(message));

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vipward-owned-'));
  lines.length = 0;
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('what is ours', () => {
  it('is remembered across a restart', () => {
    open().remember(new Set(['tcp 10.1.1.254:80', 'udp 10.1.1.254:53']));
    expect([...open().keys].sort()).toEqual(['tcp 10.1.1.254:80', 'udp 10.1.1.254:53']);
    expect(lines).toEqual([]);
  });

  it('is nothing at the first start, which is no trouble', () => {
    expect(open(join(directory, 'not-there')).keys.size).toBe(0);
    expect(lines).toEqual([]);
  });

  it.each([
    ['junk', () => writeFileSync(join(directory, 'ipvs-owned.json'), '\0\u{1F4A9}{')],
    ['another version', () => writeFileSync(join(directory, 'ipvs-owned.json'), '{"version":9}')],
    ['a pipe', () => execFileSync('mkfifo', [join(directory, 'ipvs-owned.json')])],
  ])('is forgotten, with a warning, when the file is %s', (_what, make) => {
    make();
    expect(open().keys.size).toBe(0);
    expect(lines).toEqual([expect.stringContaining('only virtual servers of the file are taken for ours')]);
  });

  it('stays in memory when the disk refuses', () => {
    const owned = open('/proc/not/there');
    owned.remember(new Set(['tcp 10.1.1.254:80']));
    expect(owned.keys.has('tcp 10.1.1.254:80')).toBe(true);
    expect(lines).toEqual([expect.stringContaining('cannot write')]);
  });
});

describe('a disk that is full', () => {
  let writes = 0;
  const fill = (): void => {
    vi.spyOn(fs, 'writeFileSync').mockImplementation(() => {
      writes++;
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    });
    syncBuiltinESMExports();
  };
  beforeEach(() => {
    vi.useFakeTimers();
    writes = 0;
  });
  const makeRoom = (): void => {
    vi.restoreAllMocks();
    syncBuiltinESMExports();
  };
  afterEach(() => {
    makeRoom();
    vi.useRealTimers();
  });

  it('is asked when what is ours changes, and by the file itself, not at every look at the table', () => {
    const owned = open();
    fill();
    for (let look = 0; look < 5; look++) owned.remember(new Set(['tcp 10.1.1.254:80']));
    expect(writes).toBe(1);
    vi.advanceTimersByTime(10_000);
    expect(writes).toBe(2);
    owned.remember(new Set(['tcp 10.1.1.254:81']));
    expect(writes).toBe(3);
    expect(lines).toEqual([expect.stringContaining('cannot write'), expect.stringContaining('cannot write')]);
    makeRoom();
    vi.advanceTimersByTime(10_000);
    expect([...open().keys]).toEqual(['tcp 10.1.1.254:81']);
  });

  it('does not take later what is ours no more', () => {
    const owned = open();
    owned.remember(new Set(['tcp 10.1.1.254:80']));
    fill();
    owned.remember(new Set(['tcp 10.1.1.254:80', 'tcp 10.1.1.254:81']));
    owned.remember(new Set(['tcp 10.1.1.254:80']));
    makeRoom();
    vi.advanceTimersByTime(60_000);
    expect([...open().keys]).toEqual(['tcp 10.1.1.254:80']);
  });
});
