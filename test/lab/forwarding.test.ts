/**
 * Clients' requests through the whole daemon and a real kernel, by every forwarding method, to real and sorry servers:
 * what the classic health script does (textbook case 8).
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Daemon, startDaemon } from './support/daemon.ts';
import type { Kernel } from './support/kernel.ts';
import { Lab } from './support/lab.ts';
import type { NamespaceNode } from './support/network.ts';
import type { LabProcess } from './support/process.ts';
import {
  prepareDirectRouting,
  type RealServer,
  startClient,
  startRealServer,
  summarize,
} from './support/tools.ts';
import { answers, ask, startTrafficServer, toldAt } from './traffic-tools.ts';

type Method = 'dr' | 'nat' | 'tun';

const VIP = { dr: '10.1.1.254', nat: '10.1.1.253', tun: '10.1.1.252' } as const;
const REAL = {
  dr: ['10.1.1.2:80', '10.1.1.3:80'],
  nat: ['10.2.2.2:8080', '10.2.2.3:8080'],
  tun: ['10.1.1.12:80', '10.1.1.13:80'],
} as const;

/** Whoever is down says so: a busy machine must not look like it. */
const CHECK =
  'check: { http: { path: / }, interval: 500ms, connect_timeout: 20s, timeout: 20s, rise: 1, fall: 1 }';

const service = (method: Method, scheduler = 'wrr', sorry = '127.0.0.1:80'): string => `
  ${method}:
    address: ${VIP[method]}
    port: 80
    scheduler: ${scheduler}
    forwarding: ${method}
    sorry_server: ${sorry}
    ${CHECK}
    real_servers:
${REAL[method]
  .map((server, i) => {
    const [address, port] = server.split(':');
    return `      - { address: ${address}, port: ${port}, weight: ${2 - i} }`;
  })
  .join('\n')}`;

const config = (services: readonly string[]): string => `
virtual_routers:
  web:
    interface: eth0
    vrid: 51
    priority: 150
    # It gives up when it stood still for as long as others wait: a busy machine may, for seconds.
    advert_interval: 500ms
    down_adverts: 10
    addresses: [${Object.values(VIP).map((vip) => `${vip}/24`)}]
services:${services.join('')}
`;
const ALL = config([service('dr'), service('nat'), service('tun')]);

let lab: Lab;
let director: Kernel;
let client: NamespaceNode;
let daemon: Daemon;
let sorry: LabProcess;
/** A real server's machine. */
let behindDirector: NamespaceNode;
const servers: Record<Method, RealServer[]> = { dr: [], nat: [], tun: [] };

beforeAll(async () => {
  lab = await Lab.create();
  const wan = await lab.addSwitch('wan');
  const lan = await lab.addSwitch('lan');
  client = await lab.addHost('client', { ports: [{ on: wan, addresses: ['10.1.1.100/24'] }] });
  const behind = (name: string, address: string) =>
    lab.addHost(name, { ports: [{ on: lan, addresses: [address] }], routes: ['default via 10.2.2.1'] });
  const beside = (name: string, address: string) =>
    lab.addHost(name, { ports: [{ on: wan, addresses: [address] }] });
  const direct = [await beside('web1', '10.1.1.2/24'), await beside('web2', '10.1.1.3/24')];
  behindDirector = await behind('app2', '10.2.2.3/24');
  const masked = [await behind('app1', '10.2.2.2/24'), behindDirector];
  director = await lab.addKernel('lvs1', {
    ports: [{ on: wan, addresses: ['10.1.1.4/24'] }, { on: lan, addresses: ['10.2.2.1/24'] }, { on: wan }],
    forward: true,
  });
  await director.boot();
  const tunnelled = await insideTheKernel(director);
  for (const node of direct) {
    await prepareDirectRouting(node, VIP.dr);
    servers.dr.push(await startRealServer(node, { body: node.name }));
  }
  for (const node of masked) servers.nat.push(await startRealServer(node, { body: node.name, port: 8080 }));
  servers.tun = await Promise.all(tunnelled.map((node) => startRealServer(node, { body: node.name })));
  sorry = await startTrafficServer(director, 'sorry');
  daemon = await startDaemon(director, ALL);
  await daemon.said('virtual router web: MASTER');
});
afterAll(() => lab?.close());

/** Only a kernel of the lab has ipip: these two real servers share the director's, on a cable of their own. */
async function insideTheKernel(kernel: Kernel): Promise<readonly NamespaceNode[]> {
  const wire = await kernel.inside.addSwitch('wire');
  const room = wire.node.namespace;
  await kernel.run(`ip link set eth2 netns ${room} && ip -n ${room} link set eth2 master ${wire.bridge} up`);
  const nodes: NamespaceNode[] = [];
  for (const last of [12, 13]) {
    const node = await kernel.inside.addHost(`tun${last - 11}`, {
      ports: [{ on: wire, addresses: [`10.1.1.${last}/24`] }],
    });
    await node.run(`ip link set tunl0 up; ip address add ${VIP.tun}/32 dev tunl0
      echo 0 >/proc/sys/net/ipv4/conf/tunl0/rp_filter; echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter
      echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore; echo 2 >/proc/sys/net/ipv4/conf/all/arp_announce`);
    nodes.push(node);
  }
  return nodes;
}

const url = (method: Method) => `http://${VIP[method]}/`;
const inTable = async (method: Method): Promise<readonly string[]> => {
  const status = (await daemon.status()).virtualServers.find(({ name }) => name === method);
  return status?.realServers.filter((server) => server.inTable).map((server) => server.server) ?? [];
};
const entry = (method: Method) => `tcp ${VIP[method]}:80`;
const takesOver = (method: Method, server = '127.0.0.1:80') =>
  `add real server ${server} to ${entry(method)}`;
const leaves = (method: Method, server = '127.0.0.1:80') =>
  `remove real server ${server} from ${entry(method)}`;
const drains = (method: Method) => `change real server 127.0.0.1:80 of ${entry(method)}: weight 1 → 0`;

async function allOf(method: Method, mode: 'serve' | 'refuse'): Promise<void> {
  await Promise.all(servers[method].map((server) => server.change(mode)));
}

describe.each(['dr', 'nat', 'tun'] as const)('forwarding %s', (method) => {
  const [first, second] = { dr: ['web1', 'web2'], nat: ['app1', 'app2'], tun: ['tun1', 'tun2'] }[method];

  it('shares requests among the real servers by weight', async () => {
    for (const server of REAL[method]) await daemon.said(`add real server ${server} to ${entry(method)}`);
    await daemon.said(leaves(method));
    expect(await inTable(method)).toEqual(REAL[method]);
    const { results, errors, bodies } = await ask(client, url(method), 30);
    expect(errors).toEqual([]);
    expect(Object.keys(bodies).sort()).toEqual([first, second]);
    expect(Math.abs((bodies[first ?? ''] ?? 0) - (results.length * 2) / 3)).toBeLessThanOrEqual(1);
  });

  it('one that fails its check is out, and the other serves all; when it is good again it is in', async () => {
    const since = daemon.log.mark;
    await servers[method][1]?.change('serve 503');
    await daemon.said(leaves(method, REAL[method][1]), { since });
    const { errors, bodies } = await ask(client, url(method), 10);
    expect([errors, Object.keys(bodies)]).toEqual([[], [first]]);
    await servers[method][1]?.change('serve');
    await daemon.said(takesOver(method, REAL[method][1]), { since });
    expect(Object.keys((await ask(client, url(method), 10)).bodies).sort()).toEqual([first, second]);
  });

  it('to the sorry server and back: a client sees errors only until the failure is found', async () => {
    const load = await startClient(client, { url: url(method), rate: 50 });
    await answers(load, 10);
    const since = daemon.log.mark;
    const failed = Date.now();
    await allOf(method, 'refuse');
    const found = await toldAt(daemon.log, takesOver(method), since);
    await answers(load, 20, 'sorry');
    await allOf(method, 'serve');
    const back = await toldAt(daemon.log, leaves(method), since);
    await answers(load, 20);
    const { results } = await load.stop();
    const outside = results.filter(({ start, duration }) => start + duration < failed || start > found);
    expect(summarize(outside).errors).toEqual([]);
    const later = results.filter(({ start }) => start > back);
    expect(later.length).toBeGreaterThan(0);
    expect(Object.keys(summarize(later).bodies)).not.toContain('sorry');
  });

  it('a request under way at the sorry server is finished when a real server comes back', async () => {
    const since = daemon.log.mark;
    await allOf(method, 'refuse');
    await toldAt(daemon.log, takesOver(method), since);
    const slow = await client.spawn(['curl', '-sSN', '--max-time', '60', `${url(method)}held`]);
    await slow.stdout.waitFor((line) => line === 'begun');
    await servers[method][0]?.change('serve');
    await daemon.said(drains(method), { since });
    const { bodies, errors } = await ask(client, url(method), 10);
    expect([Object.keys(bodies), errors]).toEqual([[first], []]);
    expect((await daemon.status()).virtualServers.find(({ name }) => name === method)?.sorryServers).toEqual([
      { server: '127.0.0.1:80', state: 'draining', connections: expect.objectContaining({ active: 1 }) },
    ]);
    expect(slow.ended).toBeUndefined();
    sorry.write('finish\n');
    expect(await slow.exit).toEqual({ code: 0 });
    expect(slow.stdout.all).toEqual(['begun', 'sorry']);
    await daemon.said(leaves(method), { since });
    await servers[method][1]?.change('serve');
    await daemon.said(`add real server ${REAL[method][1]} to`, { since });
  });
});

describe('other sorry servers', () => {
  it('under sh it is removed at once, since a client that hashes to weight 0 would be turned away', async () => {
    await daemon.configure(config([service('dr', 'sh'), service('nat'), service('tun')]));
    expect((await daemon.command('reload')).stdout).toContain('scheduler wrr → sh');
    const since = daemon.log.mark;
    await allOf('dr', 'refuse');
    await daemon.said(takesOver('dr'), { since });
    expect((await ask(client, url('dr'), 5)).bodies).toHaveProperty('sorry');
    const held = await client.spawn(['curl', '-sSN', '--max-time', '60', `${url('dr')}held`]);
    await held.stdout.waitFor((line) => line === 'begun');
    await servers.dr[0]?.change('serve');
    await daemon.said(leaves('dr'), { since });
    expect(daemon.log.all.slice(since).filter(({ message }) => message.includes(drains('dr')))).toEqual([]);
    const { errors, bodies } = await ask(client, url('dr'), 10);
    expect([errors, Object.keys(bodies)]).toEqual([[], ['web1']]);
    held.kill('SIGTERM');
    await servers.dr[1]?.change('serve');
  });

  it('elsewhere, with masquerading and another port', async () => {
    await daemon.configure(config([service('dr'), service('nat', 'wrr', '10.2.2.3:8081'), service('tun')]));
    await daemon.reload();
    const other = await startTrafficServer(behindDirector, 'elsewhere', 8081);
    const since = daemon.log.mark;
    await allOf('nat', 'refuse');
    await daemon.said(takesOver('nat', '10.2.2.3:8081'), { since });
    const { errors, bodies } = await ask(client, url('nat'), 10);
    expect([errors, Object.keys(bodies)]).toEqual([[], ['elsewhere']]);
    await allOf('nat', 'serve');
    await daemon.said(leaves('nat', '10.2.2.3:8081'), { since });
    expect(Object.keys((await ask(client, url('nat'), 10)).bodies).sort()).toEqual(['app1', 'app2']);
    await other.stop();
  });
});
