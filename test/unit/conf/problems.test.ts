import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { problemsOf } from './support.ts';

const vectors = readFileSync(new URL('../../vectors/conf/problems.txt', import.meta.url), 'utf8');

function readVectors(): readonly [string, string, readonly string[]][] {
  const [, ...parts] = `\n${vectors}`.split('\n=== ');
  return parts.map((part) => {
    const [, name = '', text = '', problems = ''] = /^(.*)\n([\s\S]*?)\n---\n([\s\S]*)$/.exec(part) ?? [];
    return [name, text, problems.trim().split('\n')];
  });
}

describe('what is wrong is said in words, with its place', () => {
  test.each(readVectors())('%s', (_, text, problems) => {
    expect(problemsOf(text)).toEqual(problems);
  });

  test('there are vectors', () => {
    expect(readVectors().length).toBeGreaterThan(35);
  });
});

const withAddresses = (list: string, more = '') =>
  `virtual_routers: { a: { interface: eth1, vrid: 7, ${more} addresses: [${list}] } }`;

test('more addresses than an advert has room for are held all the same', () => {
  const v6 = Array.from({ length: 91 }, (_, i) => `"2001:db8::${(i + 1).toString(16)}"`);
  const [problem, ...others] = problemsOf(withAddresses(v6.join()));
  expect(others).toEqual([]);
  expect(problem).toContain(
    'warning: an advert has room for 90 IPv6 addresses: from here on they are held, but not advertised (1 of 91)',
  );
  expect(problemsOf(withAddresses(v6.slice(1).join()))).toEqual([]);
  const hmac = `authentication: { hmac: [{ id: 1, key: ${'k'.repeat(32)} }] },`;
  expect(problemsOf(withAddresses(v6.slice(1).join(), hmac))[0]).toContain('room for 89 IPv6');
  const v4 = Array.from({ length: 256 }, (_, i) => `10.1.${i}.1`);
  expect(problemsOf(withAddresses(v4.join()))[0]).toContain('room for 255 IPv4 addresses');
});
