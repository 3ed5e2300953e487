import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { readIdentity } from '../../../../src/manager/arbiter/identity.ts';

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'vipward-identity-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

it('is the same for each process of a director, and another for another', () => {
  const [one, two] = [directory(), directory()];
  const identity = readIdentity(one, () => {});
  expect(identity).toMatch(/^[0-9a-f]{32}$/);
  expect(readIdentity(one, () => {})).toBe(identity);
  expect(readIdentity(two, () => {})).not.toBe(identity);
});

it.each(['half a', 'x'.repeat(101)])('is made anew where the file holds none', (text) => {
  const path = directory();
  writeFileSync(join(path, 'arbiter-identity'), text);
  const identity = readIdentity(path, () => {});
  expect(readIdentity(path, () => {})).toBe(identity);
});

it('is never written over what can be neither used nor put aside', () => {
  const path = directory();
  const file = join(path, 'arbiter-identity');
  writeFileSync(file, 'precious');
  execFileSync('chattr', ['+i', path]);
  try {
    expect(readIdentity(path, () => {})).not.toBe(readIdentity(path, () => {}));
  } finally {
    execFileSync('chattr', ['-i', path]);
  }
  expect(readFileSync(file, 'utf8')).toBe('precious');
});

it('is a new one each time where nothing can be kept, which is told', () => {
  const lines: string[] = [];
  const read = () => readIdentity('/proc/nowhere', (_, message) => lines.push(message));
  expect(read()).not.toBe(read());
  expect(lines).toHaveLength(2);
});
