/** What was taken from a former process is held against the file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Environment } from '../../../src/conf/environment.ts';
import { type LoadedConfiguration, loadFile } from '../../../src/manager/configuration.ts';
import { lookAgainSoon } from '../../../src/manager/second-look.ts';
import type { Prefix } from '../../../src/model/address.ts';

const root = mkdtempSync(join(tmpdir(), 'vipward-look-'));
const file = join(root, 'vipward.yaml');
afterAll(() => rmSync(root, { recursive: true }));
const service = (weight: number) =>
  `services: { web: { address: 10.1.1.254, port: 80, forwarding: dr, real_servers: [{ address: 10.1.1.7, weight: ${weight} }] } }\n`;

beforeEach(() => writeFileSync(file, service(1)));
afterEach(() => {
  vi.useRealTimers();
  interfaces = undefined;
});

/** What the machine has; undefined: what it has in truth. */
let interfaces: Environment['interfaces'] | undefined;
vi.mock(import('../../../src/conf/environment.ts'), async (original) => {
  const { readEnvironment } = await original();
  return {
    readEnvironment: () => ({ ...readEnvironment(), ...(interfaces === undefined ? {} : { interfaces }) }),
  };
});

/** As it was taken by a start: `answers` are of what was read anew. */
async function taken(yaml: string): Promise<LoadedConfiguration> {
  const { digest } = await loadFile(file);
  writeFileSync(file, yaml);
  const { config, problems } = await loadFile(file);
  writeFileSync(file, service(1));
  return { config, problems, digest };
}

/** Resolves with what was called, once the look is over. `then` comes while it looks, and is given what cancels it. */
async function look(
  inForce: () => LoadedConfiguration,
  then: (cancel: () => void) => void = () => undefined,
): Promise<readonly string[]> {
  const calls: string[] = [];
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  const cancel = lookAgainSoon(
    file,
    inForce,
    (level, message) => calls.push(`${level}: ${message}`),
    () => calls.push('reloads'),
  );
  vi.advanceTimersToNextTimer();
  then(cancel);
  vi.useRealTimers();
  // It reads the file as we do, and began before.
  await loadFile(file);
  await new Promise(setImmediate);
  return calls;
}

it('and stays, when the file says the same', async () => {
  const same = await taken(service(1));
  expect(await look(() => same)).toEqual([]);
});

it('and the file is reloaded when it says something else', async () => {
  const other = await taken(service(7));
  expect(await look(() => other)).toEqual([expect.stringContaining('means something else'), 'reloads']);
});

it('but not when the file was edited, cannot be read, or was reloaded meanwhile', async () => {
  const other = await taken(service(7));
  writeFileSync(file, service(8));
  expect(await look(() => other)).toEqual([]);
  rmSync(file);
  expect(await look(() => other)).toEqual([]);
  writeFileSync(file, service(1));
  const reloaded = await loadFile(file);
  expect(await look(() => ({ ...other, ...reloaded, config: other.config }))).toEqual([]);
});

it('nor at the end, before the look or while it is under way', async () => {
  const other = await taken(service(7));
  expect(
    await look(
      () => other,
      (cancel) => cancel(),
    ),
  ).toEqual([]);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  lookAgainSoon(
    file,
    () => other,
    () => undefined,
    () => undefined,
  )();
  expect(vi.getTimerCount()).toBe(0);
});

it('nor on a director that holds its virtual addresses by now, on an interface that was not there', async () => {
  const yaml = 'virtual_routers: { web: { interface: eth0, vrid: 51, addresses: [10.1.1.254/24] } }\n';
  writeFileSync(file, yaml);
  interfaces = [];
  const { config, problems, digest } = await loadFile(file);
  expect(problems).not.toEqual([]);
  const prefix = (address: string) => ({ address, length: 24 }) as Prefix;
  interfaces = [{ name: 'eth0', addresses: [prefix('10.1.1.4'), prefix('10.1.1.254')] }];
  const held = { config, problems, digest };
  expect(await look(() => held)).toEqual([]);
});
