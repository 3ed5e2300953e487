import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadFile } from '../../../src/manager/configuration.ts';

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vipward-configuration-'));
  file = join(directory, 'vipward.yaml');
});
afterEach(() => rmSync(directory, { recursive: true }));

const only = async () => {
  const { config, problems } = await loadFile(file);
  expect(config).toBeUndefined();
  return problems.map(({ severity, message }) => `${severity}: ${message}`);
};

describe('what stands where the configuration should', () => {
  it('nothing', async () => {
    expect(await only()).toEqual([
      'error: cannot read the configuration: there is no such file: write it, or name another by --config',
    ]);
  });

  it('a directory', async () => {
    symlinkSync(directory, file);
    expect(await only()).toEqual([expect.stringMatching(/is a directory$/)]);
  });

  it('a link to itself', async () => {
    symlinkSync(file, file);
    expect(await only()).toEqual([expect.stringMatching(/ELOOP/)]);
  });

  it('a pipe that nobody writes to is not waited for', async () => {
    execFileSync('mkfifo', [file]);
    expect(await only()).toEqual([expect.stringMatching(/is a pipe or a device, not a file$/)]);
  });

  it('a device without end is not read', async () => {
    symlinkSync('/dev/zero', file);
    expect(await only()).toEqual([expect.stringMatching(/is a pipe or a device, not a file$/)]);
  });

  it('a file of many gigabytes is not read', async () => {
    writeFileSync(file, '');
    truncateSync(file, 2 ** 40);
    expect(await only()).toEqual([expect.stringMatching(/has 1099511627776 bytes: it may have/)]);
  });

  it('an empty file', async () => {
    writeFileSync(file, '');
    expect(await only()).toEqual([expect.stringMatching(/the file is empty/)]);
  });
});
