import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogWriter } from '../../../src/manager/log-writer.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vipward-log-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('the log writer', () => {
  it('writes every line in order', async () => {
    const path = join(directory, 'log');
    const fd = openSync(path, 'w');
    const writer = new LogWriter(fd);
    const lines = Array.from({ length: 5000 }, (_, i) => `line ${i}\n`);
    for (const line of lines) writer.write(line);
    await writer.flush(10_000);
    closeSync(fd);
    expect(readFileSync(path, 'utf8')).toBe(lines.join(''));
    expect(writer.takeDropped()).toBe(0);
  });

  it('drops lines on a full disk, says how many, and is soon flushed', async () => {
    const fd = openSync('/dev/full', 'w');
    const writer = new LogWriter(fd);
    writer.write('one\n');
    writer.write('two\n');
    await writer.flush(10_000);
    expect(writer.takeDropped()).toBe(2);
    expect(writer.takeDropped()).toBe(0);
    closeSync(fd);
  });

  it('keeps no more than its limit', async () => {
    const fd = openSync(join(directory, 'log'), 'w');
    const writer = new LogWriter(fd, 10);
    for (let i = 0; i < 10; i++) writer.write('12345\n');
    await writer.flush(10_000);
    expect(writer.takeDropped()).toBeGreaterThan(0);
    closeSync(fd);
  });
});
