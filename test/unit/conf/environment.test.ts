import { hostname } from 'node:os';
import { expect, test } from 'vitest';
import { readEnvironment } from '../../../src/conf/environment.ts';

test('the machine is read without privileges: its name, its interfaces and their addresses', () => {
  const { hostName, interfaces } = readEnvironment();
  expect(hostName).toBe(hostname());
  expect(interfaces.find(({ name }) => name === 'lo')?.addresses).toContainEqual({
    address: '127.0.0.1',
    length: 8,
  });
  expect(new Set(interfaces.map(({ name }) => name)).size).toBe(interfaces.length);
});
