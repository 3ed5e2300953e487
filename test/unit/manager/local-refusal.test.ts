import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { RefusedAddress } from '../../../src/kernel/packet-filter.ts';
import { LocalRefusal } from '../../../src/manager/local-refusal.ts';
import type { Config } from '../../../src/model/config.ts';
import type { LogLevel } from '../../../src/model/messages.ts';
import { address, virtualRouter } from '../../support/virtual-router.ts';
import { entryAt, virtualServer } from '../../support/virtual-server.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A packet filter that takes its time, and holds what it was told last. */
function fakeFilter(left: readonly string[] = []) {
  const filter = {
    holds: [...left] as readonly string[],
    calls: [] as string[],
    asked: [] as readonly RefusedAddress[],
    atOnce: 0,
    problem: undefined as Error | undefined,
    async refuse(addresses: readonly RefusedAddress[]) {
      expect(++filter.atOnce).toBe(1);
      filter.asked = addresses;
      const names = addresses.map(({ address }) => address);
      filter.calls.push(names.join(' '));
      await new Promise((resolve) => setTimeout(resolve, 50));
      filter.atOnce--;
      if (filter.problem !== undefined) throw filter.problem;
      filter.holds = names;
    },
    isRefusing: async () => filter.holds.length > 0,
    changed: (): void => undefined,
    watches: 0,
    watch(onChange: () => void) {
      filter.watches++;
      filter.changed = onChange;
      return { close: () => void filter.watches-- };
    },
  };
  return filter;
}

function start(filter: ReturnType<typeof fakeFilter>) {
  const said: [LogLevel, string][] = [];
  const refusal = new LocalRefusal({ log: (level, message) => void said.push([level, message]), filter });
  return { refusal, said };
}

/** One virtual router that refuses these addresses, and one that accepts its own. */
const refusing = (...texts: readonly string[]): Pick<Config, 'virtualRouters' | 'virtualServers'> => ({
  virtualRouters: [
    virtualRouter({ name: 'open', accept: true }),
    ...(texts.length === 0
      ? []
      : [virtualRouter({ name: 'shut', accept: false, addresses: texts.map((text) => address(text)) })]),
  ],
  virtualServers: [],
});

it('takes away what a former process left, when nothing is refused any more', async () => {
  const filter = fakeFilter(['10.1.1.9']);
  const { refusal } = start(filter);
  refusal.configure(refusing());
  await vi.advanceTimersByTimeAsync(50);
  expect(filter.holds).toEqual([]);
  refusal.configure(refusing());
  await vi.advanceTimersByTimeAsync(60_000);
  expect(filter.calls).toEqual(['']);
});

it('makes one change at a time, and ends with the last of them', async () => {
  const filter = fakeFilter();
  const { refusal } = start(filter);
  refusal.configure(refusing('10.1.1.1'));
  refusal.configure(refusing('10.1.1.2'));
  refusal.configure(refusing('10.1.1.3', '10.1.1.4'));
  await vi.advanceTimersByTimeAsync(200);
  expect(filter.calls).toEqual(['10.1.1.1', '10.1.1.3 10.1.1.4']);
  expect(filter.holds).toEqual(['10.1.1.3', '10.1.1.4']);
});

it('puts the rules back when somebody flushes them, and says so', async () => {
  const filter = fakeFilter();
  const { refusal, said } = start(filter);
  refusal.configure(refusing('10.1.1.1'));
  await vi.advanceTimersByTimeAsync(30_000);
  expect(filter.calls).toEqual(['10.1.1.1']);
  filter.holds = [];
  await vi.advanceTimersByTimeAsync(10_100);
  expect(filter.holds).toEqual(['10.1.1.1']);
  expect(said).toEqual([['warn', expect.stringMatching(/somebody removed/)]]);
});

it('tries again what was refused, and complains once', async () => {
  const filter = fakeFilter();
  filter.problem = new Error('nft is not installed');
  const { refusal, said } = start(filter);
  refusal.configure(refusing('10.1.1.1'));
  await vi.advanceTimersByTimeAsync(25_000);
  expect(filter.calls).toHaveLength(3);
  expect(said).toEqual([['error', expect.stringMatching(/has no effect.*: nft is not installed$/)]]);
  filter.problem = undefined;
  await vi.advanceTimersByTimeAsync(10_100);
  expect(filter.holds).toEqual(['10.1.1.1']);
});

it('a kernel that knows no tables is no news to whoever refuses nothing', async () => {
  const filter = fakeFilter();
  filter.problem = new Error('Operation not supported');
  const { refusal, said } = start(filter);
  refusal.configure(refusing());
  await vi.advanceTimersByTimeAsync(60_000);
  expect(filter.calls).toHaveLength(1);
  expect(said.map(([level]) => level)).toEqual(['debug']);
});

it('takes its rules away at the end, also those that are just being put in place', async () => {
  const filter = fakeFilter();
  const { refusal } = start(filter);
  refusal.configure(refusing('10.1.1.1'));
  const closed = refusal.close();
  refusal.configure(refusing('10.1.1.2'));
  await vi.advanceTimersByTimeAsync(200);
  await closed;
  expect([filter.holds, filter.calls]).toEqual([[], ['10.1.1.1', '']]);
  expect(vi.getTimerCount()).toBe(0);
});

it('lets through what is balanced on an address: its virtual servers, and the marks that may be sent there', async () => {
  const filter = fakeFilter();
  const { refusal } = start(filter);
  const byMark = (mark: number, matched: readonly string[]) =>
    virtualServer({
      entries: [{ kind: 'mark', mark, family: 'ipv4' }],
      match: matched.map((text) => ({ address: address(text).address, protocol: 'tcp', ports: [] })),
    });
  const here = virtualServer({ entries: [entryAt('10.1.1.1', 80), entryAt('10.1.1.1', 0)] });
  const elsewhere = virtualServer({ entries: [entryAt('10.1.1.2', 80)] });
  const virtualServers = [here, elsewhere, byMark(7, ['10.1.1.1']), byMark(8, ['10.1.1.2']), byMark(9, [])];
  refusal.configure({ ...refusing('10.1.1.1'), virtualServers });
  await vi.advanceTimersByTimeAsync(50);
  expect(filter.asked).toEqual([
    {
      address: '10.1.1.1',
      services: [
        { protocol: 'tcp', port: 80 },
        { protocol: 'tcp', port: 0 },
      ],
      marks: [7, 9],
    },
  ]);
});

it('puts back what the kernel tells that somebody took away, and does not wait for the next look', async () => {
  const filter = fakeFilter();
  const { refusal } = start(filter);
  refusal.configure(refusing('10.1.1.9'));
  await vi.advanceTimersByTimeAsync(50);
  expect(filter.watches).toBe(1);
  filter.holds = [];
  for (let i = 0; i < 3; i++) filter.changed();
  await vi.advanceTimersByTimeAsync(400);
  expect(filter.holds).toEqual(['10.1.1.9']);
  expect(filter.calls).toHaveLength(2);
  // And when nothing is missing, nothing is done.
  filter.changed();
  await vi.advanceTimersByTimeAsync(400);
  expect(filter.calls).toHaveLength(2);
  const closed = refusal.close();
  await vi.advanceTimersByTimeAsync(50);
  await closed;
  expect(filter.watches).toBe(0);
});
