import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ChangedSettings } from '../../../src/manager/changed-settings.ts';

const directory = mkdtempSync(join(tmpdir(), 'vipward-changed-'));
afterAll(() => rmSync(directory, { recursive: true }));

let count = 0;
/** What is read of a file with one setting, and what is in the state directory afterwards. */
function readOf(path: readonly string[], was = '0') {
  const stateDir = join(directory, String(count++));
  const options = { stateDir, name: 'kernel-settings.json', log: () => undefined, unwritable: '' } as const;
  const settings = new ChangedSettings({ ...options, identity: () => 'this' });
  settings.write([]);
  const document = { version: 1, kernel: 'this', changed: [{ path, was, set: '1' }] };
  writeFileSync(join(stateDir, 'kernel-settings.json'), JSON.stringify(document));
  return { changed: settings.read(), files: readdirSync(stateDir) };
}

describe('the kernel settings that a former process has changed', () => {
  it.each([
    [['net', 'ipv4', 'ip_forward']],
    [['net', 'ipv4', 'conf', 'eth0.7', 'rp_filter']],
    [['net', 'ipv4', 'conf', 'büro-lan:0', 'rp_filter']],
    [['net', 'ipv4', 'conf', '...', 'rp_filter']],
  ])('%j is one', (path) => {
    expect(readOf(path)).toEqual({
      changed: [{ path, was: '0', set: '1' }],
      files: ['kernel-settings.json'],
    });
  });

  it.each([
    [['..', '..', 'etc', 'passwd']],
    [['net', '..', 'kernel', 'core_pattern']],
    [['net', '.', 'ip_forward']],
    [['net', 'ipv4/../../kernel', 'core_pattern']],
    [['net', '', 'ip_forward']],
    [['net', 'ip forward']],
    [['net', 'ip\u0000forward']],
    [['net', 'x'.repeat(64)]],
  ])('%j is none: nothing is done by such a file, and it is put aside', (path) => {
    const { changed, files } = readOf(path);
    expect(changed).toEqual([]);
    expect(files).toEqual([expect.stringMatching(/^kernel-settings\.json\.damaged-/)]);
  });

  it('nor is a value of several lines', () => {
    expect(readOf(['net', 'ipv4', 'ip_forward'], '0\n1').changed).toEqual([]);
  });
});
