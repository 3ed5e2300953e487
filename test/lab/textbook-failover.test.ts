/**
 * Textbook case 9: a pair of directors under load, with connection synchronisation, for every forwarding method and
 * either family at once. The active one is lost without a farewell, and established connections go on. For
 * masquerading the real servers' gateway floats, too. The kernel tells the other director of a connection at its third
 * packet from the client, which is the default, and of those that go on at every fifth more (50 unless told otherwise),
 * so that a director which comes back knows them soon.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Caller, startCaller, startNamingServer } from './support/calls.ts';
import { type Daemon, startDaemon, VIPWARD } from './support/daemon.ts';
import type { Kernel } from './support/kernel.ts';
import { Lab } from './support/lab.ts';
import type { NamespaceNode, Switch } from './support/network.ts';
import { Talker } from './support/talks.ts';
import { prepareDirectRouting } from './support/tools.ts';

const VIP = {
  dr: '10.1.1.254',
  nat: '10.1.1.253',
  tun: '10.1.1.252',
  dr6: 'fd00:1::fe',
  nat6: 'fd00:1::fd',
  tun6: 'fd00:1::fc',
} as const;
type Method = keyof typeof VIP;
const METHODS = Object.keys(VIP) as Method[];
/** Those of IPv4 and those of IPv6 are the same hosts, whose names are their addresses. */
const REAL = {
  dr: ['10.1.1.11', '10.1.1.12'],
  nat: ['10.2.2.11', '10.2.2.12'],
  tun: ['10.1.1.21', '10.1.1.22'],
  dr6: ['fd00:1::11', 'fd00:1::12'],
  nat6: ['fd00:2::11', 'fd00:2::12'],
  tun6: ['fd00:1::21', 'fd00:1::22'],
} as const;
const CLIENT = { ipv4: '10.1.1.100', ipv6: 'fd00:1::100' } as const;
const isSix = (address: string): boolean => address.includes(':');
/** As it stands before a port. */
const host = (address: string): string => (isSix(address) ? `[${address}]` : address);
const GATEWAY = { ipv4: '10.2.2.254', ipv6: 'fd00:2::fe' } as const;
const PORTS = { talking: 7_000, silent: 7_001 } as const;
/** Of a service of its own, on the VIP of direct routing. */
const PERSISTENT_PORT = 7_002;
/** Its clients. */
const PERSISTENT = Array.from({ length: 10 }, (_, n) => `10.3.0.${n + 1}`);

/** Connections of each method and family. */
const OLD = 50;
const YOUNG = 10;

const config = (priority: number): string => `
ipvs:
  sync: { interface: eth0, id: 51, follow: outside }
  sysctl: { sync_threshold: [3, 5] }
virtual_routers:
  outside: { interface: eth0, vrid: 51, priority: ${priority}, advert_interval: 1s, preempt: false,
    addresses: ["fe80::254/64", ${Object.values(VIP).map((vip) => `"${vip}/${isSix(vip) ? 64 : 24}"`)}] }
  inside: { interface: eth1, vrid: 52, priority: ${priority}, advert_interval: 1s, preempt: false,
    addresses: ["fe80::254/64", ${GATEWAY.ipv4}/24, "${GATEWAY.ipv6}/64"] }
sync_groups:
  site: { members: [outside, inside] }
services:${METHODS.map(
  (method) => `
  ${method}:
    address: "${VIP[method]}"
    port: [${Object.values(PORTS)}]
    scheduler: rr
    forwarding: ${method.replace('6', '')}
    check: { tcp: {}, port: ${PORTS.silent}, interval: 1s, connect_timeout: 20s, timeout: 20s, rise: 1 }
    real_servers: [${REAL[method].map((address) => `{ address: "${address}" }`)}]`,
).join('')}
  persistent:
    address: ${VIP.dr}
    port: ${PERSISTENT_PORT}
    persistence: 5m
    scheduler: rr
    forwarding: dr
    real_servers: [${REAL.dr.map((address) => `{ address: ${address} }`)}]
`;

let lab: Lab;
let client: NamespaceNode;
let one: Kernel;
let two: Kernel;
const daemons: Daemon[] = [];
let talker: Talker;
let caller: Caller;

/** Addresses of the network `net` for an interface. */
const both = (last: number, net: 1 | 2 = 1): readonly string[] => [
  `10.${net}.${net}.${last}/24`,
  `fd00:${net}::${last}/64 nodad`,
];

beforeAll(async () => {
  lab = await Lab.create();
  const wan = await lab.addSwitch('wan');
  const lan = await lab.addSwitch('lan');
  client = await lab.addHost('client', {
    ports: [{ on: wan, addresses: both(100) }],
    routes: ['local 10.3.0.0/24 dev lo'],
  });
  const director = (name: string, last: number): Promise<Kernel> =>
    lab.addKernel(name, {
      ports: [{ on: wan, addresses: both(last) }, { on: lan, addresses: both(last, 2) }, { on: wan }],
    });
  one = await director('lvs1', 4);
  two = await director('lvs2', 5);
  await Promise.all([one.boot(), two.boot(), realServers(wan, lan)]);
  await tunnelledServers(two);
  daemons.push(await startDaemon(one, config(150)));
  await daemons[0]?.said('virtual router outside: MASTER');
  daemons.push(await startDaemon(two, config(100)));
  for (const daemon of daemons)
    for (const method of METHODS)
      for (const server of REAL[method])
        for (const port of Object.values(PORTS))
          await daemon.said(`add real server ${host(server)}:${port} to tcp ${host(VIP[method])}:${port}`);
});
afterAll(() => lab?.close());

const PLACES = [`tcp/${PORTS.talking}`, `tcp/${PERSISTENT_PORT}`, `silent/${PORTS.silent}`];

async function realServers(wan: Switch, lan: Switch): Promise<void> {
  for (const address of REAL.dr) {
    const node = await lab.addHost(`dr-${address}`, {
      ports: [{ on: wan, addresses: both(lastOf(address)) }],
      routes: ['10.3.0.0/24 via 10.1.1.100'],
    });
    await prepareDirectRouting(node, VIP.dr);
    await node.run(`ip address add ${VIP.dr6}/128 dev lo nodad`);
    await startNamingServer(node, address, PLACES);
  }
  for (const address of REAL.nat) {
    const node = await lab.addHost(`nat-${address}`, {
      ports: [{ on: lan, addresses: both(lastOf(address), 2) }],
      routes: Object.values(GATEWAY).map((gateway) => `default via ${gateway}`),
    });
    await startNamingServer(node, address, PLACES);
  }
}
const lastOf = (address: string): number => Number(address.split('.').at(-1));

/** Only a kernel of the lab has tunnels: these are in that of the director which stays, on a cable of their own. */
async function tunnelledServers(kernel: Kernel): Promise<void> {
  const wire = await kernel.inside.addSwitch('wire');
  const room = wire.node.namespace;
  await kernel.run(`ip link set eth2 netns ${room} && ip -n ${room} link set eth2 master ${wire.bridge} up`);
  for (const address of REAL.tun) {
    const node = await kernel.inside.addHost(`tun-${address}`, {
      ports: [{ on: wire, addresses: both(lastOf(address)) }],
    });
    await node.run([
      VIPWARD,
      'realserver',
      'start',
      '--vip',
      VIP.tun,
      VIP.tun6,
      '--forwarding',
      'tun',
      '--state-dir',
      node.scratch,
    ]);
    await startNamingServer(node, address, PLACES);
  }
}

/** How many established connections to the VIP a director knows. */
async function known(
  director: Kernel,
  method: Method,
  port: keyof typeof PORTS = 'talking',
): Promise<number> {
  const vip = VIP[method];
  const [from, to] = [host(CLIENT[isSix(vip) ? 'ipv6' : 'ipv4']), host(vip)];
  const listed = (await director.run('ipvsadm -Lnc')).split('\n').map((line) => line.split(/ +/));
  return listed.filter(
    ([, , state, client = '', virtual]) =>
      state === 'ESTABLISHED' && client.startsWith(`${from}:`) && virtual === `${to}:${PORTS[port]}`,
  ).length;
}

/** A new connection of each of these clients, with some packets, and who serves which. */
async function visits(caller: Caller, clients: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const served = new Map<string, string>();
  for (const from of clients) {
    const held = await caller.open({ to: VIP.dr, port: PERSISTENT_PORT, from });
    served.set(from, held.name);
    await held.ask();
  }
  return served;
}

const ALL = Object.fromEntries(
  METHODS.map((method) => [method, { alive: OLD, lost: [], moved: 0, longest: expect.any(Number) }]),
);

it('established connections outlive the active director, by every method, and clients stay with their real server', async () => {
  caller = await startCaller(client);
  const visited = await visits(caller, PERSISTENT);
  talker = await Talker.start(client, {
    targets: VIP,
    port: PORTS.talking,
    silentPort: PORTS.silent,
    count: OLD,
    interval: 500,
  });
  expect(await talker.begun()).toEqual(ALL);
  // Three packets of each: the director that stands by knows them then.
  for (const method of METHODS) await expect.poll(() => known(two, method)).toBe(OLD);
  const clients = `ipvsadm -Lnc | grep -Ec ' 10.3.0.[0-9]+:0 +${VIP.dr}:${PERSISTENT_PORT} '`;
  await expect.poll(async () => (await two.exec(clients)).stdout.trim()).toBe(String(PERSISTENT.length));
  const young = await talker.tell(`silent ${YOUNG}`);
  for (const method of METHODS) expect(young[method]).toMatchObject({ alive: YOUNG });

  const since = daemons[1]?.log.mark ?? 0;
  one.kill();
  const after = await talker.tell('round');
  await daemons[1]?.said('virtual router outside: MASTER', { since });
  await daemons[1]?.said('virtual router inside: MASTER', { since });
  // Of those that have sent two packets only; a third one, by a repetition, makes one known.
  const knownYoung: Partial<Record<Method, number>> = {};
  for (const method of METHODS) knownYoung[method] = await known(two, method, 'silent');
  const spoken = await talker.tell('speak');
  for (const method of METHODS) {
    const { alive = 0, longest = 0 } = after[method] ?? {};
    const few = spoken[method]?.alive ?? 0;
    console.log(
      `${method}: ${alive} of ${OLD} established connections survive, after ${longest} ms at most; ` +
        `${few} of ${YOUNG} that were below the sync threshold`,
    );
  }
  expect(after).toEqual(ALL);
  for (const method of METHODS)
    expect(spoken[method]?.alive, `young ones by ${method}`).toBe(knownYoung[method]);

  for (const method of METHODS) {
    const to = VIP[method];
    const from = CLIENT[isSix(to) ? 'ipv6' : 'ipv4'];
    const { name } = await caller.open({ to, port: PORTS.talking, from });
    expect(REAL[method.replace('6', '') as 'dr' | 'nat' | 'tun']).toContain(name);
  }
  // Those of one real server first, and then those of the other: in turn would be otherwise.
  const sorted = PERSISTENT.toSorted((a, b) => (visited.get(a) ?? '').localeCompare(visited.get(b) ?? ''));
  const again = await visits(caller, sorted);
  expect(sorted.map((client) => again.get(client))).toEqual(
    [REAL.dr[0], REAL.dr[1]].flatMap((server) => Array(5).fill(server)),
  );
  expect(new Map(again)).toEqual(new Map(visited));
});

it('they outlive an orderly hand-over to the director that has come back, too', async () => {
  await one.boot();
  const daemon = await startDaemon(one, config(150));
  for (const method of METHODS) await expect.poll(() => known(one, method)).toBeGreaterThanOrEqual(OLD);
  const since = daemon.log.mark;
  await daemons[1]?.stop();
  for (const name of ['outside', 'inside']) await daemon.said(`virtual router ${name}: MASTER`, { since });
  expect(await talker.tell('round')).toEqual(ALL);
});
