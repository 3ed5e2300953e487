/** Files with services, a key a line, for the tests of their rules. */
import { parseAddress } from '../../../src/model/address.ts';
import { LVS1 } from './support.ts';

const v6 = parseAddress('2001:db8::1');
if (v6 === undefined) throw new Error('not an address');
/** A director that has 10.1.1.1 and 2001:db8::1. */
export const DIRECTOR = {
  ...LVS1,
  interfaces: [...LVS1.interfaces, { name: 'eth2', addresses: [{ address: v6, length: 64 }] }],
};

/** What is undefined is left out. */
export type Keys = Readonly<Record<string, string | undefined>>;

const BASE: Keys = {
  address: '10.1.1.1',
  port: '80',
  forwarding: 'dr',
  check: '{ tcp: {} }',
  real_servers: '[{ address: 10.1.1.2 }]',
};
export const MARK: Keys = {
  address: undefined,
  port: undefined,
  mark: '7',
  check: '{ tcp: {}, port: 80 }',
};
/** Of IPv6, and of both families. */
export const V6S: Keys = { address: '"2001:db8::1"', real_servers: '[{ address: "2001:db8::2" }]' };
export const TWO_FAMILIES = '[{ address: 10.1.1.2 }, { address: "2001:db8::2" }]';
export const BOTH: Keys = { address: '[10.1.1.1, "2001:db8::1"]', real_servers: TWO_FAMILIES };

/** A service, in the order of the base with what is added behind. */
export function one(name: string, keys: Keys): string {
  const lines = Object.entries({ ...BASE, ...keys }).filter(([, value]) => value !== undefined);
  return [`  ${name}:`, ...lines.map(([key, value]) => `    ${key}: ${value}`)].join('\n');
}

/** A file with the service `web`, whose keys begin on line 3; `rest` goes on with services. */
export const file = (keys: Keys, rest = ''): string => `services:\n${one('web', keys)}\n${rest}`;
