/**
 * Textbook cases 1 and 2, and both of them with IPv6: masquerading to real servers whose gateway is the director, and
 * direct routing, where the VIP is hidden on each real server. What the director and the real servers need of their
 * kernels is set, found by the doctor where it is missing, and put back.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Daemon, startDaemon, VIPWARD } from './support/daemon.ts';
import type { Kernel } from './support/kernel.ts';
import { Lab } from './support/lab.ts';
import { type NamespaceNode, Switch } from './support/network.ts';
import type { Node } from './support/node.ts';
import { observe, type RealServer, startRealServer } from './support/tools.ts';
import { doctor, inTurn, realserver } from './textbook-tools.ts';

const VIP = { dr4: '10.1.1.254', dr6: 'fd00:1::fe', nat4: '10.1.1.253', nat6: 'fd00:1::fd' } as const;
type Case = keyof typeof VIP;
const DIRECT = ['--vip', VIP.dr4, VIP.dr6] as const;
/** Of each answer, so many that what carries it is told from all else. */
const BYTES = 50_000;
const GATEWAY = { 4: '10.2.2.254', 6: 'fd00:2::fe' } as const;

const host = (address: string): string => (address.includes(':') ? `[${address}]` : address);
const url = (name: Case): string => `http://${host(VIP[name])}/`;

/** Whoever is down says so: a busy machine must not look like it. */
const CHECK = 'check: { tcp: {}, interval: 500ms, connect_timeout: 20s, timeout: 20s, rise: 1, fall: 1 }';

const service = (name: Case, scheduler: 'rr' | 'wrr', weights: readonly [number, number]): string => {
  const [method, network] = { dr: ['dr', 1], nat: ['nat', 2] }[name.slice(0, -1) as 'dr' | 'nat'];
  const address = (last: number) =>
    name.endsWith('4') ? `10.${network}.${network}.${last}` : `fd00:${network}::${last}`;
  return `
  ${name}:
    address: "${VIP[name]}"
    port: 80
    scheduler: ${scheduler}
    forwarding: ${method}
    sorry_server: "${name.endsWith('4') ? '127.0.0.1' : '::1'}"
    ${CHECK}
    real_servers:${weights
      .map(
        (weight, i) => `
      - { address: "${address(i + 2)}", port: ${method === 'nat' ? 8080 : 80}, weight: ${weight} }`,
      )
      .join('')}`;
};

const config = (...services: readonly string[]): string => `
virtual_routers:
  outside:
    interface: eth0
    vrid: 51
    priority: 150
    # It gives up when it stood still for as long as others wait: a busy machine may, for seconds.
    advert_interval: 500ms
    down_adverts: 10
    addresses: [${VIP.dr4}/24, ${VIP.nat4}/24, "fe80::fe/64", "${VIP.dr6}/64", "${VIP.nat6}/64"]
  inside:
    interface: eth1
    vrid: 52
    priority: 150
    advert_interval: 500ms
    down_adverts: 10
    addresses: [${GATEWAY[4]}/24, "fe80::fe/64", "${GATEWAY[6]}/64"]
services:${services.join('')}
`;
const DIRECT_ONLY = config(service('dr4', 'rr', [1, 1]), service('dr6', 'rr', [1, 1]));
const ALL = config(
  service('dr4', 'wrr', [3, 1]),
  service('dr6', 'wrr', [3, 1]),
  service('nat4', 'rr', [1, 1]),
  service('nat6', 'wrr', [3, 1]),
);

let lab: Lab;
let director: Kernel;
let client: NamespaceNode;
let daemon: Daemon;
/** Those of direct routing: the first is one by vipward, the second by the script. */
let web: readonly [NamespaceNode, NamespaceNode];
/** Those of masquerading. */
let app: readonly [NamespaceNode, NamespaceNode];
/** On web1, web2, app1, app2. */
let servers: readonly RealServer[];
/** All settings of the director's network before the daemon came. */
let before: readonly string[];

beforeAll(async () => {
  lab = await Lab.create();
  const wan = await lab.addSwitch('wan');
  const lan = await lab.addSwitch('lan');
  const outside = (name: string, last: number) =>
    lab.addHost(name, { ports: [{ on: wan, addresses: [`10.1.1.${last}/24`, `fd00:1::${last}/64 nodad`] }] });
  const inside = (name: string, last: number) =>
    lab.addHost(name, {
      ports: [{ on: lan, addresses: [`10.2.2.${last}/24`, `fd00:2::${last}/64 nodad`] }],
      routes: [`default via ${GATEWAY[4]}`, `default via ${GATEWAY[6]}`],
    });
  client = await outside('client', 100);
  web = [await outside('web1', 2), await outside('web2', 3)];
  app = [await inside('app1', 2), await inside('app2', 3)];
  director = await lab.addKernel('lvs1', {
    ports: [
      { on: wan, addresses: ['10.1.1.4/24', 'fd00:1::4/64 nodad'] },
      { on: lan, addresses: ['10.2.2.1/24', 'fd00:2::1/64 nodad'] },
    ],
  });
  const serve = (node: NamespaceNode, port: number) =>
    startRealServer(node, { body: `${node.name} ${'.'.repeat(BYTES)}`, address: '::', port });
  servers = await Promise.all([
    ...web.map((node) => serve(node, 80)),
    ...app.map((node) => serve(node, 8080)),
  ]);
  await director.boot();
  await startRealServer(director, { body: 'sorry', address: '::' });
  await realserver(web[0], 'start', ...DIRECT, '--forwarding', 'dr');
  const script = await client.run([VIPWARD, 'realserver', 'script', ...DIRECT, '--forwarding', 'dr']);
  await web[1].writeFile(`${web[1].scratch}/script`, script);
  await web[1].run(`STATE_DIR=${web[1].scratch} sh ${web[1].scratch}/script start`);
  // As many distributions have it: strict.
  await director.run('sysctl -qw net.ipv4.conf.eth0.rp_filter=1');
  before = await settings();
  daemon = await startDaemon(director, DIRECT_ONLY);
  await daemon.said('virtual router outside: MASTER');
  await daemon.said('virtual router inside: MASTER');
});
afterAll(() => lab?.close());

/** All settings of the director's network, but what belongs to the addresses: of several, all stay when the first goes. */
const settings = async (): Promise<readonly string[]> =>
  (await director.run("sysctl -a -r '^net[.]ipv[46][.]' 2>&1"))
    .split('\n')
    .filter((line) => /^net\.ipv[46]\./.test(line) && !line.includes('promote_secondaries'));
/** Those of `names`, as they are. */
const held = async (...names: readonly string[]): Promise<readonly string[]> =>
  (await director.run(['sysctl', '-n', ...names])).trim().split('\n');
const NEEDED = {
  dr: ['net.ipv4.conf.eth0.rp_filter', 'net.ipv4.vs.expire_nodest_conn'],
  nat: ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding', 'net.ipv6.conf.eth0.accept_ra'],
} as const;
/** Waits for both real servers. */
async function inTable(name: Case): Promise<void> {
  const count = async () => {
    const row = (await daemon.status()).virtualServers.find((virtualServer) => virtualServer.name === name);
    return row?.realServers.filter((server) => server.inTable).length;
  };
  await expect.poll(count).toBe(2);
}

interface Counted {
  readonly connections: number;
  /** Bytes from real servers, by way of the table. */
  readonly replies: number;
  /** Bytes that the director's first interface has received and sent. */
  readonly passed: number;
}

/** Once the kernel, which sums up every 2 s, has counted so many connections more than `earlier`. */
async function counted(name: Case, connections = 0): Promise<Counted> {
  let row: readonly number[] = [];
  await expect
    .poll(async () => {
      const listed = await director.run('ipvsadm -Ln --stats --exact');
      const line = listed.split('\n').find((text) => text.startsWith(`TCP  ${host(VIP[name])}:80`));
      row = (line ?? '').trim().split(/ +/).slice(2).map(Number);
      return row[0];
    })
    .toBeGreaterThanOrEqual(connections);
  const bytes = await director.run('cat /sys/class/net/eth0/statistics/[rt]x_bytes');
  const [first = 0, , , , replies = 0] = row;
  return {
    connections: first,
    replies,
    passed: bytes.split('\n').reduce((sum, text) => sum + Number(text), 0),
  };
}

describe('direct routing', () => {
  it.each(['dr4', 'dr6'] as const)(
    '%s: 32 requests are 16 and 16, and no reply passes the director',
    async (name) => {
      await inTable(name);
      const earlier = await counted(name);
      expect(await inTurn(client, url(name), 32)).toEqual({ web1: 16, web2: 16 });
      const later = await counted(name, earlier.connections + 32);
      expect(later.connections - earlier.connections).toBe(32);
      expect(later.replies).toBe(0);
      expect(later.passed - earlier.passed).toBeLessThan((32 * BYTES) / 2);
    },
  );

  it('a client hears of the VIP from the director alone', async () => {
    const mac = async (node: Node) => (await node.run('cat /sys/class/net/eth0/address')).trim();
    const heard = await observe(new Switch('client', client, 'eth0'));
    for (let n = 0; n < 3; n++) {
      for (const node of [client, ...web]) await node.run('ip neigh flush all');
      expect(await inTurn(client, url('dr4'), 2)).toEqual({ web1: 1, web2: 1 });
      expect(await inTurn(client, url('dr6'), 2)).toEqual({ web1: 1, web2: 1 });
    }
    const own = await mac(director);
    const neighbours = JSON.parse(await client.run('ip -j neigh')) as { dst: string; lladdr?: string }[];
    for (const name of ['dr4', 'dr6'] as const)
      expect(neighbours.find(({ dst }) => dst === VIP[name])?.lladdr).toBe(own);
    // Real servers ask for the client when they answer it, in their own name.
    for (const address of ['10.1.1.2', '10.1.1.3'])
      await heard.events.waitFor((seen) => seen.kind === 'arp' && seen.sender === address);
    await heard.stop();
    const of = (sender: string) =>
      heard.events.all.flatMap((seen) =>
        seen.kind === 'arp' && seen.sender === sender ? [seen.senderMac] : [],
      );
    expect(new Set(of(VIP.dr4))).toEqual(new Set([own]));
  });

  it('the doctor finds nothing, until a real server answers for the VIP; and again nothing once that is mended', async () => {
    expect(await doctor(director, daemon)).toMatchObject({ code: 0, wrong: [] });
    expect(await doctor(web[0])).toMatchObject({ code: 0, wrong: [] });
    await web[0].run('sysctl -qw net.ipv4.conf.all.arp_ignore=0');
    const [stolen, loud] = await Promise.all([doctor(director, daemon), doctor(web[0])]);
    const mac = (await web[0].run('cat /sys/class/net/eth0/address')).trim();
    expect(stolen).toMatchObject({
      code: 1,
      wrong: [
        {
          severity: 'problem',
          what: expect.stringMatching(
            `^${VIP.dr4} is answered for by .*${mac} \\(real server 10\\.1\\.1\\.2\\)$`,
          ),
        },
      ],
    });
    expect(loud).toMatchObject({ code: 1, wrong: [{ mend: 'sysctl -w net.ipv4.conf.all.arp_ignore=1' }] });
    await web[0].run(loud.wrong[0]?.mend ?? '');
    expect(await doctor(web[0])).toMatchObject({ code: 0, wrong: [] });
  });
});

describe('masquerading', () => {
  it('plan says what it needs of the kernel, and the reload does it', async () => {
    expect(await held(...NEEDED.dr)).toEqual(['2', '1']);
    expect(await held(...NEEDED.nat)).toEqual(['0', '0', '1']);
    await daemon.configure(ALL);
    const { stdout } = await daemon.command('plan', daemon.file);
    expect(stdout).toContain('set net.ipv4.ip_forward: 0 → 1');
    expect(stdout).toContain('set net.ipv6.conf.all.forwarding: 0 → 1');
    expect(await held(...NEEDED.nat)).toEqual(['0', '0', '1']);
    expect(await daemon.command('reload')).toMatchObject({ code: 0 });
    expect(await held(...NEEDED.nat)).toEqual(['1', '1', '2']);
  });

  it.each([
    ['nat4', { app1: 16, app2: 16 }],
    ['nat6', { app1: 24, app2: 8 }],
  ] as const)('%s: every reply passes the director, from port 8080 to port 80', async (name, shares) => {
    await inTable(name);
    const earlier = await counted(name);
    expect(await inTurn(client, url(name), 32)).toEqual(shares);
    const later = await counted(name, earlier.connections + 32);
    expect(later.connections - earlier.connections).toBe(32);
    expect(later.replies).toBeGreaterThan(32 * BYTES);
    expect(later.passed - earlier.passed).toBeGreaterThan(32 * BYTES);
  });

  it('a link that alone does not forward does so again', async () => {
    await director.run('sysctl -qw net.ipv4.conf.eth1.forwarding=0');
    expect(await daemon.command('reload')).toMatchObject({ code: 0 });
    expect(await held('net.ipv4.conf.eth1.forwarding', 'net.ipv4.ip_forward')).toEqual(['1', '1']);
    expect(await inTurn(client, url('nat4'), 2)).toEqual({ app1: 1, app2: 1 });
  });

  it('the doctor sees that an answer is lost, names what mends it, and then sees through the services that all come', async () => {
    await app[0].run('ip route replace default via 10.2.2.3');
    const { code, wrong } = await doctor(director, daemon);
    expect([code, wrong]).toMatchObject([
      1,
      [
        {
          what: expect.stringMatching(
            /^nat4: real server 10\.2\.2\.2 answers 10\.2\.2\.\S+ which is beside it/,
          ),
        },
      ],
    ]);
    const [command] = /ip route replace default via [0-9.]+/.exec(wrong[0]?.mend ?? '') ?? [];
    expect(command).toBe(`ip route replace default via ${GATEWAY[4]}`);
    await app[0].run(command ?? '');
    const mended = await doctor(director, daemon);
    expect(mended).toMatchObject({ code: 0, wrong: [] });
    const way = 'answers by way of this director (seen by a connection through the service)';
    for (const server of ['nat4: real server 10.2.2.2', 'nat6: real server fd00:2::3'])
      expect(mended.good).toContain(`${server} ${way}`);
  });
});

describe('a reload', () => {
  const reload = async (yaml: string) => {
    await daemon.configure(yaml);
    const { stdout: plan } = await daemon.command('plan', daemon.file);
    const { code, stdout: done } = await daemon.command('reload');
    expect(code).toBe(0);
    return { plan, done };
  };
  const BACK = 'put back net.ipv4.ip_forward: 1 → 0';

  it('forwards to nat real servers for as long as they serve in the place of those to come', async () => {
    const hangs = await startRealServer(web[0], { body: 'late', port: 8081 });
    await hangs.change('hang');
    const exchanged = `
  nat4:
    address: ${VIP.nat4}
    port: 80
    scheduler: rr
    forwarding: dr
    check: { http: { path: / }, port: 8081, timeout: 5m }
    real_servers: [{ address: 10.1.1.2 }]`;
    const others = [service('dr4', 'wrr', [3, 1]), service('dr6', 'wrr', [3, 1])];
    const later = await reload(config(...others, exchanged));
    for (const text of [later.plan, later.done])
      expect(text).toContain(`${BACK}, once nothing in the table needs it\n`);
    expect(await inTurn(client, url('nat4'), 2)).toEqual({ app1: 1, app2: 1 });
    expect(await held('net.ipv4.ip_forward')).toEqual(['1']);
    const now = await reload(config(...others));
    for (const text of [now.plan, now.done]) expect(text).toContain(`${BACK}\n`);
    expect(await held(...NEEDED.nat)).toEqual(['0', '0', '1']);
    await hangs.stop();
  });

  it('forwards what began under nat to its end, though its real server is behind dr by then', async () => {
    const changing = (method: 'nat' | 'dr') => `
  changing: { address: ${VIP.nat4}, port: 8080, scheduler: rr, forwarding: ${method}, real_servers: [{ address: 10.2.2.2 }] }`;
    const other = service('dr4', 'wrr', [3, 1]);
    await reload(config(other, changing('nat')));
    const talk =
      'exec 3<>/dev/tcp/$0/8080 && echo open && read go && printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3';
    const guest = await client.spawn([
      ...['bash', '--norc', '-c', `${talk} && exec grep -o -m 1 'app[12]' <&3`],
      VIP.nat4,
    ]);
    await guest.stdout.waitFor((line) => line === 'open');
    const { plan, done } = await reload(config(other, changing('dr')));
    for (const text of [plan, done]) expect(text).toContain(`${BACK}, once nothing in the table needs it\n`);
    guest.write('go\n');
    await guest.stdout.waitFor((line) => line === 'app1', { timeout: 60_000 });
    expect((await reload(config(other))).done).toContain(`${BACK}\n`);
  });

  it('loads what FTP needs behind nat: both ways, on its own port and among every port', async () => {
    const servers = `forwarding: nat, real_servers: [{ address: 10.2.2.2 }, { address: 10.2.2.3 }]`;
    const ftp = `
  ftp: { address: ${VIP.nat4}, port: 21, scheduler: rr, ${servers} }
  every: { address: ${VIP.dr4}, port: any, persistence: 1m, scheduler: rr, ${servers} }`;
    const programs = await Promise.all(
      app.map((node) => node.spawn(['node', `${import.meta.dirname}/ftp-server.ts`, node.name])),
    );
    for (const { output } of programs)
      await output.waitFor((line) => line === 'ready', { what: 'ftp-server.ts to be ready' });
    const { plan, done } = await reload(config(service('dr4', 'rr', [1, 1]), ftp));
    for (const text of [plan, done]) expect(text).toContain('load kernel module ip_vs_ftp\n');
    for (const address of [VIP.nat4, VIP.dr4])
      for (const mode of ['passive', 'active']) {
        const fetched = await client.run(['node', `${import.meta.dirname}/ftp-client.ts`, mode, address]);
        expect([mode, fetched]).toEqual([mode, expect.stringMatching(`^app[12] ${address}\n$`)]);
      }
    for (const program of programs) await program.stop();
  });

  it('tells what of the kernel defeats the services, though the file does not say it', async () => {
    await director.run('sysctl -qw net.ipv4.vs.secure_tcp=3');
    await reload(ALL);
    const text = 'net.ipv4.vs.secure_tcp is 3: for service nat4, it has a connection by nat on which';
    expect((await daemon.status()).preparation.problems).toEqual([expect.stringContaining(text)]);
    const { wrong } = await doctor(director, daemon);
    const [{ mend } = { mend: '' }] = wrong;
    expect(wrong.map(({ what }) => what)).toEqual(['net.ipv4.vs.secure_tcp is 3']);
    await director.run(mend);
    for (const name of ['nat4', 'nat6'] as const) await inTable(name);
  });
});

it.each(['dr4', 'dr6'] as const)('%s: with weights of 3 and 1, 32 requests are 24 and 8', async (name) => {
  expect(await inTurn(client, url(name), 32)).toEqual({ web1: 24, web2: 8 });
});

// Of IPv4: forwarding.test.ts.
it.each(['dr6', 'nat6'] as const)(
  '%s: with no real server left the sorry server at ::1 answers',
  async (name) => {
    const since = daemon.log.mark;
    const both = name === 'dr6' ? servers.slice(0, 2) : servers.slice(2);
    for (const server of both) await server.change('refuse');
    await daemon.said(`add real server [::1]:80 to tcp ${host(VIP[name])}:80`, { since });
    expect(await inTurn(client, url(name), 4)).toEqual({ sorry: 4 });
    for (const server of both) await server.change('serve');
    await daemon.said(`remove real server [::1]:80 from tcp ${host(VIP[name])}:80`, { since });
    await inTable(name);
    expect(Object.values(await inTurn(client, url(name), 4)).sort()).toEqual([1, 3]);
  },
);

it('everything is put back at the end, and be it by the successor of a daemon that was killed', async () => {
  const timeouts = () => director.run('ipvsadm -L --timeout');
  const usual = await timeouts();
  await daemon.configure(`ipvs: { timeouts: { tcp: 10m, udp: 7s } }${ALL}`);
  expect(await daemon.command('reload')).toMatchObject({ code: 0 });
  expect(await timeouts()).toMatch(/: 600 \d+ 7\n/);
  await daemon.crash();
  expect(await held(...NEEDED.nat)).toEqual(['1', '1', '2']);
  daemon = await startDaemon(director, DIRECT_ONLY);
  expect([await held(...NEEDED.nat), await held(...NEEDED.dr)]).toEqual([
    ['0', '0', '1'],
    ['2', '1'],
  ]);
  expect(await timeouts()).toBe(usual);
  expect(await daemon.stop()).toEqual({ code: 0 });
  expect(await settings()).toEqual(before);
});
