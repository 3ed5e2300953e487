import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

/** Imports run one way. For each part: the parts and packages that it may import, besides itself and Node's own. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  model: [],
  packet: ['model'],
  netlink: ['model'],
  conf: ['model', 'prepare', 'yaml', 'zod', 'leven'],
  balance: ['model'],
  prepare: ['model', 'balance'],
  doctor: ['model', 'balance', 'packet', 'prepare', 'kernel', 'sys', 'zod'],
  realserver: ['model', 'kernel', 'prepare', 'sys', 'zod'],
  sys: ['model', 'koffi'],
  kernel: ['model', 'netlink', 'packet', 'sys'],
  ipvsadm: ['model', 'netlink', 'kernel'],
  vrrp: ['model'],
  'vrrp/process': ['model', 'vrrp', 'packet', 'kernel', 'sys'],
  checker: ['model', 'undici', 'version'],
  control: ['model', 'sys'],
  cli: [
    'model',
    'conf',
    'control',
    'prepare',
    'realserver',
    'doctor',
    'ipvsadm',
    'kernel',
    'version',
    'commander',
  ],
  manager: [
    'model',
    'conf',
    'balance',
    'prepare',
    'kernel',
    'sys',
    'control',
    'version',
    'nodemailer',
    'pino',
    'zod',
  ],
};
/** Parts that decide and never act: not even Node's own input and output. */
const PURE = ['model', 'packet', 'netlink', 'balance', 'prepare', 'vrrp'];
const PURE_NODE_MODULES = ['node:net', 'node:crypto', 'node:util', 'node:os'];

const src = join(import.meta.dirname, '../../src');
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^'";]*?from\s*'([^']+)'|import\(\s*'([^']+)'\s*\)|(?:^|\n)import\s*'([^']+)'/g;

function partOf(file: string): string {
  const [folder = ''] = file.split('/');
  if (!file.includes('/')) return folder.replace(/\.ts$/, '');
  return file.startsWith('vrrp/process/') ? 'vrrp/process' : folder;
}

const importsOf = (file: string): readonly string[] =>
  [...readFileSync(join(src, file), 'utf8').matchAll(IMPORT)].map(
    (match) => match[1] ?? match[2] ?? match[3] ?? '',
  );

describe('imports run one way', () => {
  it('finds the parts', () => {
    expect(new Set(files.map(partOf)).size).toBeGreaterThan(10);
    expect(importsOf('balance/entry.ts')).toContain('../model/address.ts');
  });

  it.each(files.filter((file) => file.includes('/')))('%s', (file) => {
    const part = partOf(file);
    const allowed = MAY_IMPORT[part];
    expect(allowed, `the part ${part} has no rule`).toBeDefined();
    for (const specifier of importsOf(file)) {
      if (specifier.startsWith('node:')) {
        if (PURE.includes(part)) expect(PURE_NODE_MODULES, `${file}: ${specifier}`).toContain(specifier);
        continue;
      }
      const target = specifier.startsWith('.')
        ? partOf(relative(src, join(src, dirname(file), specifier)))
        : (specifier.split('/')[0] ?? '');
      if (target === part) continue;
      expect(allowed, `${file} imports ${specifier}`).toContain(target);
    }
  });
});
