/** What was taken from a former process is held against the file, and the first reload is rehearsed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Environment } from '../../../src/conf/environment.ts';
import { type LoadedConfiguration, loadFile } from '../../../src/manager/configuration.ts';
import { lookAgainSoon } from '../../../src/manager/second-look.ts';
import type { Prefix } from '../../../src/model/address.ts';
import type { Config } from '../../../src/model/config.ts';

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

const weightIn = (config: Config): number | undefined => config.virtualServers[0]?.realServers[0]?.weight;

/** Resolves with what was called, once the look is over. `then` comes while it looks, and is given what cancels it. */
async function look(
  inForce: () => LoadedConfiguration,
  then: (cancel: () => void) => void = () => undefined,
): Promise<readonly string[]> {
  const calls: string[] = [];
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  const cancel = lookAgainSoon({
    file,
    inForce,
    log: (level, message) => calls.push(`${level}: ${message}`),
    rehearse: async (config) => {
      calls.push(`rehearses ${weightIn(config)}`);
    },
    onDifference: () => calls.push('reloads'),
  });
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
  expect(await look(() => same)).toEqual(['rehearses 1']);
});

it('and the file is reloaded when it says something else', async () => {
  const other = await taken(service(7));
  expect(await look(() => other)).toEqual([
    'rehearses 1',
    expect.stringContaining('means something else'),
    'reloads',
  ]);
});

it('but not when the file was edited, cannot be read, or the configuration was read anew', async () => {
  const other = await taken(service(7));
  writeFileSync(file, service(8));
  expect(await look(() => other)).toEqual(['rehearses 8']);
  rmSync(file);
  expect(await look(() => other)).toEqual([]);
  writeFileSync(file, service(1));
  const { config } = other;
  const readAnew = { ...(await loadFile(file)), config };
  expect(await look(() => readAnew)).toEqual(['rehearses 1']);
});

it('nor once a reload has come', async () => {
  const other = await taken(service(7));
  let inForce = other;
  expect(
    await look(
      () => inForce,
      () => {
        inForce = { ...other };
      },
    ),
  ).toEqual([]);
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
  lookAgainSoon({
    file,
    inForce: () => other,
    log: () => undefined,
    rehearse: () => Promise.resolve(),
    onDifference: () => undefined,
  })();
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
  expect(await look(() => held)).toEqual(['rehearses undefined']);
});
