import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readIdentity } from '../../../src/manager/arbiter/identity.ts';
import { damagedFiles, putAside } from '../../../src/manager/damaged.ts';
import { DeliveredStates } from '../../../src/manager/notify/delivered.ts';
import { StateFile } from '../../../src/manager/state-file.ts';

const NOON = new Date('2026-11-21T12:00:00.5Z');
let directory: string;
const lines: string[] = [];
const log = (level: string, message: string) => void lines.push(`${level}: ${message}`);
const at = (name: string): string => join(directory, name);
const standby = () =>
  new StateFile({
    ...{
      directory,
      name: 'standby.json',
      limit: 100,
      log,
      unwritable: 'it is forgotten',
      durable: 'soon' as const,
    },
    schema: z.object({ names: z.array(z.string()) }),
  });

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vipward-damaged-'));
  lines.length = 0;
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('a file that cannot be read', () => {
  it('is put aside by its date, and never in the place of another', () => {
    for (const text of ['first', 'second', 'third']) {
      writeFileSync(at('overrides.json'), text);
      expect(putAside(at('overrides.json'), new Error('no'), log, NOON)).toBe(true);
    }
    const copies = ['', '-2', '-3'].map((count) => `overrides.json.damaged-20261121T120000Z${count}`);
    expect(readdirSync(directory).sort()).toEqual(copies);
    expect(copies.map((copy) => readFileSync(at(copy), 'utf8'))).toEqual(['first', 'second', 'third']);
    expect(lines[0]).toBe(
      `error: cannot use ${at('overrides.json')}: no real server is drained, disabled or weighted by command any ` +
        `more; it is kept as ${at('overrides.json.damaged-20261121T120000Z')}`,
    );
  });

  it('is told until somebody has seen to it, also after a restart', () => {
    writeFileSync(at('standby.json'), '{"names":[7]}');
    expect(standby().read()).toBeUndefined();
    expect(standby().write({ names: ['web'] })).toBe(true);
    expect(standby().read()).toEqual({ names: ['web'] });
    const [line, ...others] = damagedFiles(directory);
    expect(others).toEqual([]);
    expect(line).toMatch(/^standby\.json was damaged: no virtual router is kept a backup; see to its copy/);
    const [copy = ''] = readdirSync(directory).filter((name) => name.includes('.damaged-'));
    expect(line).toContain(at(copy));
    renameSync(at(copy), at('standby.json'));
    expect(damagedFiles(directory)).toEqual([]);
  });

  it.each([
    ['too long', () => writeFileSync(at('standby.json'), 'x'.repeat(101))],
    ['a pipe', () => execFileSync('mkfifo', [at('standby.json')])],
    ['a directory', () => mkdirSync(at('standby.json'))],
  ])('is also one that is %s', (_what, make) => {
    make();
    expect(standby().read()).toBeUndefined();
    expect(standby().write({ names: [] })).toBe(true);
    expect(damagedFiles(directory)).toHaveLength(1);
  });

  it('is not overwritten where it cannot be put aside', () => {
    writeFileSync(at('standby.json'), 'precious');
    const file = standby();
    execFileSync('chattr', ['+i', at('standby.json')]);
    try {
      expect(file.read()).toBeUndefined();
      expect(file.write({ names: ['web'] })).toBe(false);
      expect(lines.at(-1)).toMatch(/^warn: cannot write .*standby\.json: it is forgotten/);
    } finally {
      execFileSync('chattr', ['-i', at('standby.json')]);
    }
    expect(readFileSync(at('standby.json'), 'utf8')).toBe('precious');
    // What was in the way is not any more.
    expect(file.write({ names: ['web'] })).toBe(true);
    expect(file.read()).toEqual({ names: ['web'] });
    expect(damagedFiles(directory)).toHaveLength(1);
  });

  it('may be any of them', async () => {
    writeFileSync(at('notify.json'), '{"version":1,"targets":{"INSTANCE vip1":"KING"}}');
    const delivered = new DeliveredStates(directory, log);
    delivered.remember('INSTANCE vip1', 'MASTER');
    await delivered.saved();
    expect(new DeliveredStates(directory, log).of('INSTANCE vip1')).toBe('MASTER');
    writeFileSync(at('arbiter-identity'), 'me');
    const identity = readIdentity(directory, log);
    expect(readIdentity(directory, log)).toBe(identity);
    expect(damagedFiles(directory).map((line) => line.split(' ', 1)[0])).toEqual([
      'arbiter-identity',
      'notify.json',
    ]);
  });
});

it('no directory has no damaged files, nor has one with files of others', () => {
  expect(damagedFiles(at('not-there'))).toEqual([]);
  writeFileSync(at('mine.damaged-yesterday'), '');
  writeFileSync(at('overrides.json'), '{');
  expect(damagedFiles(directory)).toEqual([]);
});
