/** What the journal is told of a line beside the line itself. */
import { spawnSync } from 'node:child_process';
import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';

const directory = mkdtempSync(join(tmpdir(), 'vipward-log-'));
afterAll(() => rmSync(directory, { recursive: true }));

const SCRIPT = `
  import { createLogger } from ${JSON.stringify(join(import.meta.dirname, '../../../src/manager/log.ts'))};
  const { log, flush } = createLogger('lvs1');
  for (const level of ['info', 'warn', 'error']) log(level, level);
  await flush();
`;

/** The beginnings of the lines of a process whose standard output is a file; `stream`: of its device and inode. */
function beginnings(name: string, stream: (place: string) => string | undefined): readonly string[] {
  const file = join(directory, name);
  const output = openSync(file, 'w');
  const { dev, ino } = fstatSync(output, { bigint: true });
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', SCRIPT], {
    stdio: ['ignore', output, 'pipe'],
    env: { ...process.env, JOURNAL_STREAM: stream(`${dev}:${ino}`) },
  });
  closeSync(output);
  expect(stderr.toString()).toBe('');
  expect(status).toBe(0);
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.slice(0, line.indexOf('{')));
}

it('the journal is told how grave it is, so that journalctl -p finds it', () => {
  expect(beginnings('journal', (place) => place)).toEqual(['<6>', '<4>', '<3>']);
});

it('whatever else takes the lines gets JSON alone', () => {
  expect(beginnings('none', () => undefined)).toEqual(['', '', '']);
  expect(beginnings('elsewhere', (place) => `${place}1`)).toEqual(['', '', '']);
});
