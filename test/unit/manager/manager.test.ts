/** The order of a start and of reloads that come in the middle of it; the kernel's table is one without a kernel. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { checkTargets } from '../../../src/balance/targets.ts';
import { loadFile } from '../../../src/manager/configuration.ts';
import type { UsableConfiguration } from '../../../src/manager/configuration-in-force.ts';
import { KeptConfiguration } from '../../../src/manager/kept-configuration.ts';
import { Manager } from '../../../src/manager/manager.ts';
import { FakeIpvs } from '../../support/fake-ipvs.ts';
import { checkerSays } from '../../support/silent-child.ts';
import { up } from '../balance/table.ts';
import { configOf } from '../conf/support.ts';

let kernel: FakeIpvs;
vi.mock(import('../../../src/kernel/ipvs.ts'), async (original) => ({
  ...(await original()),
  openIpvs: () => kernel as never,
}));

/** Called where modules would be loaded, which may take its time. */
let prepare: () => Promise<void>;
vi.mock(import('../../../src/manager/module-loader.ts'), () => ({
  ModuleLoader: class {
    readonly problems = [];
    async load(): Promise<readonly string[]> {
      await prepare();
      return [];
    }
  } as never,
}));

/** Everything else that would reach for the kernel, or start a process: it takes whatever it is told, and says nothing. */
const { standIn } = vi.hoisted(() => ({
  standIn: (own: Readonly<Record<string, unknown>> = {}) =>
    class {
      constructor() {
        // biome-ignore lint/correctness/noConstructorReturn: what is asked of it is asked of the proxy
        return new Proxy(own, { get: (_, name) => own[String(name)] ?? (() => []) });
      }
    } as never,
}));
vi.mock(import('../../../src/manager/packet-rules.ts'), () => ({ PacketRulesKeeper: standIn() }));
vi.mock(import('../../../src/manager/tracked-connections.ts'), () => ({ TrackedConnections: standIn() }));
vi.mock(import('../../../src/manager/failover.ts'), () => ({
  Failover: standIn({
    vrrp: { statuses: [], query: async () => [], configuration: { network: { routers: [], groups: [] } } },
    configure: async () => configured.push(inTable()),
  }),
}));

vi.mock(
  import('../../../src/manager/child.ts'),
  async () => (await import('../../support/silent-child.ts')) as never,
);

let directory: string;
let file: string;
let manager: Manager;
/** What the table held each time that the virtual routers were configured. */
let configured: (readonly string[])[];

const write = (realServer: string, more = ''): void =>
  writeFileSync(
    file,
    `ipvs: { prepare: false }
services:
  web: { address: 10.1.1.254, port: 80, forwarding: dr, real_servers: [{ address: ${realServer} }]${more} }
`,
  );

async function open(): Promise<void> {
  const initial = (await loadFile(file)) as UsableConfiguration;
  const kept = new KeptConfiguration(directory);
  manager = new Manager({
    file,
    stateDir: directory,
    initial,
    log: () => undefined,
    record: undefined,
    kept,
  });
}

beforeEach(() => {
  kernel = new FakeIpvs();
  configured = [];
  prepare = async () => undefined;
  directory = mkdtempSync(join(tmpdir(), 'vipward-manager-'));
  file = join(directory, 'vipward.yaml');
});
afterEach(async () => {
  await manager.stop();
  rmSync(directory, { recursive: true });
});

const inTable = () => kernel.dump().flatMap(({ realServers }) => realServers.map(({ address }) => address));

/** More turns than anything takes that waits for nothing from outside. */
async function allThatCan(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await setImmediate();
}

/** What prepares the kernel next waits until it is released, and nothing behind that. */
function holdPreparation() {
  const reached = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  prepare = () => {
    prepare = async () => undefined;
    reached.resolve();
    return released.promise;
  };
  return { reached: reached.promise, release: released.resolve };
}

it('a reload in the middle of the first table waits for it, and has the last word', async () => {
  write('10.1.1.2');
  await open();
  const { reached, release } = holdPreparation();
  const started = manager.start();
  await reached;
  write('10.1.1.3');
  const reloaded = manager.reload();
  await allThatCan();
  expect(inTable()).toEqual([]);
  release();
  await started;
  expect(await reloaded).toMatchObject({
    applied: true,
    changes: [
      'add real server 10.1.1.3:80 to tcp 10.1.1.254:80 (dr, weight 1)',
      'remove real server 10.1.1.2:80 from tcp 10.1.1.254:80',
    ],
  });
  expect(inTable()).toEqual(['10.1.1.3']);
});

it('a start that gets to know the real servers in the middle of a reload waits for its table with the addresses', async () => {
  const checked = ', check: { tcp: {}, timeout: 60s, interval: 60s }';
  write('10.1.1.2', checked);
  await open();
  const started = manager.start();
  await allThatCan();
  expect(configured).toEqual([]);
  write('10.1.1.2 }, { address: 10.1.1.3', `${checked}, initial: up`);
  const { reached, release } = holdPreparation();
  const reloaded = manager.reload();
  await reached;
  const [target] = checkTargets(configOf(readFileSync(file, 'utf8')).virtualServers);
  checkerSays({ type: 'health', id: target?.id ?? '', health: up });
  await allThatCan();
  expect(configured).toEqual([]);
  release();
  await Promise.all([started, reloaded]);
  expect(configured.map((table) => [...table].sort())).toEqual([
    ['10.1.1.2', '10.1.1.3'],
    ['10.1.1.2', '10.1.1.3'],
  ]);
});

it('a reload while a start gets to know the real servers brings no address ahead of what is behind it', async () => {
  const checked = ', check: { tcp: {}, timeout: 60s, interval: 60s }';
  write('10.1.1.2', checked);
  await open();
  const started = manager.start();
  await allThatCan();
  write('10.1.1.3', checked);
  const { reached, release } = holdPreparation();
  const reloaded = manager.reload();
  await reached;
  release();
  await allThatCan();
  expect(configured).toEqual([]);
  const [target] = checkTargets(configOf(readFileSync(file, 'utf8')).virtualServers);
  checkerSays({ type: 'health', id: target?.id ?? '', health: up });
  await Promise.all([started, reloaded]);
  expect(configured).toHaveLength(2);
});
