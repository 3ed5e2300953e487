import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readAtMost, takeAtMost } from '../../../src/cli/read-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'vipward-files-'));
afterAll(() => rmSync(directory, { recursive: true }));
const LIMIT = 200_000;

describe('what a command reads', () => {
  it('is the whole of a file, up to the limit', async () => {
    const file = join(directory, 'file');
    for (const length of [0, 1, LIMIT]) {
      writeFileSync(file, 'x'.repeat(length));
      expect(await readAtMost(file, LIMIT)).toHaveLength(length);
    }
    writeFileSync(file, 'x'.repeat(LIMIT + 1));
    await expect(readAtMost(file, LIMIT)).rejects.toThrow(`it has more than ${LIMIT} bytes`);
    await expect(readAtMost(directory, LIMIT)).rejects.toThrow('EISDIR');
  });

  it('is what a pipe is given', async () => {
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    spawn('sh', ['-c', `printf one >"${pipe}"`], { stdio: 'ignore' });
    expect(Buffer.from(await readAtMost(pipe, LIMIT)).toString()).toBe('one');
  });

  it('is of standard input as much, and no more is read than tells that it is too much', async () => {
    let given = 0;
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) {
        given++;
        yield Buffer.alloc(LIMIT / 2);
      }
    }
    await expect(takeAtMost(endless(), LIMIT)).rejects.toThrow(`it has more than ${LIMIT} bytes`);
    expect(given).toBe(3);
  });

  it('is no device without an end', async () => {
    await expect(readAtMost('/dev/zero', LIMIT)).rejects.toThrow(`it has more than ${LIMIT} bytes`);
  });
});
