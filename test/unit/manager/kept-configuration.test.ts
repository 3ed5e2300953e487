/** What was read is found again as it was, and by nothing but the same question. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { noted } from '../../../src/conf/answers.ts';
import type { Environment } from '../../../src/conf/environment.ts';
import { loadConfig } from '../../../src/conf/load.ts';
import { KeptConfiguration, type ReadConfiguration } from '../../../src/manager/kept-configuration.ts';
import type { Prefix } from '../../../src/model/address.ts';

const root = mkdtempSync(join(tmpdir(), 'vipward-kept-'));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;

const DIGEST = 'of the bytes';
const BUILD = 'this one';

const machine: Environment = {
  hostName: 'lvs1',
  interfaces: [{ name: 'eth0', addresses: [{ address: '10.1.1.1', length: 24 } as Prefix] }],
  readSecret: () => ({ text: 'fourteen words', exposed: false }),
  fileProblem: () => undefined,
  inspectProgram: () => ({ changeable: undefined }),
};

const FILE = `
virtual_routers:
  site:
    interface: eth0
    vrid: 51
    addresses: [10.1.1.254/24]
    notify: { all: [/usr/bin/logger, changed] }
mail: { from: lvs@example.net, to: [admin@example.net], smtp: 'mail.example.net:587', user: lvs, password_file: /etc/vipward/mail }
services:
  web: { address: 10.1.1.254, port: 80, forwarding: dr, real_servers: [{ address: 10.1.1.7 }] }
`;

function read(text: string, file = '/etc/vipward/vipward.yaml'): ReadConfiguration {
  const { environment, answers } = noted(machine);
  const { config, problems } = loadConfig(text, file, environment);
  if (config === undefined) throw new Error(problems.map(({ message }) => message).join('\n'));
  return { file, digest: DIGEST, answers, config, problems };
}

/** A state directory in which it is kept, and its file. */
function kept(what = read(FILE)) {
  const directory = join(root, String(count++));
  const store = new KeptConfiguration(directory, BUILD);
  store.keep(what);
  return { store, directory, path: join(directory, 'configuration.kept') };
}

const examples = join(import.meta.dirname, '../../../conf');
const files = [
  join(examples, 'vipward.yaml'),
  ...readdirSync(join(examples, 'examples')).map((name) => join(examples, 'examples', name)),
].filter((path) => path.endsWith('.yaml'));

test.each(files)('%s is the same when it is found again', (path) => {
  const what = read(readFileSync(path, 'utf8'), path);
  const { config, problems } = what;
  const found = kept(what).store.find(path, DIGEST, machine);
  expect(found).toStrictEqual({ config, problems });
});

test('is found by the next process of the same build, and by nobody else', () => {
  const { directory, store } = kept();
  const { file, config, problems } = read(FILE);
  const next = new KeptConfiguration(directory, BUILD);
  expect(next.find(file, DIGEST, machine)).toStrictEqual({ config, problems });
  expect(new KeptConfiguration(`${directory}/elsewhere`, BUILD).find(file, DIGEST, machine)).toBeUndefined();
  expect(store.find(file, DIGEST, machine)).toBeDefined();
});

test.each<[string, string, string, string]>([
  ['bytes', BUILD, '/etc/vipward/vipward.yaml', 'of other bytes'],
  ['file', BUILD, '/etc/other.yaml', DIGEST],
  ['build', 'another', '/etc/vipward/vipward.yaml', DIGEST],
])(
  'is not found for another %s, and does not stay: a password of before may be in it',
  (_, build, file, digest) => {
    const { directory } = kept();
    expect(new KeptConfiguration(directory, build).find(file, digest, machine)).toBeUndefined();
    expect(readdirSync(directory)).toEqual([]);
  },
);

test('is removed, or not kept at all, once it is dropped', () => {
  const { store, directory } = kept();
  vi.useFakeTimers();
  try {
    store.keepSoon(read(FILE));
    store.drop();
    vi.runAllTimers();
  } finally {
    vi.useRealTimers();
  }
  expect(readdirSync(directory)).toEqual([]);
});

test.each<[string, Partial<Environment>]>([
  ['another name', { hostName: 'lvs2' }],
  ['no interface', { interfaces: [] }],
  ['another address', { interfaces: [{ name: 'eth0', addresses: [] }] }],
  ['another password', { readSecret: () => ({ text: 'another', exposed: false }) }],
  ['a password that others read', { readSecret: () => ({ text: 'fourteen words', exposed: true }) }],
  ['no password', { readSecret: () => ({ problem: 'does not exist' }) }],
  [
    'a program that others change',
    { inspectProgram: () => ({ changeable: { at: '/usr/bin', reason: 'belongs to user 1000' } }) },
  ],
])('is not found on a machine with %s', (_, difference) => {
  const { store } = kept();
  const { file } = read(FILE);
  expect(store.find(file, DIGEST, { ...machine, ...difference })).toBeUndefined();
});

test('nothing but the whole of it counts', () => {
  const { store, path } = kept();
  const { file } = read(FILE);
  const bytes = readFileSync(path);
  const found = () => store.find(file, DIGEST, machine);
  const put = (content: Uint8Array) => writeFileSync(path, content, { mode: 0o600 });
  for (let at = 0; at < bytes.length; at += 97) {
    const torn = Buffer.from(bytes);
    torn.writeUInt8(torn.readUInt8(at) ^ 1, at);
    put(torn);
    expect(found(), `byte ${at} changed`).toBeUndefined();
    put(bytes.subarray(0, at));
    expect(found(), `cut off after ${at} bytes`).toBeUndefined();
  }
  put(bytes);
  expect(found()).toBeDefined();
});

test('is for its owner alone, and taken from nobody else', () => {
  const { store, path } = kept();
  const { file } = read(FILE);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  chmodSync(path, 0o620);
  expect(store.find(file, DIGEST, machine)).toBeUndefined();
});

test.each([
  ['of another user', (path: string) => chownSync(path, 65_534, 65_534)],
  [
    'behind a link',
    (path: string) => {
      renameSync(path, `${path}.own`);
      symlinkSync(`${path}.own`, path);
    },
  ],
])('is not taken where it is %s', (_, change) => {
  const { store, path } = kept();
  const { file } = read(FILE);
  expect(store.find(file, DIGEST, machine)).toBeDefined();
  change(path);
  expect(store.find(file, DIGEST, machine)).toBeUndefined();
});

test('is kept anew over whatever is there', () => {
  const { store, path } = kept();
  const { file } = read(FILE);
  writeFileSync(path, 'torn');
  writeFileSync(`${path}.new`, 'left by somebody', { mode: 0o644 });
  store.keep(read(FILE));
  expect(store.find(file, DIGEST, machine)).toBeDefined();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('leaves nothing of what the disk has no room for', () => {
  const { store, directory } = kept();
  const limit = (bytes: string) => execFileSync('prlimit', ['--pid', `${process.pid}`, `--fsize=${bytes}`]);
  process.on('SIGXFSZ', () => undefined);
  limit('1024:');
  try {
    store.keep(read(FILE));
  } finally {
    limit('unlimited:');
    process.removeAllListeners('SIGXFSZ');
  }
  // That of before is of a file that may be another by now.
  expect(readdirSync(directory)).toEqual([]);
});

test('a directory that cannot be made costs nothing', () => {
  const store = new KeptConfiguration('/proc/no/such', BUILD);
  const what = read(FILE);
  store.keep(what);
  expect(store.find(what.file, DIGEST, machine)).toBeUndefined();
});

test('without a build nothing is kept', () => {
  const directory = join(root, String(count++));
  const what = read(FILE);
  const store = new KeptConfiguration(directory, undefined);
  store.keep(what);
  expect(() => statSync(directory)).toThrow('ENOENT');
  expect(store.find(what.file, DIGEST, machine)).toBeUndefined();
});
