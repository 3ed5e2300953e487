import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { fileProblem, inspectProgram, readSecret } from '../../../src/conf/files.ts';

const folder = mkdtempSync(join(tmpdir(), 'vipward-conf-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

describe('a secret', () => {
  test('is one line, without its end', () => {
    expect(readSecret(file('a', 'sesame\n'))).toEqual({ text: 'sesame', exposed: false });
    expect(readSecret(file('b', 'two words\r\n', 0o640))).toEqual({ text: 'two words', exposed: true });
  });

  test.each([
    ['', 'is empty'],
    ['\n', 'is empty'],
    ['a\nb\n', 'has more than one line'],
    ['x'.repeat(5000), 'has more than 4096 bytes: it is to hold one line'],
  ])('%j is refused', (content, problem) => {
    expect(readSecret(file('c', content))).toEqual({ problem });
  });

  test('that is not there, or no file', () => {
    expect(readSecret(join(folder, 'none'))).toEqual({ problem: 'does not exist' });
    expect(readSecret(folder)).toEqual({ problem: 'is no regular file' });
    expect(fileProblem(join(folder, 'none'))).toBe('does not exist');
    expect(fileProblem(folder)).toBe('is no regular file');
    expect(fileProblem(file('d', ''))).toBeUndefined();
  });
});

describe('a program', () => {
  test('of the system is there and root alone can change it', () => {
    expect(inspectProgram('/bin/sh')).toEqual({ changeable: undefined });
    expect(inspectProgram('sh')).toEqual({ changeable: undefined });
  });

  test('that is not there, or not executable', () => {
    expect(inspectProgram(join(folder, 'none'))).toEqual({ problem: 'does not exist' });
    expect(inspectProgram(file('plain', ''))).toEqual({ problem: 'is not executable: chmod +x' });
    expect(inspectProgram(folder)).toEqual({ problem: 'is no regular file' });
    expect(inspectProgram('no-such-program')).toMatchObject({
      problem: expect.stringMatching(/^is not in \/usr/),
    });
  });

  test('is the first of its name that can be run, as for those who run it', () => {
    const [first, second] = [join(folder, 'first'), join(folder, 'second')];
    for (const each of [first, second]) mkdirSync(each);
    file('first/agent', '', 0o644);
    expect(inspectProgram('agent', [first, second])).toEqual({ problem: 'is not executable: chmod +x' });
    file('second/agent', '', 0o755);
    expect(inspectProgram('agent', [first, second])).toHaveProperty('changeable');
  });
});
