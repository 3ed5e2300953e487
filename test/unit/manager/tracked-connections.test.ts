import { constants } from 'node:os';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { KernelError } from '../../../src/kernel/kernel-error.ts';
import { TrackedConnections } from '../../../src/manager/tracked-connections.ts';
import type { IpAddress } from '../../../src/model/address.ts';
import type { IpvsConnection, TranslatedConnection } from '../../../src/model/connections.ts';
import { address, virtualRouter } from '../../support/virtual-router.ts';
import { realServerAt, virtualServer } from '../../support/virtual-server.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const ip = (text: string): IpAddress => text as IpAddress;
const connection = (port: number, client = '10.9.9.9'): IpvsConnection => ({
  protocol: 'TCP',
  client: { address: ip(client), port },
  service: { address: ip('10.1.1.254'), port: 80 },
  server: { address: ip('10.3.0.2'), port: 8080 },
  state: 'ESTABLISHED',
  expires: 890,
  engine: undefined,
});

/** IPVS and connection tracking. */
function fakeKernel(...connections: readonly IpvsConnection[]) {
  const kernel = {
    connections: [...connections],
    tracked: new Set<number>(),
    asked: 0,
    problem: undefined as Error | undefined,
    refusal: undefined as Error | undefined,
    async *known() {
      kernel.asked++;
      if (kernel.problem !== undefined) throw kernel.problem;
      for (const each of kernel.connections) yield [each];
    },
    async track(wanted: readonly TranslatedConnection[]) {
      if (kernel.refusal !== undefined)
        return { made: 0, there: 0, refused: wanted.length, errors: [kernel.refusal] };
      const made = wanted.filter(({ source }) => !kernel.tracked.has(source.port));
      for (const { source } of made) kernel.tracked.add(source.port);
      return { made: made.length, there: wanted.length - made.length, refused: 0, errors: [] };
    },
  };
  return kernel;
}

const ROUTERS = [
  virtualRouter({ name: 'web', addresses: [address('10.1.1.254'), address('10.2.0.100')] }),
  virtualRouter({ name: 'other', addresses: [address('10.1.1.253')] }),
];
const web = (sourceAddress: IpAddress | undefined) =>
  virtualServer({
    realServers: [realServerAt('10.3.0.2', { forwarding: 'fullnat', port: 8080, sourceAddress })],
  });

function start(kernel: ReturnType<typeof fakeKernel>, source: string | undefined = '10.2.0.100') {
  const said: string[] = [];
  const awaited: string[] = [];
  const tracked = new TrackedConnections({
    kernel,
    onAwaited: (sources) => void awaited.push(sources.join()),
    log: (level, message) => void said.push(`${level}: ${message}`),
  });
  tracked.configure({
    virtualRouters: ROUTERS,
    virtualServers: [web(source === 'auto' ? undefined : ip(source))],
  });
  const become = async (...active: readonly string[]) => {
    const state = (name: string) => (active.includes(name) ? ('active' as const) : ('backup' as const));
    tracked.routersAre(ROUTERS.map(({ name }) => ({ name, state: state(name) })));
    await vi.advanceTimersByTimeAsync(0);
  };
  return { tracked, said, awaited, become };
}

it('are made known when the virtual router that holds their source becomes active, once for each time', async () => {
  const kernel = fakeKernel(connection(40_000), connection(40_001));
  const { become, said } = start(kernel);
  await become();
  await become('other');
  expect(kernel.asked).toBe(0);
  await become('other', 'web');
  expect([...kernel.tracked]).toEqual([40_000, 40_001]);
  await become('web');
  expect(kernel.asked).toBe(1);
  expect(said).toEqual(['info: virtual router web: connections by fullnat taken over: 2']);
  kernel.tracked.clear();
  await become();
  await become('web');
  expect(kernel.tracked.size).toBe(2);
});

it('are looked for once more: the other director may just have told of them', async () => {
  const kernel = fakeKernel(connection(40_000));
  const { become, said } = start(kernel);
  await become('web');
  kernel.connections.push(connection(40_001));
  await vi.runAllTimersAsync();
  expect([...kernel.tracked]).toEqual([40_000, 40_001]);
  expect(said).toHaveLength(2);
  expect(vi.getTimerCount()).toBe(0);
});

it('are not looked for again where the virtual router is active no longer', async () => {
  const kernel = fakeKernel(connection(40_000));
  const { become } = start(kernel);
  await become('web');
  await become();
  await vi.runAllTimersAsync();
  expect(kernel.asked).toBe(1);
});

it('are left where they are at the end, however many there are', async () => {
  const kernel = fakeKernel(connection(40_000), connection(40_001));
  const { tracked, said } = start(kernel);
  const read = kernel.known;
  let closed: Promise<void> | undefined;
  kernel.known = async function* () {
    for await (const some of read()) {
      closed ??= tracked.close();
      yield some;
    }
  };
  tracked.routersAre([{ name: 'web', state: 'active' }]);
  await vi.advanceTimersByTimeAsync(0);
  await closed;
  expect(closed).toBeDefined();
  expect(kernel.tracked.size).toBe(0);
  expect(said).toEqual([]);
});

it("are nobody's business where each director has a source of its own, or after the end", async () => {
  const kernel = fakeKernel(connection(40_000));
  await start(kernel, 'auto').become('web');
  await start(kernel, '10.2.0.99').become('web');
  expect(kernel.asked).toBe(0);
  const { become, tracked } = start(kernel);
  await become('web');
  await tracked.close();
  await vi.runAllTimersAsync();
  expect(kernel.asked).toBe(1);
});

it('say so where some may be lost, or all that only listen', async () => {
  const kernel = fakeKernel(connection(40_000), connection(40_001), connection(40_001, '10.9.9.8'));
  const first = start(kernel);
  await first.become('web');
  expect(first.said).toEqual([
    'info: virtual router web: connections by fullnat taken over: 1, in doubt, since their clients have the same port: 2',
  ]);
  kernel.problem = new Error('netlink: out of order');
  const second = start(kernel);
  await second.become('web');
  expect(second.said).toEqual([
    'error: connections by fullnat whose clients only listen do not go on here: netlink: out of order',
  ]);
});

it('say why where the kernel has no more room for them', async () => {
  const kernel = fakeKernel(connection(40_000), connection(40_001));
  kernel.refusal = new KernelError({ operation: 'track', object: 'tcp a to b' }, constants.errno.ENOMEM);
  const { become, said } = start(kernel);
  await become('web');
  expect(said).toEqual([
    'warn: virtual router web: connections by fullnat taken over: 0, refused: 2 (track tcp a to b: not enough memory (ENOMEM): the table of connection tracking is full: raise net.netfilter.nf_conntrack_max)',
  ]);
});

it('are awaited by a backup, and until some time after the take-over, when a reset ends what is left', async () => {
  const kernel = fakeKernel();
  const { awaited, become } = start(kernel);
  const SOURCE = '10.2.0.100';
  await become('web');
  await vi.advanceTimersByTimeAsync(61_000);
  expect(awaited).toEqual([SOURCE]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(awaited).toEqual([SOURCE, '']);
  await become();
  expect(awaited).toEqual([SOURCE, '', SOURCE]);
  await become('web');
  await vi.advanceTimersByTimeAsync(1_000);
  await become();
  await vi.runAllTimersAsync();
  expect(awaited).toHaveLength(3);
  // One of each director's own is nobody else's.
  expect(start(kernel, '10.2.0.99').awaited).toEqual(['']);
});
