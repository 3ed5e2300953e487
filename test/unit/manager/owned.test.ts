import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
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
