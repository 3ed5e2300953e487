/** The IPVS of a real kernel, driven by us. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IPVS_CONTRACT } from '../support/ipvs-contract.ts';
import { expectCases, play } from './kernel-cases.ts';
import type { Kernel } from './support/kernel.ts';
import { Lab } from './support/lab.ts';
import type { Node } from './support/node.ts';

let lab: Lab;
let director: Kernel;
let client: Node;
let result: Awaited<ReturnType<typeof play>>;

beforeAll(async () => {
  lab = await Lab.create();
  const lan = await lab.addSwitch('lan');
  client = await lab.addHost('client', { ports: [{ on: lan, addresses: ['10.1.1.100/24'] }] });
  director = await lab.addKernel('lvs1', { ports: [{ on: lan, addresses: ['10.1.1.1/24'] }], memory: 512 });
  await director.boot();
  // The schedulers are loaded; the kernel of the lab finds no module by itself.
  await director.run('modprobe ip_vs_pe_sip; ip link set lo up; ip addr add fd00::1/64 dev eth0 nodad');
  result = await play(director, 'test/lab/kernel-ipvs-cases.ts');
});
afterAll(() => lab?.close());

describe('the table of a real kernel keeps the contract', () =>
  expectCases(
    IPVS_CONTRACT.map(({ name }) => name),
    () => result.played,
  ));

describe('the table of a real kernel, beside ipvsadm', () => {
  expectCases(
    [
      'what ipvsadm set, dumped: in its own words the same',
      'a table dumped, cleared and applied again is the same to ipvsadm',
      'ten thousand real servers',
      'a thousand virtual servers with ten real servers each',
    ],
    () => result.played,
  );

  it('took a measured time for ten thousand real servers', () => {
    expect(result.notes).toMatch(/added in \d+ ms, dumped in \d+ ms/);
    console.info(result.notes.trim());
  });
});

it('a client is served by a real server that is the director itself, forwarding local, whatever its address', async () => {
  await director.run('ip addr add 10.1.1.254/24 dev eth0');
  await director
    .spawn([
      'node',
      '-e',
      `require('node:http').createServer((_, answer) => answer.end('sorry')).listen(80, '0.0.0.0', () => console.log('listening'))`,
    ])
    .then((server) => server.stdout.waitFor((line) => line === 'listening'));
  await director.run(['node', 'test/lab/kernel-sorry-server.ts']);
  expect(await client.run('curl -sS --max-time 60 http://10.1.1.254/')).toBe('sorry');
  // It came by IPVS, not past it.
  expect(await director.run('ipvsadm -Lnc')).toMatch(/ 10\.1\.1\.100:\d+ +10\.1\.1\.254:80 +127\.0\.0\.1:80/);
});

it('a kernel without IPVS says what to load', async () => {
  const { code, stderr } = await client.exec(['node', 'test/lab/kernel-sorry-server.ts']);
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/IpvsUnavailable: the kernel has no IPVS: load it with `modprobe ip_vs`/);
});

// The last one: nobody else can be reached any more.
it('a unicast peer has its place in a neighbour table that strangers have filled', async () => {
  const add = (address: string) => `neigh add ${address} dev eth0 lladdr 02:00:00:00:00:66 nud reachable`;
  const peers = ['10.1.1.77', 'fd00::77'] as const;
  for (const [family, network, peer] of [
    ['ipv4', '10.1.9.', peers[0]],
    ['ipv6', 'fd00::9:', peers[1]],
  ] as const) {
    const limits = [1, 2, 3].map((i) => `net.${family}.neigh.default.gc_thresh${i}=${8 * i}`);
    const strangers = Array.from({ length: 40 }, (_, i) => add(`${network}${i + 1}`));
    // All in a moment: the kernel gives the places of those away that are older than 5 s.
    const [fill, more] = [
      `sysctl -qw ${limits.join(' ')}; ip -force -batch - 2>/dev/null`,
      `ip ${add(peer)}`,
    ];
    expect(await director.exec(`${fill}; ${more}`, { input: strangers.join('\n') })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('No buffer space available'),
    });
  }
  await director.run(['node', 'test/lab/kernel-neighbours.ts', 'eth0', ...peers]);
  for (const peer of peers)
    expect(await director.run(`ip neigh show ${peer} dev eth0`)).toContain('extern_learn');
});
