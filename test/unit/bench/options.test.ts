import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const MAIN = join(import.meta.dirname, '../../bench/main.ts');
const bench = (...options: readonly string[]) =>
  spawnSync(process.execPath, [MAIN, ...options], { encoding: 'utf8' });

it('npm run bench -- --help says how it is used, and measures nothing', () => {
  const { status, stdout, stderr } = bench('--help');
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^usage: npm run bench .*\n[\s\S]*--only NAME {2}.*take-over/);
});

it('what it does not know is told with the usage', () => {
  const { status, stderr } = bench('--slow');
  expect(status).toBe(2);
  expect(stderr).toMatch(/--slow[\s\S]*usage: npm run bench/);
});
