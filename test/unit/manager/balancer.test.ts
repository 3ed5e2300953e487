/** What comes between the reading of a file and its table: verdicts of checks, and what operators say. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { checkTargets } from '../../../src/balance/targets.ts';
import { Balancer } from '../../../src/manager/balancer.ts';
import type { Config } from '../../../src/model/config.ts';
import { FakeIpvs } from '../../support/fake-ipvs.ts';
import { checkerSays } from '../../support/silent-child.ts';
import { down, up } from '../balance/table.ts';
import { configOf } from '../conf/support.ts';

let kernel: FakeIpvs;
vi.mock(import('../../../src/kernel/ipvs.ts'), async (original) => ({
  ...(await original()),
  openIpvs: () => kernel as never,
}));

vi.mock(
  import('../../../src/manager/child.ts'),
  async () => (await import('../../support/silent-child.ts')) as never,
);

let stateDir: string;
const balancers: Balancer[] = [];
beforeEach(() => {
  kernel = new FakeIpvs();
  stateDir = mkdtempSync(join(tmpdir(), 'vipward-balancer-'));
});
afterEach(async () => {
  await Promise.all(balancers.splice(0).map((balancer) => balancer.stop()));
  rmSync(stateDir, { recursive: true });
});

function start(): Balancer {
  const [log, onQuorum, onServices] = [() => undefined, () => undefined, () => undefined];
  const balancer = new Balancer({ stateDir, log, isActive: () => true, onQuorum, onServices });
  balancers.push(balancer);
  return balancer;
}

const fileOf = (realServers: string, more = ''): Config =>
  configOf(`
ipvs: { timeouts: { tcp: 20m } }
services:
  web:
    address: 10.1.1.254
    port: 80
    forwarding: dr
    check: { tcp: {} }
    ${more}
    real_servers: [${realServers}]
`);

/** As it would come from the checker; resolves when it has been answered. */
async function verdict(config: Config, address: string, health: typeof up): Promise<void> {
  for (const target of checkTargets(config.virtualServers))
    if (target.address === address) checkerSays({ type: 'health', id: target.id, health });
  await setImmediate();
}

const inTable = () =>
  kernel
    .dump()
    .flatMap(({ realServers }) =>
      realServers.map(({ address, weight, forwarding }) => `${address} ${forwarding} ${weight}`).sort(),
    );

const A = '{ address: 10.1.1.2, weight: 1 }';
const B = '{ address: 10.1.1.3, weight: 1 }';

async function serving(config: Config): Promise<Balancer> {
  const balancer = start();
  balancer.configure(config);
  await balancer.configureTable(config);
  await verdict(config, '10.1.1.2', up);
  await verdict(config, '10.1.1.3', up);
  expect(inTable()).toEqual(['10.1.1.2 dr 1', '10.1.1.3 dr 1']);
  return balancer;
}

describe('a verdict between a new file and its table', () => {
  it('is answered by the definitions that the table was filled with', async () => {
    const balancer = await serving(fileOf(`${A}, ${B}`));
    const after = fileOf(
      '{ address: 10.1.1.2, weight: 5, forwarding: nat }, { address: 10.1.1.3, weight: 5 }',
    );
    balancer.configure(after);
    await verdict(after, '10.1.1.3', down);
    expect(inTable()).toEqual(['10.1.1.2 dr 1']);
    await balancer.configureTable(after);
    expect(inTable()).toEqual(['10.1.1.2 nat 5']);
    await verdict(after, '10.1.1.3', up);
    expect(inTable()).toEqual(['10.1.1.2 nat 5', '10.1.1.3 dr 5']);
  });

  it('takes nothing from the table that the new file lacks', async () => {
    const balancer = await serving(fileOf(`${A}, ${B}`));
    const after = fileOf(A);
    balancer.configure(after);
    await verdict(after, '10.1.1.2', down);
    expect(inTable()).toEqual(['10.1.1.3 dr 1']);
    await verdict(after, '10.1.1.2', up);
    await balancer.configureTable(after);
    expect(inTable()).toEqual(['10.1.1.2 dr 1']);
  });

  it('brings nothing back that was down, and is no more', async () => {
    const before = fileOf(`${A}, ${B}`, 'initial: up');
    const balancer = await serving(before);
    await verdict(before, '10.1.1.3', down);
    const after = fileOf(A, 'initial: up');
    balancer.configure(after);
    await verdict(after, '10.1.1.2', down);
    await verdict(after, '10.1.1.2', up);
    expect(inTable()).toEqual(['10.1.1.2 dr 1']);
  });

  it('brings nothing back either while the table waits for work that is under way', async () => {
    const before = fileOf(`${A}, ${B}`, 'initial: up');
    const balancer = await serving(before);
    await verdict(before, '10.1.1.3', down);
    let isHeld = true;
    const look = kernel.dumpSteps.bind(kernel);
    kernel.dumpSteps = function* () {
      while (isHeld) yield;
      return yield* look();
    };
    const underWay = balancer.configureTable(before);
    const after = fileOf(A, 'initial: up');
    balancer.configure(after);
    await verdict(after, '10.1.1.2', down);
    await verdict(after, '10.1.1.2', up);
    kernel.applied.length = 0;
    const configured = balancer.configureTable(after);
    isHeld = false;
    await Promise.all([underWay, configured]);
    expect(kernel.applied.filter(({ op }) => op === 'add-real-server')).toEqual([]);
    expect(inTable()).toEqual(['10.1.1.2 dr 1']);
  });
});

describe('before the first table', () => {
  it.each(['a verdict', 'a command'])('%s leaves alone what a killed process has left', async (what) => {
    const config = fileOf(`${A}, ${B}`);
    await serving(config);
    // That one is killed: it puts back nothing, and is heard of no more.
    const next = start();
    next.configure(config);
    if (what === 'a verdict') await verdict(config, '10.1.1.2', down);
    else await next.override({ action: 'drain', service: 'web', server: '10.1.1.3:80', by: 'root' } as never);
    expect(inTable()).toEqual(['10.1.1.2 dr 1', '10.1.1.3 dr 1']);
    await next.configureTable(config);
    expect(inTable()).toEqual(what === 'a verdict' ? ['10.1.1.3 dr 1'] : ['10.1.1.2 dr 1', '10.1.1.3 dr 0']);
  });
});
