import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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

it('is made anew where the file holds none', () => {
  const path = directory();
  writeFileSync(join(path, 'arbiter-identity'), 'half a');
  const identity = readIdentity(path, () => {});
  expect(readIdentity(path, () => {})).toBe(identity);
});

it('is a new one each time where nothing can be kept, which is told', () => {
  const lines: string[] = [];
  const read = () => readIdentity('/proc/nowhere', (_, message) => lines.push(message));
  expect(read()).not.toBe(read());
  expect(lines).toHaveLength(2);
});
