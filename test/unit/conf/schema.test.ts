import { readdirSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { jsonSchemaText } from '../../../src/conf/json-schema.ts';
import { loadConfig } from '../../../src/conf/load.ts';
import { CHECKED, LVS1, problemsOf, service } from './support.ts';

const conf = new URL('../../../conf/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, conf), 'utf8');
const validates = new Ajv({ allowUnionTypes: true, strictTuples: false }).compile(
  JSON.parse(jsonSchemaText()),
);
const files = ['vipward.yaml', ...readdirSync(new URL('examples/', conf)).map((name) => `examples/${name}`)];

test('the committed schema is the one that the definitions give (npm run schema)', () => {
  expect(read('vipward.schema.json')).toBe(jsonSchemaText());
});

describe.each(files)('%s', (file) => {
  test('has no errors', () => {
    const { config, problems } = loadConfig(read(file), file, LVS1);
    expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(config).toBeDefined();
  });

  test('is right by the JSON Schema, and names it', () => {
    expect(validates(parse(read(file))), JSON.stringify(validates.errors)).toBe(true);
    const [, path = ''] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(read(file)) ?? [];
    expect(new URL(path, new URL(file, conf)).href).toBe(new URL('vipward.schema.json', conf).href);
  });
});

test('the example of direct routing is the reference example', () => {
  const reference = readFileSync(new URL('example.yaml.txt', import.meta.url), 'utf8');
  expect(parse(read('examples/direct-routing.yaml'))).toEqual(parse(reference));
});

test.each([
  ['an unknown key', `${CHECKED}\nx: 1`],
  ['a bare number for a duration', service('check: { tcp: {}, interval: 3 }')],
  ['a name with a blank', CHECKED.replace('web:', 'my web:')],
  ['a missing key', CHECKED.replace('forwarding: dr', '')],
  ['an empty service', 'services: { web: }'],
  ['two kinds of check', service('check: { tcp: {}, http: {} }')],
  ['no kind of check', service('check: { rise: 1 }')],
  ['an IPv6 address', CHECKED.replace('10.1.1.2', '"::1"')],
  ['a port out of range', CHECKED.replace('port: 80', 'port: 65536')],
])('both the JSON Schema and loading refuse %s', (_, text) => {
  expect(validates(parse(text))).toBe(false);
  expect(problemsOf(text)).not.toEqual([]);
});

interface Property {
  readonly path: string;
  readonly name: string;
  readonly schema: { readonly description?: string; readonly default?: unknown };
}

function propertiesOf(schema: unknown, path = ''): readonly Property[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]): readonly Property[] => {
    const below = propertiesOf(value, `${path}/${key}`);
    if (key !== 'properties') return below;
    const here = Object.entries(value as Record<string, Property['schema']>);
    return [
      ...here.map(([name, property]) => ({ path: `${path}/${name}`, name, schema: property })),
      ...below,
    ];
  });
}

const properties = propertiesOf(JSON.parse(jsonSchemaText()));

test('every key has a description, for editors to show', () => {
  expect(properties.length).toBeGreaterThan(30);
  const bare = properties.filter(({ schema }) => schema.description === undefined);
  expect(bare.map(({ path }) => path)).toEqual([]);
});

test('vipward.yaml shows every key, with its default', () => {
  const text = read('vipward.yaml');
  const shown = ({ name, schema: { default: usual } }: Property): boolean => {
    if (usual === undefined || typeof usual === 'object') return new RegExp(`\\b${name}:`).test(text);
    return new RegExp(`\\b${name}: ${usual}(?![\\w.])`).test(text) || text.includes(`${usual} unless given`);
  };
  expect(properties.filter((property) => !shown(property)).map(({ path }) => path)).toEqual([]);
});
