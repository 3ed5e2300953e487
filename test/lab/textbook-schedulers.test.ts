/**
 * Textbook case 7: every scheduler distributes as its definition says. What is expected follows from the definitions
 * in the kernel's ip_vs_*.c, which the words beside each case put in short. Connections are opened one after the other
 * and held, so that they count as active.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Call, Held } from './support/calls.ts';
import { byDestination, bySource, bySourceInOrder, Maglev, type Weighted } from './textbook-hashes.ts';
import { counted, markPackets, type Pool, SERVERS, setPool, VIP, VIP6 } from './textbook-pool.ts';

import { protocolCases } from './textbook-protocol-cases.ts';
import {
  CONFIG,
  destinationOf,
  MARKS,
  type Name,
  PLACES,
  portOf,
  SERVICES,
  type Service,
  vipOf,
} from './textbook-scheduler-services.ts';

let pool: Pool;
beforeAll(async () => {
  pool = await setPool(CONFIG, PLACES, (director) => markPackets(director, MARKS));
});
afterAll(() => pool?.lab.close());

const FROM = '10.3.3.1';
/** As many clients of the service, each with an address. */
const clients = (count: number, name: Name = 'rr'): string[] =>
  Array.from({ length: count }, (_, n) => (vipOf(name) === VIP6 ? `fd00:3::7:${n + 1}` : `10.3.3.${n + 1}`));

const open = (name: Name, call: Partial<Call> = {}): Promise<Held> => {
  const [from = ''] = clients(1, name);
  return pool.caller.open({ to: vipOf(name), port: portOf(name), from, ...call });
};

/** So many connections, one after the other. */
async function hold(name: Name, count: number, call: Partial<Call> = {}): Promise<readonly Held[]> {
  const held: Held[] = [];
  for (let n = 0; n < count; n++) held.push(await open(name, call));
  return held;
}
const names = (held: readonly Held[]): readonly string[] => held.map(({ name }) => name);
const next = async (name: Name, count: number, call: Partial<Call> = {}): Promise<readonly string[]> =>
  names(await hold(name, count, call));

/** Those of `server` come to their end, and count as inactive then. */
async function end(held: readonly Held[], server: string): Promise<void> {
  for (const one of held) if (one.name === server) await one.close();
}

/** A service's real servers in the order of the kernel's list, which the tables of dh and sh are filled by. */
async function inKernel(name: Name): Promise<readonly Weighted[]> {
  const { mark, family }: Service = SERVICES[name];
  const vip = family === 6 ? `[${VIP6}]` : VIP;
  const which = mark === undefined ? `-t ${vip}:${portOf(name)}` : `-f ${mark}${family === 6 ? ' -6' : ''}`;
  const table = await pool.director.run(`ipvsadm -Ln --nosort ${which}`);
  return [...table.matchAll(/-> \[?(\S+[.:](\d+))\]?:(\d+) +\w+ +(\d+)/g)].map(
    ([, address = '', last, port, weight]) => ({
      name: SERVERS[Number(last) - 11] ?? '',
      address,
      port: Number(port),
      weight: Number(weight),
    }),
  );
}

describe('in turn', () => {
  it.each(['rr', 'rr6'] as const)(
    '%s: one after the other, whatever the weight, but none with weight 0',
    async (name) => {
      const seen = await next(name, 6);
      expect(counted(seen)).toEqual({ a: 3, b: 3 });
      expect(seen.slice(0, 4)).toEqual(seen.slice(2));
    },
  );

  it.each(['wrr', 'wrr6'] as const)('%s: in each round as many as the weight', async (name) => {
    const seen = await next(name, 21);
    for (let begin = 0; begin <= 14; begin++)
      expect(counted(seen.slice(begin, begin + 7))).toEqual({ a: 4, b: 2, c: 1 });
  });
});

describe('by connections', () => {
  it('lc: where the fewest are, an active one counting as 256 inactive ones, whatever the weight', async () => {
    const held = await hold('lc', 6);
    expect(counted(names(held))).toEqual({ a: 2, b: 2, c: 2 });
    await end(held, 'a');
    // a: 2 inactive, then 1 and 2 active; b and c: 512. From then on a has 2 more than 512.
    const seen = await next('lc', 5);
    expect(seen.slice(0, 2)).toEqual(['a', 'a']);
    expect(seen.slice(2, 4).toSorted()).toEqual(['b', 'c']);
    expect(seen[4]).toBe('a');
  });

  it.each(['wlc', 'wlc6'] as const)('%s: where the fewest are in proportion to the weight', async (name) => {
    const held = await hold(name, 14);
    expect(counted(names(held))).toEqual({ a: 8, b: 4, c: 2 });
    await end(held, 'b');
    // b: (4 + 256 n) / 2, below the 8 * 256 / 4 of a and the 2 * 256 of c until n is 4.
    expect(counted(await next(name, 4))).toEqual({ b: 4 });
    expect(['a', 'c']).toContain((await next(name, 1))[0]);
  });

  it('sed: where the next would wait least, (active + 1) / weight', async () => {
    // a: 1/4, 2/4, 3/4, and 4/4 as for the first of b.
    const seen = await next('sed', 5);
    expect(seen.slice(0, 3)).toEqual(['a', 'a', 'a']);
    expect(counted(seen)).toEqual({ a: 4, b: 1 });
    // a: 5/4, 6/4, 7/4, and 8/4 as for the second of b.
    expect(await next('sed', 3)).toEqual(['a', 'a', 'a']);
    expect(counted(await next('sed', 2))).toEqual({ a: 1, b: 1 });
  });

  it('nq: to an idle one first, be it slow, and else as sed', async () => {
    const held = await hold('nq', 8);
    expect(counted(names(held).slice(0, 2))).toEqual({ a: 1, b: 1 });
    // a: (n + 1) / 4, below the 2/1 of b until n is 7.
    expect(names(held).slice(2)).toEqual(Array(6).fill('a'));
    await end(held, 'b');
    expect(await next('nq', 1)).toEqual(['b']);
  });
});

describe('by weight as a rank', () => {
  it('fo: to the heaviest, until it is at its upper threshold', async () => {
    expect(await next('fo', 5)).toEqual(['a', 'a', 'b', 'c', 'c']);
  });

  it('fo: to the heaviest again, once it is below three quarters of its upper threshold', async () => {
    const to = { to: VIP, port: portOf('fo_udp'), from: FROM };
    const ask = async (count: number) =>
      (await Promise.all(Array.from({ length: count }, () => pool.caller.datagrams(to, ['?'])))).flat();
    expect(await ask(5)).toEqual(['a', 'a', 'a', 'a', 'b']);
    const forgotten = '! grep -q ^UDP /proc/net/ip_vs_conn';
    await pool.director.run(
      `for i in $(seq 300); do if ${forgotten}; then exit 0; fi; sleep 0.1; done; exit 1`,
    );
    expect(await ask(5)).toEqual(['a', 'a', 'a', 'a', 'b']);
  });

  it('ovf: to the heaviest, until its active connections exceed its weight; then to the next; then nowhere', async () => {
    const held = await hold('ovf', 6);
    expect(names(held)).toEqual(['a', 'a', 'a', 'b', 'b', 'ECONNREFUSED']);
    await held[0]?.close();
    expect(await next('ovf', 2)).toEqual(['a', 'ECONNREFUSED']);
  });
});

describe('by destination', () => {
  it.each(['dh', 'dh6'] as const)('%s: by a hash of the destination, whoever asks', async (name) => {
    const servers = await inKernel(name);
    expect(servers).toHaveLength(3);
    const targets = Array.from({ length: 16 }, (_, n) => destinationOf(name, n + 1));
    const expected = targets.map(({ to }) => byDestination(servers, to));
    expect(new Set(expected).size).toBe(3);
    for (const from of clients(2, name)) {
      const seen = [];
      for (const target of targets) seen.push((await open(name, { ...target, from })).name);
      expect(seen).toEqual(expected);
    }
  });

  it.each(['lblc', 'lblc6'] as const)(
    '%s: a destination stays until its server has more than its weight and another less than half',
    async (name) => {
      const seen = await next(name, 8, destinationOf(name, 1));
      const [first, other] = seen[0] === 'a' ? ['a', 'b'] : ['b', 'a'];
      // At 3 of 2 it moves; back never, since the first one keeps its 3.
      expect(seen).toEqual([...Array(3).fill(first), ...Array(5).fill(other)]);
      // Another destination goes where the least are.
      expect(await next(name, 2, destinationOf(name, 2))).toEqual([first, first]);
    },
  );

  it.each(['lblcr', 'lblcr6'] as const)(
    '%s: as lblc, but the destination gains a second server and is shared by both from then on',
    async (name) => {
      const seen = await next(name, 8, destinationOf(name, 1));
      const [first, other] = seen[0] === 'a' ? ['a', 'b'] : ['b', 'a'];
      expect(seen.slice(0, 6)).toEqual([...Array(3).fill(first), ...Array(3).fill(other)]);
      expect(counted(seen.slice(6))).toEqual({ a: 1, b: 1 });
    },
  );
});

describe.each([
  ['sh', async (name: Name) => ({ one: bySource, all: bySourceInOrder, servers: await inKernel(name) })],
  [
    'mh',
    async (name: Name) => {
      const servers = await inKernel(name);
      const table = new Maglev(servers);
      type Args = [servers: readonly Weighted[], source: string, port?: number];
      return {
        one: (...[, source, port]: Args) => table.lookup(source, port),
        all: (...[, source, port]: Args) => table.inOrder(source, port),
        servers,
      };
    },
  ],
] as const)('by source: %s', (scheduler, definition) => {
  it.each([scheduler, `${scheduler}6`] as const)(
    `%s: by a hash of the client's address, whatever its port`,
    async (name) => {
      const { one, servers } = await definition(name);
      const expected = clients(24, name).map((from) => one(servers, from));
      expect(new Set(expected).size).toBe(3);
      const seen = [];
      for (const from of clients(24, name)) seen.push(await next(name, 2, { from }));
      expect(seen).toEqual(expected.map((server) => [server, server]));
    },
  );

  it.each([`${scheduler}_port`, `${scheduler}6_port`] as const)('%s: by its port, too', async (name) => {
    const { one, servers } = await definition(name);
    const held = await hold(name, 24);
    const [from = ''] = clients(1, name);
    const expected = held.map(({ localPort }) => one(servers, from, localPort));
    expect(new Set(expected).size).toBe(3);
    expect(names(held)).toEqual(expected);
  });

  it('a client whose real server is overloaded is refused', async () => {
    const { one, servers } = await definition(`${scheduler}_full`);
    const full = new Set<string>();
    for (const from of clients(6)) {
      const server = one(servers, from);
      const expected = full.has(server) ? 'ECONNREFUSED' : server;
      full.add(server);
      expect(await next(`${scheduler}_full`, 2, { from })).toEqual([expected, 'ECONNREFUSED']);
    }
  });

  it(`${scheduler}-fallback: or led on to another one, until all are`, async () => {
    const { all, servers } = await definition(`${scheduler}_fallback`);
    const expected = all(servers, FROM);
    expect(expected).toHaveLength(3);
    expect(await next(`${scheduler}_fallback`, 4)).toEqual([...expected, 'ECONNREFUSED']);
  });
});

it('twos, which this kernel does not have: said, and all else is there', async () => {
  await pool.daemon.said('the kernel has no scheduler twos: load it with `modprobe ip_vs_twos`');
  const { virtualServers } = await pool.daemon.status();
  const missing = virtualServers.filter(({ realServers }) => !realServers.some(({ inTable }) => inTable));
  expect(missing.map(({ name }) => name)).toEqual(['twos']);
});

protocolCases(() => pool);
