/**
 * Textbook case 7: every scheduler distributes as its definition says. What is expected follows from the definitions
 * in the kernel's ip_vs_*.c, which the words beside each case put in short. Connections are opened one after the other
 * and held, so that they count as active.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Call, Held } from './support/calls.ts';
import type { NamespaceNode } from './support/network.ts';
import { prepareDirectRouting } from './support/tools.ts';
import { byDestination, bySource, bySourceInOrder, Maglev, type Weighted } from './textbook-hashes.ts';
import { counted, markPackets, type Pool, SERVERS, setPool, VIP } from './textbook-pool.ts';

import {
  CONFIG,
  MARKS,
  type Name,
  PLACES,
  portOf,
  REAL_PORT,
  SERVICES,
  type Service,
  sctpServer,
} from './textbook-scheduler-services.ts';

let pool: Pool;
beforeAll(async () => {
  pool = await setPool(CONFIG, PLACES, (director) => markPackets(director, MARKS));
});
afterAll(() => pool?.lab.close());

const FROM = '10.3.3.1';
/** As many clients, each with an address. */
const clients = (count: number): string[] => Array.from({ length: count }, (_, n) => `10.3.3.${n + 1}`);

const open = (name: Name, call: Partial<Call> = {}): Promise<Held> =>
  pool.caller.open({ to: VIP, port: portOf(name), from: FROM, ...call });

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
  const { mark }: Service = SERVICES[name];
  const which = mark === undefined ? `-t ${VIP}:${portOf(name)}` : `-f ${mark}`;
  const table = await pool.director.run(`ipvsadm -Ln --nosort ${which}`);
  return [...table.matchAll(/-> (10\.2\.2\.(\d+)):(\d+) +\w+ +(\d+)/g)].map(
    ([, address = '', last, port, weight]) => ({
      name: SERVERS[Number(last) - 11] ?? '',
      address,
      port: Number(port),
      weight: Number(weight),
    }),
  );
}

describe('in turn', () => {
  it('rr: one after the other, whatever the weight, but none with weight 0', async () => {
    const seen = await next('rr', 6);
    expect(counted(seen)).toEqual({ a: 3, b: 3 });
    expect(seen.slice(0, 4)).toEqual(seen.slice(2));
  });

  it('wrr: in each round as many as the weight', async () => {
    const seen = await next('wrr', 21);
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

  it('wlc: where the fewest are in proportion to the weight', async () => {
    const held = await hold('wlc', 14);
    expect(counted(names(held))).toEqual({ a: 8, b: 4, c: 2 });
    await end(held, 'b');
    // b: (4 + 256 n) / 2, below the 8 * 256 / 4 of a and the 2 * 256 of c until n is 4.
    expect(counted(await next('wlc', 4))).toEqual({ b: 4 });
    expect(['a', 'c']).toContain((await next('wlc', 1))[0]);
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
  const destination = (name: 'dh' | 'lblc' | 'lblcr', last: number) => ({
    to: `10.9.${SERVICES[name].mark}.${last}`,
    port: REAL_PORT,
  });

  it('dh: by a hash of the destination, whoever asks', async () => {
    const servers = await inKernel('dh');
    expect(servers).toHaveLength(3);
    const targets = Array.from({ length: 16 }, (_, n) => destination('dh', n + 1));
    const expected = targets.map(({ to }) => byDestination(servers, to));
    expect(new Set(expected).size).toBe(3);
    for (const from of ['10.3.3.1', '10.3.3.2']) {
      const seen = [];
      for (const target of targets) seen.push((await open('dh', { ...target, from })).name);
      expect(seen).toEqual(expected);
    }
  });

  it('lblc: a destination stays until its server has more than its weight and another less than half', async () => {
    const seen = await next('lblc', 8, destination('lblc', 1));
    const [first, other] = seen[0] === 'a' ? ['a', 'b'] : ['b', 'a'];
    // At 3 of 2 it moves; back never, since the first one keeps its 3.
    expect(seen).toEqual([...Array(3).fill(first), ...Array(5).fill(other)]);
    // Another destination goes where the least are.
    expect(await next('lblc', 2, destination('lblc', 2))).toEqual([first, first]);
  });

  it('lblcr: as lblc, but the destination gains a second server and is shared by both from then on', async () => {
    const seen = await next('lblcr', 8, destination('lblcr', 1));
    const [first, other] = seen[0] === 'a' ? ['a', 'b'] : ['b', 'a'];
    expect(seen.slice(0, 6)).toEqual([...Array(3).fill(first), ...Array(3).fill(other)]);
    expect(counted(seen.slice(6))).toEqual({ a: 1, b: 1 });
  });
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
  it(`by a hash of the client's address, whatever its port`, async () => {
    const { one, servers } = await definition(scheduler);
    const expected = clients(24).map((from) => one(servers, from));
    expect(new Set(expected).size).toBe(3);
    const seen = [];
    for (const from of clients(24)) seen.push(await next(scheduler, 2, { from }));
    expect(seen).toEqual(expected.map((name) => [name, name]));
  });

  it(`${scheduler}-port: by its port, too`, async () => {
    const { one, servers } = await definition(`${scheduler}_port`);
    const held = await hold(`${scheduler}_port`, 24);
    const expected = held.map(({ localPort }) => one(servers, FROM, localPort));
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

describe('UDP', () => {
  const sixDatagrams = (name: Name) =>
    pool.caller.datagrams({ to: VIP, port: portOf(name), from: '10.1.1.100' }, Array(6).fill('?'));

  it('datagrams of one port are a connection', async () => {
    const seen = await sixDatagrams('udp');
    expect(seen).toEqual(Array(6).fill(seen[0]));
  });

  it('one_packet: each by itself', async () => {
    const seen = await sixDatagrams('one_packet');
    expect(seen.slice(0, 3).toSorted()).toEqual(['a', 'b', 'c']);
    expect(seen.slice(3)).toEqual(seen.slice(0, 3));
  });
});

describe('SCTP', () => {
  /** Only a kernel of the lab has SCTP: both real servers and the client share the director's, on a cable of their own. */
  async function insideTheKernel(): Promise<NamespaceNode> {
    const { director } = pool;
    await director.run('modprobe sctp');
    const wire = await director.inside.addSwitch('wire');
    const room = wire.node.namespace;
    await director.run(
      `ip link set eth2 netns ${room} && ip -n ${room} link set eth2 master ${wire.bridge} up`,
    );
    const host = (name: string, address: string) =>
      director.inside.addHost(name, { ports: [{ on: wire, addresses: [`${address}/24`] }] });
    for (const [index, name] of ['one', 'two'].entries()) {
      const node = await host(name, sctpServer(index));
      await prepareDirectRouting(node, VIP);
      // This kernel has none of the hashes for cookies.
      await node.run('sysctl -qw net.sctp.cookie_hmac_alg=none');
      const place = `SCTP4-LISTEN:${portOf('sctp')},bind=${VIP},fork`;
      const server = await node.spawn(['socat', '-d', '-d', place, `SYSTEM:echo ${name}`]);
      await server.stderr.waitFor((line) => line.includes('listening on'), { what: `${name} to listen` });
    }
    return await host('caller', '10.1.1.150');
  }

  it('associations, in turn', async () => {
    const node = await insideTheKernel();
    const seen = [];
    for (let n = 0; n < 4; n++)
      seen.push((await node.run(`socat -u SCTP4:${VIP}:${portOf('sctp')} -`)).trim());
    expect(seen.slice(0, 2).toSorted()).toEqual(['one', 'two']);
    expect(seen.slice(2)).toEqual(seen.slice(0, 2));
  });
});
