/** Whatever the input, loading answers: a configuration, or problems that point into the file. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { Environment } from '../../src/conf/environment.ts';
import { loadConfig } from '../../src/conf/load.ts';

const NOWHERE: Environment = {
  hostName: 'lvs1',
  interfaces: [],
  readSecret: () => ({ problem: 'does not exist' }),
  fileProblem: () => 'does not exist',
  inspectProgram: () => ({ problem: 'does not exist' }),
};
const conf = new URL('../../conf/', import.meta.url);
const example = readFileSync(new URL('examples/direct-routing.yaml', conf), 'utf8');
const TRIES = { numRuns: 100 };

function answers(input: string | Uint8Array): void {
  const { config, problems } = loadConfig(input, 'f', NOWHERE);
  const text = typeof input === 'string' ? input : new TextDecoder().decode(input);
  const lines = text.split('\n').map((line) => line.length);
  const errors = problems.filter(({ severity }) => severity === 'error');
  expect(config === undefined).toBe(errors.length > 0);
  for (const { line, column, message } of problems) {
    expect(column).toBeGreaterThanOrEqual(1);
    // One behind the end is where something is missing.
    expect(column).toBeLessThanOrEqual((lines[line - 1] ?? -1) + 1);
    // No word of zod's own, nor a value that JavaScript could not put into words (quoted: the file's own words).
    const words = message.replace(/"(?:[^"\\]|\\.)*"/g, '');
    expect(words).not.toMatch(/invalid input|too (big|small)|unrecognized|received|undefined|\[object/i);
  }
  const places = problems.map(({ line, column }) => line * 1e7 + column);
  expect(places).toEqual(places.toSorted((a, b) => a - b));
}

const WORDS =
  'director vrrp ipvs virtual_routers services name interface vrid priority addresses address port forwarding check tcp http https status interval timeout connect_timeout real_servers weight sorry_server web sync_groups track arbiter fencing mail static members scripts gateways command notify preempt vmac peers heartbeat authentication hmac key routes rules to via from table mark match family ports upper lower hysteresis netmask engine sysctl timeouts type checksum quorum_up';
const SECTIONS = 'director vrrp ipvs virtual_routers services sync_groups track arbiter fencing mail static';
const key = fc.oneof(fc.constantFrom(...WORDS.split(' ')), fc.string({ maxLength: 5 }));
const leaf = fc.oneof(
  fc.constantFrom(
    '10.1.1.254',
    '10.1.1.254/24',
    '127.0.0.1:80',
    '::1',
    '2001:db8::1/64',
    'default',
    '/bin/true',
    '1s',
    '0.5ms',
    'dr',
    'eth0',
    '200-299',
    'any',
    '1-65535',
    'gue',
    '[::1]:80',
    'mh-port',
  ),
  fc.integer({ min: -1, max: 70_000 }),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.string(),
);
const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(key, tie('value'), { maxKeys: 6 }),
  ),
})).value;

describe('loading a configuration', () => {
  test('random values in the shape of the file', () => {
    const sections = fc.dictionary(fc.constantFrom(...SECTIONS.split(' ')), value);
    fc.assert(
      fc.property(sections, (file) => answers(stringify(file))),
      TRIES,
    );
  });

  test('random services', () => {
    const keys =
      'address port protocol mark family match scheduler scheduler_flags persistence one_packet forwarding tunnel thresholds quorum notify on_failure check_while initial sorry_server check real_servers';
    const service = fc.dictionary(fc.constantFrom(...keys.split(' ')), value);
    fc.assert(
      fc.property(fc.dictionary(key, service), (services) => answers(stringify({ services }))),
      { numRuns: 30 },
    );
  });

  test('random virtual routers', () => {
    const keys =
      'interface vrid version priority preempt authentication transport peers source heartbeat addresses routes rules vmac announce track notify';
    const router = fc.dictionary(fc.constantFrom(...keys.split(' ')), value);
    fc.assert(
      fc.property(fc.dictionary(key, router), (routers) => answers(stringify({ virtual_routers: routers }))),
      { numRuns: 100 },
    );
  });

  test('random text and random bytes', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), answers), TRIES);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), answers), TRIES);
  });

  test('text of the characters that mean something to YAML', () => {
    const unit = fc.constantFrom(
      ...'[]{}:,&*!|>\'"%@`#?-<~ \n\r\ta1',
      '- ',
      ': ',
      '\n  ',
      '&a ',
      '*a',
      '---\n',
    );
    fc.assert(fc.property(fc.string({ unit, maxLength: 60 }), answers), { numRuns: 800 });
  });

  test('a right file with a piece cut out or put in', () => {
    const at = fc.nat({ max: example.length });
    const piece = fc.oneof(
      fc.string({ maxLength: 8 }),
      fc.constantFrom('\n', '\t', '  ', ': ', '- ', '[', '*a', '"'),
    );
    fc.assert(
      fc.property(at, fc.nat({ max: 20 }), piece, (start, length, inserted) =>
        answers(example.slice(0, start) + inserted + example.slice(start + length)),
      ),
      { numRuns: 200 },
    );
  });

  test('a right file cut off at every fifth character', () => {
    for (let end = 0; end <= example.length; end += 5) answers(example.slice(0, end));
  });
});

const MEGABYTE = 1024 * 1024;
/** Enough to show what recurses, or costs more than its length; the limits are for whole megabytes. */
const MUCH = MEGABYTE / 32;
const filled = (piece: string, length = MUCH): string => piece.repeat(Math.floor(length / piece.length));
const service = (i: number): string => `
  s${i}:
    address: 10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}
    port: 80
    forwarding: dr
    check: { http: { path: / }, interval: 3s }
    real_servers: [{ address: 192.0.2.2, weight: 2 }, { address: 192.0.2.3 }]`;

describe('a file of nothing but', () => {
  test('a megabyte of services is loaded', () => {
    const text = `services:${Array.from({ length: 5600 }, (_, i) => service(i + 1)).join('')}`;
    expect(text.length).toBeGreaterThan(MEGABYTE);
    expect(loadConfig(text, 'f', NOWHERE).config?.virtualServers).toHaveLength(5600);
  });

  test('marks, sorry servers and ports in great number are compared at once', () => {
    const marks = Array.from({ length: 4000 }, (_, i) =>
      [
        `m${i}: { mark: ${i + 1}, match: { address: 10.1.1.1, ports: [${i + 1}] }, forwarding: dr`,
        'check: { tcp: {}, port: 80 }, real_servers: [{ address: 192.0.2.2 }] }',
      ].join(', '),
    );
    const many = (from: number) => Array.from({ length: 5000 }, (_, i) => `10.${from}.${i >> 8}.${i & 255}`);
    const service = (name: string, last: number, ports: string, servers: readonly [string[], string[]]) =>
      `${name}: { address: 10.1.1.${last}, port: ${ports}, forwarding: dr, check: { tcp: {} },
      sorry_server: [${servers[0].join()}], real_servers: [${servers[1].map((address) => `{ address: ${address} }`)}] }`;
    const wide = service('wide', 2, '[5000-65000, 1]', [many(2).slice(0, 8), many(3).slice(0, 8)]);
    const long = service('long', 3, '80', [many(2), many(3)]);
    const text = `services: { ${[...marks, wide, long].join(', ')} }`;
    const { config, problems } = loadConfig(text, 'f', NOWHERE);
    expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(config?.virtualServers.flatMap(({ entries }) => entries)).toHaveLength(4000 + 60_002 + 1);
  });

  test.each<[string, string | Uint8Array]>([
    ['nested lists', filled('[')],
    ['nested mappings', filled('{a: ')],
    ['nested dashes', filled('- ')],
    ['nested keys', filled('? ')],
    ['indentation', Array.from({ length: 1400 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
    ['closing brackets', filled(']')],
    ['commas', `[${filled(',')}`],
    ['quotes', filled('"')],
    ['one long word', filled('a')],
    ['one long key', `${filled('a')}: 1`],
    ['one key again and again', filled('a: 1\n')],
    ['documents', filled('---\n')],
    ['anchors', filled('&a ')],
    ['aliases', `a: &a 1\nb:\n${filled('- *a\n')}`],
    ['tags', filled('!a ')],
    ['directives', filled('%\n')],
    ['tabs', filled('\t')],
    ['NUL', filled('\0')],
    ['Latin-1', new Uint8Array(MEGABYTE).fill(0xe9)],
    ['real servers', `services: { a: { real_servers: [${filled('1,')}] } }`],
    ['statuses', `services: { a: { check: { http: { status: [${filled('1,')}] } } } }`],
    ['wrong services', `services: {${Array.from({ length: 3_000 }, (_, i) => `k${i}: 1`).join(',')}}`],
    [
      'wrong scripts',
      `track: { scripts: {${Array.from({ length: 130_000 }, (_, i) => `k${i}: 1`).join(',')}} }`,
    ],
    ['wrong next hops', `static: { routes: [${filled('{ next_hops: [1,1,1,1,1,1,1,1] },', MEGABYTE)}] }`],
    ['members of nowhere', `sync_groups: { g: { members: [${filled('abcdefgh,')}] } }`],
    // More than the arguments of a call may be.
    ['unknown keys', Array.from({ length: 130_000 }, (_, i) => `k${i}: 1`).join('\n')],
  ])('of %s is refused', (_, input) => {
    const { config, problems } = loadConfig(input, 'f', NOWHERE);
    expect(config).toBeUndefined();
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.length).toBeLessThan(1100);
  });

  test('words and marks is given up long before its end', () => {
    const { problems } = loadConfig(filled('a: 1\n', 4 * MEGABYTE), 'f', NOWHERE);
    expect(problems).toMatchObject([
      { message: 'there are 600000 words and marks before this: a configuration never has so many' },
    ]);
    expect(problems[0]?.line).toBeLessThan(100_000);
  });

  test('a file too long is not read at all', () => {
    const { problems } = loadConfig(new Uint8Array(4 * MEGABYTE + 1), 'f', NOWHERE);
    expect(problems).toMatchObject([
      { line: 1, message: expect.stringMatching(/^the file has 4194305 bytes/) },
    ]);
  });

  test('aliases that expand from a kilobyte is refused', () => {
    const names = 'abcdefghijklm'.split('');
    const lines = names.map(
      (name, i) => `${name}: &${name} [${`*${names[i - 1] ?? ''}, `.repeat(i === 0 ? 0 : 9)}1]`,
    );
    const { problems } = loadConfig(lines.join('\n'), 'f', NOWHERE);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.message).toContain('aliases expanded: at most 500000 are allowed');
  });
});
