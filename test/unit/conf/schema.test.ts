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

const routerOf = (keys: string): string =>
  `virtual_routers: { a: { interface: eth0, vrid: 7, addresses: [10.1.1.10/24], ${keys} } }`;
const ROUTER = routerOf('priority: 150');

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
  ['a real server at no address', CHECKED.replace('10.1.1.2', '"10.1.1.2:80"')],
  ['an address and a mark', CHECKED.replace('port: 80', 'port: 80\n    mark: 7')],
  ['neither a port nor a mark', CHECKED.replace('    port: 80\n', '')],
  ['a mark out of range', CHECKED.replace('address: 10.1.1.1\n    port: 80', 'mark: 0')],
  ['no ports at all', CHECKED.replace('port: 80', 'port: []')],
  ['an unknown flag of a scheduler', service('scheduler_flags: [mh-prot]')],
  ['a persistence without a unit', service('persistence: 300')],
  ['an unknown tunnel', service('tunnel: ipsec')],
  ['a tunnel without its type', service('tunnel: { port: 6080 }')],
  ['a weight out of range', CHECKED.replace('10.1.1.2', '10.1.1.2, weight: 2147483648')],
  ['a sorry server at no address', service('sorry_server: [localhost]')],
  ['an unknown setting of the kernel', `${CHECKED}\nipvs: { sysctl: { slopy_tcp: 1 } }`],
  ['a setting of the kernel out of range', `${CHECKED}\nipvs: { sysctl: { drop_entry: 4 } }`],
  ['a port out of range', CHECKED.replace('port: 80', 'port: 65536')],
  ['a priority out of range', routerOf('priority: 256')],
  ['an unknown version', routerOf('version: 4')],
  ['an unknown key in a long form', routerOf('preempt: { dealy: 3s }')],
  [
    'two kinds of authentication',
    routerOf(`authentication: { text: x, hmac: [{ id: 1, key: ${'k'.repeat(32)} }] }`),
  ],
  ['a key too short', routerOf('authentication: { hmac: [{ id: 1, key: short }] }')],
  ['a peer with a prefix length', routerOf('peers: [10.1.1.2/24]')],
  ['an unknown transport', routerOf('transport: tcp')],
  ['a list of no command', routerOf('notify: { all: [] }')],
  ['a relative path of a program', routerOf('notify: notify.sh')],
  ['a weight out of range', routerOf('track: { interfaces: [{ name: eth0, weight: 300 }] }')],
  ['a route to nowhere', routerOf('routes: [{ via: 10.1.1.9 }]')],
  ['a static address without a device', 'static: { addresses: [{ address: 10.9.9.1/24 }] }'],
  ['a tracked script without a command', `${ROUTER}\ntrack: { scripts: { chk: {} } }`],
  ['a sync group of nobody', `${ROUTER}\nsync_groups: { g: { members: [] } }`],
  ['an arbiter without an address', `${ROUTER}\narbiter: { lease: 5s }`],
  ['a fence agent with a blank', `${ROUTER}\nfencing: { agent: fence ipmilan }`],
  ['mail without addressees', `${ROUTER}\nmail: { smtp: mail, from: a@b }`],
  ['connection synchronisation with the id 0', `${ROUTER}\nipvs: { sync: { interface: eth1, id: 0 } }`],
])('both the JSON Schema and loading refuse %s', (_, text) => {
  expect(validates(parse(text))).toBe(false);
  expect(problemsOf(text)).not.toEqual([]);
});

test.each([
  'preempt: { delay: 30s }',
  'preempt:',
  'vmac: { device: vip0 }',
  'peers: ["fe80::2", { address: 10.1.1.2, min_ttl: 255 }]',
  'source: 10.1.1.1',
  'heartbeat: [eth0, { interface: eth1 }]',
  'notify: /bin/true',
  'notify: [/bin/true, x]',
  'notify: { all: { command: /bin/true, user: nobody } }',
  'track:',
  'routes: [{ to: "2001:db8::/32", via: "fe80::1", device: eth0, table: main, scope: 3 }]',
  'rules: [{ fwmark: 7, table: 100 }]',
])('of a virtual router both the JSON Schema and the shape accept %s', (keys) => {
  expect(validates(parse(routerOf(keys))), JSON.stringify(validates.errors)).toBe(true);
  expect(problemsOf(routerOf(keys)).filter((problem) => problem.includes('expected'))).toEqual([]);
});

test.each([
  'scheduler_flags: sh-port',
  'scheduler_flags: [flag-1, flag-3]',
  'persistence: 5m',
  'persistence: { netmask: 255.255.255.0, prefix: 64 }',
  'persistence:',
  'tunnel: gue',
  'tunnel: { type: gue, port: 6080, checksum: remote }',
  'thresholds: { upper: 4294967295 }',
  'quorum: { weight: 3, hysteresis: 2 }',
  'sorry_server: 127.0.0.1',
  'sorry_server: ["[2001:db8::9]:80", "2001:db8::9", { address: 10.1.1.9, check: { tcp: {} } }]',
  'notify: { quorum_up: /bin/true, quorum_down: [/bin/true, x] }',
])('of a virtual server both the JSON Schema and the shape accept %s', (keys) => {
  expect(validates(parse(service(keys))), JSON.stringify(validates.errors)).toBe(true);
  expect(problemsOf(service(keys)).filter((problem) => problem.includes('expected'))).toEqual([]);
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
