/**
 * Textbook case 6: clients stay with their real server, by port, on every port, and by firewall mark; by network; by
 * the Call-ID of SIP; and no longer than asked. All services are balanced in turn, so that whoever is new gets another
 * real server than the one before.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  behind,
  behind6,
  counted,
  markPackets,
  type Pool,
  SERVERS,
  setPool,
  VIP,
  VIP_ANY,
  VIP6,
} from './textbook-pool.ts';

/** Where it listens, and for how long. */
const SERVICES = {
  one_port: `address: ${VIP}, port: 8001, persistence: 5m`,
  other_port: `address: ${VIP}, port: 8002, persistence: 5m`,
  every_port: `address: ${VIP_ANY}, port: any, persistence: 5m`,
  mark: 'mark: 7, persistence: 5m',
  network: `address: ${VIP}, port: 8003, persistence: { timeout: 5m, netmask: 255.255.255.240 }`,
  network6: `address: "${VIP6}", port: 8004, persistence: { timeout: 5m, prefix: 60 }`,
  sip: `address: ${VIP}, port: 5060, protocol: udp, persistence: { timeout: 5m, engine: sip }`,
  short: `address: ${VIP}, port: 8006, protocol: udp, persistence: 5s`,
} as const;
const MARKED = [8_011, 8_012] as const;
const ON_EVERY_PORT = [8_021, 8_022, 8_023] as const;

const CONFIG = `
ipvs:
  timeouts: { udp: 2s }
services:${Object.entries(SERVICES)
  .map(([name, service]) => {
    const address = service.includes(VIP6) ? behind6 : behind;
    const servers = SERVERS.map((_, index) => `{ address: "${address(index)}" }`);
    return `
  ${name}: { ${service}, scheduler: rr, forwarding: nat, real_servers: [${servers.join(', ')}] }`;
  })
  .join('')}
`;
const PLACES = [
  ...[8_001, 8_002, 8_003, 8_004, ...MARKED, ...ON_EVERY_PORT].map((port) => `tcp/${port}`),
  ...[5_060, 8_006].map((port) => `udp/0.0.0.0/${port}`),
];

let pool: Pool;
beforeAll(async () => {
  pool = await setPool(CONFIG, PLACES, (director) =>
    markPackets(director, [{ mark: 7, match: `-d ${VIP} -p tcp -m multiport --dports ${MARKED.join(',')}` }]),
  );
});
afterAll(() => pool?.lab.close());

/** Who serves a new connection to that port. */
const connect = async (from: string, port: number, to: string = VIP): Promise<string> =>
  (await pool.caller.open({ to, port, from })).name;
const datagram = async (from: string, port: number, text: string): Promise<string> =>
  (await pool.caller.datagrams({ to: VIP, port, from }, [text]))[0] ?? '';

async function each<T>(items: readonly T[], ask: (item: T) => Promise<string>): Promise<readonly string[]> {
  const names: string[] = [];
  for (const item of items) names.push(await ask(item));
  return names;
}
const CLIENTS = ['10.3.1.1', '10.3.2.2', '10.3.3.3'] as const;
const everyOther = (names: readonly string[]) => expect(names.toSorted()).toEqual(['a', 'b', 'c']);

describe('a client stays', () => {
  it('on a port', async () => {
    const first = await each(CLIENTS, (client) => connect(client, 8_001));
    everyOther(first);
    for (let n = 0; n < 3; n++)
      expect(await each(CLIENTS, (client) => connect(client, 8_001))).toEqual(first);
  });

  it('on that port only: on another one it is a new client', async () => {
    const [one, two] = CLIENTS;
    // Both services give out their real servers in the same order, to these two the other way round.
    const there = await connect(two, 8_002);
    expect(await connect(one, 8_002)).toBe(await connect(two, 8_001));
    expect(there).toBe(await connect(one, 8_001));
  });

  it('on every port, with port: any', async () => {
    const seen = await each(CLIENTS, async (client) => {
      const names = await each(ON_EVERY_PORT, (port) => connect(client, port, VIP_ANY));
      return [...new Set(names)].join();
    });
    everyOther(seen);
  });

  it('on all ports of a firewall mark', async () => {
    const [http, https] = MARKED;
    const first = await each(CLIENTS, (client) => connect(client, http));
    everyOther(first);
    expect(await each(CLIENTS.toReversed(), (client) => connect(client, https))).toEqual(first.toReversed());
  });
});

describe('a network stays as one client', () => {
  it('IPv4, by the netmask', async () => {
    // 10.3.3.16 to 10.3.3.31, and their neighbours on both sides.
    const [first, last, below, above] = await each(
      ['10.3.3.16', '10.3.3.31', '10.3.3.15', '10.3.3.32'],
      (client) => connect(client, 8_003),
    );
    expect(last).toBe(first);
    everyOther([first ?? '', below ?? '', above ?? '']);
  });

  it('IPv6, by the prefix', async () => {
    const clients = ['fd00:3:0:10::1', 'fd00:3:0:1f:ffff::1', 'fd00:3:0:f::1', 'fd00:3:0:20::1'];
    const [first, last, below, above] = await each(clients, (client) => connect(client, 8_004, VIP6));
    expect(last).toBe(first);
    everyOther([first ?? '', below ?? '', above ?? '']);
  });
});

describe('engine sip', () => {
  const invite = (call: string): string =>
    [
      'INVITE sip:bob@example.com SIP/2.0',
      'Via: SIP/2.0/UDP client.example.com:5060;branch=z9hG4bK74bf9',
      'From: Alice <sip:alice@example.com>;tag=9fxced76sl',
      'To: Bob <sip:bob@example.com>',
      `Call-ID: ${call}@client.example.com`,
      'CSeq: 1 INVITE',
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n');
  const CALLS = ['3848276298220188511', 'f81d4fae7dec11d0a765', '843817637684230'] as const;

  it('a call of a client stays, from whatever port; its other calls go elsewhere', async () => {
    for (const client of CLIENTS) {
      const ask = (call: string) => datagram(client, 5_060, invite(call));
      const first = await each(CALLS, ask);
      everyOther(first);
      expect(await each(CALLS.toReversed(), ask)).toEqual(first.toReversed());
    }
  });
});

describe('and no longer than asked', () => {
  /** Until the kernel remembers neither connections nor clients of the service. */
  async function forgotten(port: number): Promise<void> {
    const gone = `! ipvsadm -Lnc | grep -q '${VIP}:${port} '`;
    await pool.director.run(
      `for i in $(seq 300); do if ${gone}; then exit 0; fi; sleep 0.1; done; ipvsadm -Lnc; exit 1`,
    );
  }

  it('a client that was not heard for the time-out is new', async () => {
    const [client] = CLIENTS;
    const ask = () => datagram(client, 8_006, '?');
    const first = await each([1, 2, 3], ask);
    expect(counted(first)).toEqual({ [first[0] ?? '']: 3 });
    await forgotten(8_006);
    const second = await ask();
    expect(second).not.toBe(first[0]);
    await forgotten(8_006);
    everyOther([first[0] ?? '', second, await ask()]);
  });
});

it('a client of a real server with weight 0 stays too, unless expire_quiescent_template says otherwise', async () => {
  const [client] = CLIENTS;
  const before = (await connect(client, 8_001)) as (typeof SERVERS)[number];
  const server = `${behind(SERVERS.indexOf(before))}:8001`;
  const { daemon, director } = pool;
  const since = daemon.log.mark;
  const { code, stderr } = await daemon.command('weight', 'one_port', server, '0');
  expect([code, stderr]).toEqual([0, '']);
  await daemon.said(`change real server ${server}`, { since });
  expect(await connect(client, 8_001)).toBe(before);
  await daemon.configure(
    (await daemon.node.readFile(daemon.file)).replace(
      'ipvs:',
      'ipvs:\n  sysctl: { expire_quiescent_template: 1 }',
    ),
  );
  daemon.process.kill('SIGHUP');
  await daemon.said('configuration reloaded', { since });
  expect(await director.run('cat /proc/sys/net/ipv4/vs/expire_quiescent_template')).toBe('1\n');
  const after = await connect(client, 8_001);
  expect(SERVERS.filter((name) => name !== before)).toContain(after);
});
