/**
 * Textbook case 3: client, director and two real servers on four networks that a router joins. What the director
 * wraps around a packet is proved on the router, which counts it.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Daemon, startDaemon, VIPWARD } from './support/daemon.ts';
import type { Kernel } from './support/kernel.ts';
import { Lab } from './support/lab.ts';
import type { NamespaceNode } from './support/network.ts';
import { startRealServer } from './support/tools.ts';
import { doctor, inTurn, realserver } from './textbook-tools.ts';

const VIP = {
  ipip: '10.2.0.254',
  gue: '10.2.0.253',
  sum: '10.2.0.252',
  remote: '10.2.0.251',
  gre: '10.2.0.250',
  six: 'fd00:2::fe',
  four_in_six: '10.2.0.249',
  six_in_four: 'fd00:2::fd',
  gue_six: '10.2.0.248',
  gre_six: 'fd00:2::fc',
} as const;
type Case = keyof typeof VIP;

/** What the router counts, as nft has it. */
const WIRES = {
  ipip: 'ip protocol 4',
  gue: 'meta nfproto ipv4 udp dport 6080 udp checksum 0',
  gue_summed: 'meta nfproto ipv4 udp dport 6080 udp checksum != 0 @th,67,5 0',
  // Eight bytes of options: private flags, and the place of the checksum.
  gue_remote: 'meta nfproto ipv4 udp dport 6080 udp checksum != 0 @th,67,5 2',
  gre: 'ip protocol 47',
  gue_six: 'ip6 nexthdr 17 udp dport 6080',
  gre_six: 'ip6 nexthdr 47',
  six_in_six: 'ip6 nexthdr 41',
  four_in_six: 'ip6 nexthdr 4',
  six_in_four: 'ip protocol 41',
  // Of the virtual service to the clients: it comes from a real server's network, or else from the director's.
  reply: 'iifname { eth2, eth3 } oifname eth0 tcp sport 80',
  reply_by_director: 'iifname eth1 oifname eth0 tcp sport 80',
} as const;
type Wire = keyof typeof WIRES;

/** How the file has it, by which addresses of the real servers, and the router's counter that must see it. */
const CASES: Readonly<Record<Case, readonly [tunnel: string, family: 4 | 6, seen: Wire]>> = {
  ipip: ['ipip', 4, 'ipip'],
  gue: ['{ type: gue, port: 6080 }', 4, 'gue'],
  sum: ['{ type: gue, port: 6080, checksum: plain }', 4, 'gue_summed'],
  remote: ['{ type: gue, port: 6080, checksum: remote }', 4, 'gue_remote'],
  gre: ['gre', 4, 'gre'],
  six: ['ipip', 6, 'six_in_six'],
  four_in_six: ['ipip', 6, 'four_in_six'],
  six_in_four: ['ipip', 4, 'six_in_four'],
  gue_six: ['gue', 6, 'gue_six'],
  gre_six: ['gre', 6, 'gre_six'],
};
const REAL = { 4: ['10.3.0.2', '10.4.0.2'], 6: ['fd00:3::2', 'fd00:4::2'] } as const;
const NAMES = Object.keys(CASES) as Case[];

const CONFIG = `
virtual_routers:
  web:
    interface: eth0
    vrid: 51
    priority: 150
    # It gives up when it stood still for as long as others wait: a busy machine may, for seconds.
    advert_interval: 500ms
    down_adverts: 10
    addresses: [${NAMES.filter((name) => !VIP[name].includes(':')).map((name) => `${VIP[name]}/24`)},
      "fe80::254/64", ${NAMES.filter((name) => VIP[name].includes(':')).map((name) => `"${VIP[name]}/64"`)}]
services:${NAMES.map(
  (name) => `
  ${name}:
    address: "${VIP[name]}"
    port: 80
    scheduler: rr
    forwarding: tun
    tunnel: ${CASES[name][0]}
    check: { tcp: {}, interval: 1s, connect_timeout: 20s, timeout: 20s, rise: 1 }
    real_servers: [${REAL[CASES[name][1]].map((address) => `{ address: "${address}" }`)}]`,
).join('')}
`;

let lab: Lab;
let director: Kernel;
let router: NamespaceNode;
let client: NamespaceNode;
let daemon: Daemon;
/** Real servers one and two. */
let real: readonly NamespaceNode[];

beforeAll(async () => {
  lab = await Lab.create();
  const networks = [];
  for (const name of ['clients', 'directors', 'one', 'two']) networks.push(await lab.addSwitch(name));
  const [clients, directors, one, two] = networks;
  if (clients === undefined || directors === undefined || one === undefined || two === undefined)
    throw new Error('no switches');
  router = await lab.addHost('router', {
    ports: networks.map((on, i) => ({ on, addresses: [`10.${i + 1}.0.1/24`, `fd00:${i + 1}::1/64 nodad`] })),
    forward: true,
  });
  await router.run('sysctl -qw net.ipv6.conf.all.forwarding=1');
  client = await lab.addHost('client', {
    ports: [{ on: clients, addresses: ['10.1.0.100/24', 'fd00:1::100/64 nodad'] }],
    routes: ['default via 10.1.0.1', 'default via fd00:1::1'],
  });
  director = await lab.addKernel('lvs1', {
    ports: [{ on: directors, addresses: ['10.2.0.4/24', 'fd00:2::4/64 nodad'] }, { on: one }, { on: two }],
    routes: ['default via 10.2.0.1', 'default via fd00:2::1'],
  });
  await director.boot();
  await director.run('modprobe -a fou fou6 ip_gre ip6_gre ip6_tunnel');
  await router.run(['nft', rules()]);
  real = [await realServer('one', 3, 1), await realServer('two', 4, 2)];
  await Promise.all(real.map((node) => startRealServer(node, { body: node.name, address: '::' })));
  await takeUp();
  daemon = await startDaemon(director, CONFIG);
  await daemon.said('virtual router web: MASTER');
});
afterAll(() => lab?.close());

/** Only a kernel of the lab has tunnels: this one shares the director's, on a cable of its own. */
async function realServer(name: string, network: number, port: number): Promise<NamespaceNode> {
  const node = await director.inside.addHost(name, { ports: [] });
  await director.run(`ip link set eth${port} netns ${node.namespace}`);
  await node.run(`ip link set eth${port} name eth0 && ip link set eth0 up
    ip addr add 10.${network}.0.2/24 dev eth0; ip addr add fd00:${network}::2/64 dev eth0 nodad
    ip route add default via 10.${network}.0.1; ip route add default via fd00:${network}::1`);
  return node;
}

function rules(): string {
  const counters = Object.keys(WIRES).map((name) => `counter ${name} { };`);
  const matches = Object.entries(WIRES).map(([name, match]) => `${match} counter name ${name};`);
  const chain = ['chain forward {', 'type filter hook forward priority 0;', ...matches, '}'];
  return ['table inet wire {', ...counters, ...chain, '}'].join('\n');
}

/** Those that `realserver` takes up, each with its options. */
const ROLES = [
  ['--vip', VIP.ipip, VIP.gue, VIP.sum, VIP.remote, VIP.six],
  ['--vip', VIP.four_in_six, VIP.gue_six, '--outer', 'ipv6'],
  ['--vip', VIP.six_in_four, '--outer', 'ipv4'],
] as const;

/** All that the role of a real server may touch, but the modules. */
const state = (node: NamespaceNode): Promise<string> => {
  const settings = ['all', 'eth0', 'tunl0', 'ip6tnl0'].flatMap((link) =>
    ['rp_filter', 'arp_ignore', 'arp_announce'].map((name) => `/proc/sys/net/ipv4/conf/${link}/${name}`),
  );
  return node.run(`grep . ${settings.join(' ')}; ip -o link show up | cut -d: -f2
    ip -6 tunnel show ip6tnl0; ip -o -4 addr show; ip -o -6 addr show up`);
};

/** Of each real server, before it became one. */
let before: readonly string[];

/** One by vipward, and the other by the script for hosts without it. */
async function takeUp(): Promise<void> {
  const [one, two] = real;
  if (one === undefined || two === undefined) throw new Error('no real servers');
  await one.run('sysctl -qw net.ipv4.conf.all.rp_filter=1');
  await two.run('sysctl -qw net.ipv4.conf.all.rp_filter=1');
  // The addresses that links make for themselves are as they will be at the end, too.
  const settled = '! ip -6 address show tentative | grep -q inet6';
  for (const node of real)
    await node.run(`for i in $(seq 300); do if ${settled}; then exit 0; fi; sleep 0.1; done; exit 1`);
  before = await Promise.all(real.map(state));
  for (const role of ROLES) await realserver(one, 'start', ...role, '--forwarding', 'tun');
  for (const [i, role] of ROLES.entries()) {
    const script = await client.run([VIPWARD, 'realserver', 'script', ...role, '--forwarding', 'tun']);
    await two.writeFile(`${two.scratch}/script${i}`, script);
    await two.run(`STATE_DIR=${two.scratch} sh ${two.scratch}/script${i} start`);
  }
  for (const node of real)
    await node.run(`ip fou add port 6080 gue; ip -6 fou add port 6080 gue
      ip addr add ${VIP.gre}/32 dev gre0; ip link set gre0 up; sysctl -qw net.ipv4.conf.gre0.rp_filter=0
      ip addr add ${VIP.gre_six}/128 dev ip6gre0; ip link set ip6gre0 up`);
}
async function counted(): Promise<Readonly<Record<Wire, number>>> {
  const { nftables } = JSON.parse(await router.run('nft -j list counters')) as {
    nftables: readonly { counter?: { name: Wire; packets: number } }[];
  };
  const counts = nftables.flatMap(({ counter }) => (counter ? [[counter.name, counter.packets]] : []));
  return Object.fromEntries(counts) as Record<Wire, number>;
}
/** Once no packet of an earlier connection can come any more: none has anything to say, or to say again. */
async function ended(): Promise<void> {
  const open = (node: NamespaceNode, peers: string) =>
    node.run(`ss -Htan '( ${peers} )' | grep -v -e LISTEN -e TIME-WAIT | wc -l`);
  const ofClient = 'dport = :80';
  const ofServer = 'dst 10.1.0.100 or dst [fd00:1::100]';
  const all = () => Promise.all([open(client, ofClient), ...real.map((node) => open(node, ofServer))]);
  await expect.poll(async () => (await all()).map(Number)).toEqual([0, 0, 0]);
}
const host = (address: string) => (address.includes(':') ? `[${address}]` : address);

it.each(NAMES)('%s: shared by both, and answered by way of the router alone', async (name) => {
  const [, family, wire] = CASES[name];
  for (const address of REAL[family])
    await daemon.said(`add real server ${host(address)}:80 to tcp ${host(VIP[name])}:80`);
  await ended();
  const earlier = await counted();
  const url = `http://${host(VIP[name])}/`;
  expect(await inTurn(client, url, 16)).toEqual({ one: 8, two: 8 });
  // A request of several full packets, which is told by ICMP to send smaller ones.
  const big = await client.run([
    'curl',
    '-sS',
    '--max-time',
    '60',
    '-H',
    `Cookie: ${'x'.repeat(6_000)}`,
    url,
  ]);
  expect(big).toMatch(/^(one|two)\n$/);
  const after = await counted();
  // A packet whose checksum is there already has nothing to be made by the other end.
  const unlike = name === 'remote' ? ['gue_summed'] : [];
  const more = (Object.keys(WIRES) as Wire[]).filter((each) => after[each] > earlier[each]);
  expect(more.filter((each) => !unlike.includes(each)).sort()).toEqual(['reply', wire].sort());
});

it('status and doctor of a real server: all is as it should be, until somebody filters by reverse path', async () => {
  const [one] = real as [NamespaceNode];
  expect(await realserver(one, 'status')).not.toContain('WRONG');
  for (const i of ROLES.keys())
    expect(await real[1]?.run(['sh', `${real[1].scratch}/script${i}`, 'status'])).not.toContain('WRONG');
  expect(await doctor(one)).toMatchObject({ code: 0, wrong: [] });
  await one.run('sysctl -qw net.ipv4.conf.tunl0.rp_filter=1');
  const { code, wrong } = await doctor(one);
  expect([code, wrong]).toEqual([
    1,
    [expect.objectContaining({ severity: 'problem', mend: 'sysctl -w net.ipv4.conf.tunl0.rp_filter=0' })],
  ]);
  await one.run(wrong[0]?.mend ?? '');
});

it('doctor of the director: finds ends of tunnels that are closed, and what opens them', async () => {
  const [one] = real as [NamespaceNode];
  await one.run('ip fou del port 6080; ip link set gre0 down');
  const stamp = (await director.run('date +%s')).trim();
  await director.run(
    `echo 'audit: type=1400 audit(${stamp}.1:2): apparmor="DENIED" operation="open" profile="node" comm="node"' > /dev/kmsg`,
  );
  const { code, wrong } = await doctor(director, daemon);
  const closed = wrong.filter(({ severity }) => severity === 'problem');
  expect([code, closed.map(({ what }) => what)]).toEqual([
    1,
    [
      expect.stringMatching(/^denied by AppArmor \S+ ago: .*profile="node"/),
      'gue: real server 10.3.0.2 answers ping, but none that comes by its tunnel (gue to UDP port 6080)',
      'gre: real server 10.3.0.2 answers ping, but none that comes by its tunnel (gre)',
    ],
  ]);
  await director.run('dmesg --clear');
  for (const { mend } of closed.slice(1))
    await one.run(mend.replace('on the real server: ', '').replace(/; vipward.*$/, ''));
});

it('doctor of the director: all is good, but that full packets of clients do not fit the tunnels', async () => {
  const { code, good, wrong } = await doctor(director, daemon);
  expect(good).toContain('what goes into the tunnels comes out at the real servers');
  const added = (name: Case, bytes: number) =>
    REAL[CASES[name][1]].map((address) => `${name}: the tunnel to ${address} adds ${bytes} bytes`);
  expect([code, wrong.map(({ what }) => what.split(',')[0])]).toEqual([
    0,
    [
      ...added('ipip', 20),
      ...added('gue', 32),
      ...added('sum', 32),
      ...added('remote', 40),
      ...added('gre', 24),
      ...added('six', 40),
      ...added('four_in_six', 40),
      ...added('six_in_four', 20),
      ...added('gue_six', 52),
      ...added('gre_six', 44),
    ],
  ]);
});

it('stop gives back what was there before', async () => {
  const [one, two] = real as [NamespaceNode, NamespaceNode];
  for (const node of real)
    await node.run(
      'ip fou del port 6080; ip -6 fou del port 6080; ip link set ip6gre0 down; ip addr flush dev ip6gre0; ip link set gre0 down; ip addr flush dev gre0',
    );
  for (const role of ROLES)
    await realserver(one, 'stop', ...role.filter((word) => !/outer|ipv[46]/.test(word)));
  // In the order in which they were started: each leaves what the others need.
  for (const i of ROLES.keys()) await two.run(`STATE_DIR=${two.scratch} sh ${two.scratch}/script${i} stop`);
  expect(await Promise.all(real.map(state))).toEqual(before);
});
