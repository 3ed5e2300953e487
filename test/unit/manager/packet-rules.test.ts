import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { packetRuleTexts } from '../../../src/balance/packet-rule-words.ts';
import { PacketRulesKeeper } from '../../../src/manager/packet-rules.ts';
import type { ActualTable } from '../../../src/model/ipvs-table.ts';
import type { PacketRules } from '../../../src/model/packet-rules.ts';
import { tableOf } from '../../support/held-table.ts';
import { address } from '../../support/virtual-router.ts';
import { entryAt, realServerAt, virtualServer } from '../../support/virtual-server.ts';

beforeEach(() => {
  vi.useFakeTimers();
  table = [];
});
afterEach(() => void vi.useRealTimers());

/** nft, with a table of ours. */
function fakeKernel() {
  const kernel = {
    listing: undefined as string | undefined,
    applied: 0,
    problem: undefined as Error | undefined,
    async apply(rules: PacketRules) {
      kernel.applied++;
      if (kernel.problem !== undefined) throw kernel.problem;
      const texts = packetRuleTexts(rules);
      kernel.listing = texts.length === 0 ? undefined : texts.join('\n');
      return kernel.listing;
    },
    held: async () => kernel.listing,
    watch: () => ({ close: () => undefined }),
  };
  return kernel;
}

let table: ActualTable | undefined;
const tableAfter = () => table;

function start(kernel: ReturnType<typeof fakeKernel>, onMarks = () => undefined as unknown) {
  const said: string[] = [];
  const keeper = new PacketRulesKeeper({
    kernel,
    table: () => table,
    onMarks: () => void onMarks(),
    log: (level, message) => void said.push(`${level}: ${message}`),
  });
  return { keeper, said };
}

const shop = virtualServer({
  name: 'shop',
  entries: [{ kind: 'mark', mark: 7, family: 'ipv4' }],
  match: [
    {
      address: address('10.1.1.254').address,
      protocol: 'tcp',
      ports: [
        { from: 80, to: 80 },
        { from: 8000, to: 8010 },
      ],
    },
  ],
});
const far = virtualServer({
  entries: [entryAt('10.1.1.253')],
  realServers: [realServerAt('10.9.0.2', { forwarding: 'fullnat', port: 8080 })],
});
const MARK = 'mark 7 for tcp 10.1.1.254 port 80, 8000-8010';
const NAT = "source NAT to this director's own address for tcp 10.1.1.253 port 80 at 10.9.0.2:8080";

it('says beforehand what it will do, does it, and takes it away at the end', async () => {
  const kernel = fakeKernel();
  const { keeper } = start(kernel);
  const config = { virtualServers: [shop, far] };
  expect(keeper.preview(config, tableAfter)).toEqual([`add ${MARK}`, `add ${NAT}`]);
  expect(kernel.applied).toBe(0);
  expect(await keeper.configure(config)).toEqual([`add ${MARK}`, `add ${NAT}`]);
  expect(kernel.listing).toBe(`${MARK}\n${NAT}`);
  expect(keeper.preview(config, tableAfter)).toEqual([]);
  expect(await keeper.configure({ virtualServers: [far] })).toEqual([]);
  expect(await keeper.setMarks()).toEqual([`remove ${MARK}`]);
  await vi.advanceTimersByTimeAsync(0);
  await keeper.close();
  expect(kernel.listing).toBeUndefined();
  expect(vi.getTimerCount()).toBe(0);
});

it('leaves marks as they are until the table is ready for others, and tells when they are set', async () => {
  const kernel = fakeKernel();
  let told = 0;
  const { keeper } = start(kernel, () => told++);
  await keeper.configure({ virtualServers: [shop] });
  expect(kernel.listing).toBe(MARK);
  const other = virtualServer({ ...shop, entries: [{ kind: 'mark', mark: 8, family: 'ipv4' }] });
  const changes = [`add ${MARK.replace('7', '8')}`, `remove ${MARK}`];
  expect(keeper.preview({ virtualServers: [other] }, tableAfter)).toEqual(changes);
  expect(await keeper.configure({ virtualServers: [other, far] })).toEqual([`add ${NAT}`]);
  expect([kernel.listing, keeper.marksAreSet]).toEqual([`${MARK}\n${NAT}`, false]);
  kernel.problem = new Error('no');
  expect(await keeper.setMarks()).toEqual([]);
  expect(await keeper.inForce()).toEqual([]);
  expect([keeper.marksAreSet, told]).toEqual([false, 0]);
  kernel.problem = undefined;
  await vi.advanceTimersByTimeAsync(20_000);
  expect([kernel.listing, keeper.marksAreSet]).toEqual([`${MARK.replace('7', '8')}\n${NAT}`, true]);
  expect(told).toBeGreaterThan(0);
  await keeper.close();
});

it('sets no marks of a configuration that comes while it takes away what one before it needed', async () => {
  const kernel = fakeKernel();
  const { keeper } = start(kernel);
  await keeper.configure({ virtualServers: [shop, far] });
  table = undefined;
  await keeper.configure({ virtualServers: [shop] });
  expect(kernel.listing).toBe(`${MARK}\n${NAT}`);
  table = [];
  const going = keeper.inForce();
  const other = virtualServer({ ...shop, entries: [{ kind: 'mark', mark: 8, family: 'ipv4' }] });
  await keeper.configure({ virtualServers: [other] });
  expect(await going).toEqual([`remove ${NAT}`]);
  // The table may take a while until it is ready for them.
  await vi.advanceTimersByTimeAsync(60_000);
  expect([kernel.listing?.split('\n')[0], keeper.marksAreSet]).toEqual([MARK, false]);
  await keeper.setMarks();
  await keeper.inForce();
  expect([kernel.listing, keeper.marksAreSet]).toEqual([MARK.replace('7', '8'), true]);
  await keeper.close();
});

it('does not take what it puts in place itself for somebody else’s change', async () => {
  const kernel = fakeKernel();
  const { keeper, said } = start(kernel);
  await keeper.configure({ virtualServers: [shop] });
  const look = Promise.withResolvers<string>();
  kernel.held = () => look.promise;
  await vi.advanceTimersByTimeAsync(10_000);
  const { apply } = kernel;
  const nft = Promise.withResolvers<void>();
  kernel.apply = async (rules) => {
    await nft.promise;
    return await apply(rules);
  };
  const configured = keeper.configure({ virtualServers: [shop, far] });
  look.resolve('what held, and what is put in its place');
  await vi.advanceTimersByTimeAsync(0);
  nft.resolve();
  await configured;
  expect(kernel.listing).toBe(`${MARK}\n${NAT}`);
  expect(said.filter((line) => line.startsWith('warn'))).toEqual([]);
  await keeper.close();
});

it('sets again what it cannot read, and does not blame anybody', async () => {
  const kernel = fakeKernel();
  const { keeper, said } = start(kernel);
  await keeper.configure({ virtualServers: [shop] });
  const { held } = kernel;
  kernel.held = () => Promise.reject(new Error('nft did not end within 10000 ms'));
  await vi.advanceTimersByTimeAsync(10_000);
  kernel.held = held;
  expect([kernel.applied, kernel.listing]).toEqual([2, MARK]);
  expect(said.filter((line) => line.startsWith('warn'))).toEqual([
    expect.stringMatching(/of nftables cannot be read \(nft did not end within 10000 ms\): it is set again$/),
  ]);
  await keeper.close();
});

it('puts back what somebody changed', async () => {
  const kernel = fakeKernel();
  const { keeper, said } = start(kernel);
  await keeper.configure({ virtualServers: [shop] });
  kernel.listing = 'something else';
  await vi.advanceTimersByTimeAsync(10_000);
  expect(kernel.listing).toBe(MARK);
  expect(said.filter((line) => line.startsWith('warn'))).toHaveLength(1);
  await keeper.close();
});

it('tells what the kernel refuses, and that nothing was changed', async () => {
  const kernel = fakeKernel();
  kernel.problem = new Error('nft is not installed');
  const { keeper } = start(kernel);
  expect(await keeper.configure({ virtualServers: [shop] })).toEqual([]);
  expect(keeper.problems).toEqual([expect.stringMatching(/by mark get no packets.*nft is not installed/)]);
  kernel.problem = undefined;
  await vi.advanceTimersByTimeAsync(10_000);
  expect([keeper.problems, kernel.listing]).toEqual([[], MARK]);
  await keeper.close();
});

it('previews against what the kernel has, not against what it refused', async () => {
  const kernel = fakeKernel();
  const { keeper } = start(kernel);
  await keeper.configure({ virtualServers: [far] });
  kernel.problem = new Error('no');
  const both = { virtualServers: [shop, far] };
  await keeper.configure(both);
  expect(keeper.preview(both, tableAfter)).toEqual([`add ${MARK}`]);
  expect(keeper.preview({ virtualServers: [far] }, tableAfter)).toEqual([]);
  kernel.problem = undefined;
  // A reload of the same file, which succeeds now.
  expect(await keeper.configure(both)).toEqual([]);
  expect(await keeper.setMarks()).toEqual([`add ${MARK}`]);
  expect(keeper.preview(both, tableAfter)).toEqual([]);
  await keeper.close();
});

it('without marks and fullnat nobody waits for nft', async () => {
  const kernel = fakeKernel();
  kernel.apply = () => new Promise(() => undefined);
  const { keeper } = start(kernel);
  expect(await keeper.configure({ virtualServers: [virtualServer()] })).toEqual([]);
});

it('leaves its source NAT to a real server until it has left the table', async () => {
  const kernel = fakeKernel();
  const { keeper } = start(kernel);
  const next = virtualServer({ ...far, realServers: [realServerAt('10.9.0.3', { forwarding: 'fullnat' })] });
  const config = { virtualServers: [next] };
  const nextNat = "source NAT to this director's own address for tcp 10.1.1.253 port 80 at 10.9.0.3:80";
  const later = `remove ${NAT}, once nothing in the table needs it`;
  await keeper.configure({ virtualServers: [far] });
  table = tableOf(far);
  expect(keeper.preview(config, tableAfter)).toEqual([`add ${nextNat}`, later]);
  expect(await keeper.configure(config)).toEqual([`add ${nextNat}`]);
  expect(await keeper.inForce()).toEqual([later]);
  for (const known of [table, undefined]) {
    table = known;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(kernel.listing).toBe(`${nextNat}\n${NAT}`);
  }
  table = tableOf(next);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(kernel.listing).toBe(nextNat);
  await keeper.close();
});

it('takes source NAT away behind the table, not before', async () => {
  const kernel = fakeKernel();
  const { keeper } = start(kernel);
  await keeper.configure({ virtualServers: [far] });
  const direct = { virtualServers: [virtualServer({ ...far, realServers: [realServerAt('10.9.0.2')] })] };
  expect(keeper.preview(direct, tableAfter)).toEqual([`remove ${NAT}`]);
  expect(await keeper.configure(direct)).toEqual([]);
  expect(kernel.listing).toBe(NAT);
  expect(await keeper.inForce()).toEqual([`remove ${NAT}`]);
  expect(kernel.listing).toBeUndefined();
  await keeper.close();
});

it('is told at which source addresses replies of unknown connections are not reset', async () => {
  const kernel = fakeKernel();
  const applied: PacketRules['awaited'][] = [];
  const { apply } = kernel;
  kernel.apply = (rules) => {
    applied.push(rules.awaited);
    return apply(rules);
  };
  const { keeper } = start(kernel);
  const [own, floating] = [address('10.2.0.9').address, address('10.2.0.100').address];
  const source = (sourceAddress: typeof own, name: string) =>
    virtualServer({ realServers: [realServerAt(name, { forwarding: 'fullnat', sourceAddress })] });
  keeper.awaits([floating]);
  await keeper.configure({ virtualServers: [source(own, '10.9.0.2'), source(floating, '10.9.0.3')] });
  keeper.awaits([floating]);
  keeper.awaits([]);
  await vi.advanceTimersByTimeAsync(0);
  keeper.awaits([floating, address('10.2.0.101').address]);
  await vi.advanceTimersByTimeAsync(0);
  expect(applied).toEqual([[floating], undefined, [floating]]);
  await keeper.close();
});

it('what a former process left holds for real servers that are still in the table', async () => {
  const kernel = fakeKernel();
  kernel.listing = `set masqueraded4_0 {
    elements = { 10.1.1.253 . 6 . 10.9.0.2 . 8080 }
  }
  @masqueraded4_0 masquerade`;
  const { keeper } = start(kernel);
  const next = virtualServer({ ...far, realServers: [realServerAt('10.9.0.3', { forwarding: 'fullnat' })] });
  await keeper.adopt();
  await keeper.configure({ virtualServers: [next] });
  table = tableOf(far);
  await keeper.inForce();
  expect(kernel.listing).toContain('at 10.9.0.2');
  table = tableOf(next);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(kernel.listing).toBe(
    "source NAT to this director's own address for tcp 10.1.1.253 port 80 at 10.9.0.3:80",
  );
  await keeper.close();
});

it('what of a former process cannot be read is not known', async () => {
  const kernel = fakeKernel();
  kernel.held = () => Promise.reject(new Error('no nft'));
  const { keeper, said } = start(kernel);
  await keeper.adopt();
  expect(said).toEqual(['debug: source NAT of a former process is not known: no nft']);
});

it('keeps what translates the connections of a real server that is no longer behind fullnat, until it has none', async () => {
  const kernel = fakeKernel();
  let rules: PacketRules | undefined;
  const { apply } = kernel;
  kernel.apply = async (given) => {
    rules = given;
    return await apply(given);
  };
  const { keeper } = start(kernel);
  await keeper.configure({ virtualServers: [far] });
  const near = virtualServer({
    ...far,
    realServers: [realServerAt('10.9.0.2', { forwarding: 'nat', port: 8080 })],
  });
  const busy = (active: number, inactive: number): ActualTable =>
    tableOf(near).map((entry) => ({
      ...entry,
      realServers: entry.realServers.map((server) => ({
        ...server,
        connections: { active, inactive, persistent: 0 },
      })),
    }));
  table = busy(1, 0);
  expect(await keeper.configure({ virtualServers: [near] })).toEqual([]);
  expect(await keeper.inForce()).toEqual([`remove ${NAT}`]);
  const kept: PacketRules = { marks: [], sourceNats: [], translated: [address('10.9.0.2').address] };
  expect(rules).toEqual(kept);
  for (const known of [busy(0, 1), undefined]) {
    table = known;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(rules).toEqual(kept);
  }
  // Another reload of the same file, and one that has source NAT again.
  table = busy(1, 0);
  await keeper.configure({ virtualServers: [near] });
  await keeper.inForce();
  expect(rules).toEqual(kept);
  await keeper.configure({ virtualServers: [far] });
  await keeper.inForce();
  expect(rules?.translated).toBeUndefined();
  await keeper.configure({ virtualServers: [near] });
  await keeper.inForce();
  expect(rules).toEqual(kept);
  table = busy(0, 0);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(rules).toEqual({ marks: [], sourceNats: [] });
  await keeper.close();
});
