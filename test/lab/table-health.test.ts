/** What real servers do, what the checker says of it in `vipward status`, and what becomes of the table. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StatusDocument } from '../../src/model/status.ts';
import { makeCertificate } from '../unit/checker/certificate.ts';
import { type Daemon, startDaemon } from './support/daemon.ts';
import type { Kernel } from './support/kernel.ts';
import { Lab } from './support/lab.ts';
import type { NamespaceNode } from './support/network.ts';
import type { LabProcess } from './support/process.ts';
import { startRealServer } from './support/tools.ts';
import { startTrafficServer } from './traffic-tools.ts';

/** Real servers by what they do; a dark one answers nothing at all. */
const RIP = {
  serves: '10.1.1.2',
  refuses: '10.1.1.3',
  hangs: '10.1.1.4',
  endless: '10.1.1.5',
  503: '10.1.1.6',
  dark: '10.1.1.9',
} as const;
/** What answers on a busy machine must not look as if it did not. */
const LIMITS = 'interval: 500ms, connect_timeout: 3s, timeout: 4s';
const service = (name: string, port: number, check: string, servers: readonly string[]): string => `
  ${name}:
    address: 10.1.1.254
    port: ${port}
    scheduler: rr
    forwarding: dr
    check: { ${check} }
    real_servers: [${servers.map((address) => `{ address: ${address} }`)}]`;
const COUNTED = '{ http: {}, interval: 200ms, connect_timeout: 20s, timeout: 20s, rise: 2, fall: 3 }';
const CONFIG = `
virtual_routers:
  # Owners need not wait before they are active. They give up when they stood still for as long as others wait.
  web: { interface: eth0, vrid: 51, priority: 255, advert_interval: 300ms, down_adverts: 60, addresses: [10.1.1.254/24] }
  served: { interface: eth0, vrid: 52, priority: 255, advert_interval: 300ms, down_adverts: 60, addresses: [10.1.1.253/24], track: { services: [counted] } }
services:
${service('web', 80, `http: {}, ${LIMITS}`, Object.values(RIP))}
${service('strict', 443, `https: { verify: true }, ${LIMITS}`, [RIP.serves])}
${service('lenient', 8443, `https: { verify: false }, port: 443, ${LIMITS}`, [RIP.serves])}
  counted:
    address: 10.1.1.254
    port: 81
    forwarding: dr
    check: ${COUNTED}
    real_servers: [{ address: 10.1.1.7 }]
`;

let lab: Lab;
let director: Kernel;
let daemon: Daemon;
let counted: LabProcess;

beforeAll(async () => {
  lab = await Lab.create();
  const lan = await lab.addSwitch('lan');
  const addresses = Object.values(RIP).slice(0, -1);
  const web = await lab.addHost('web', {
    ports: [{ on: lan, addresses: addresses.map((ip) => `${ip}/24`) }],
  });
  const other = await lab.addHost('other', { ports: [{ on: lan, addresses: ['10.1.1.7/24'] }] });
  director = await lab.addKernel('lvs1', { ports: [{ on: lan, addresses: ['10.1.1.1/24'] }] });
  await director.boot();
  // A neighbour that is known keeps the kernel from finding out by ARP that there is none.
  await director.run(`ip neighbour add ${RIP.dark} lladdr 02:00:00:00:00:09 dev eth0 nud permanent`);
  for (const [name, address] of Object.entries(RIP).filter(([name]) => name !== 'dark')) {
    const server = await startRealServer(web, { body: name, address });
    const mode = { refuses: 'refuse', hangs: 'hang', endless: 'endless', 503: 'serve 503' } as const;
    if (name in mode) await server.change(mode[name as keyof typeof mode]);
  }
  await startSelfSigned(web);
  counted = await startTrafficServer(other, 'counted', 81);
});
afterAll(() => lab?.close());

async function startSelfSigned(node: NamespaceNode): Promise<void> {
  const { key, cert, remove } = makeCertificate('web.example.com');
  remove();
  const server = await node.spawn([
    'node',
    '-e',
    `require('node:https').createServer({ key: process.argv[1], cert: process.argv[2] }, (_, answer) => answer.end('ok'))
       .listen(443, '${RIP.serves}', () => console.log('listening'))`,
    '--',
    key,
    cert,
  ]);
  await server.stdout.waitFor((line) => line === 'listening');
}

it('IPVS that is loaded after the start is found, and told', async () => {
  await director.run(`rmmod $(lsmod | awk '/^ip_vs_/ { print $1 }') && rmmod ip_vs`);
  // The daemon would load it by itself.
  await director.run('mount --bind /bin/false "$(readlink -f "$(command -v modprobe)")"');
  daemon = await startDaemon(director, CONFIG);
  await daemon.said('virtual router web: MASTER');
  await daemon.said(`real server ${RIP.serves}:80 is up`);
  expect(daemon.log.all.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual([
    expect.stringContaining('load it with `modprobe ip_vs`'),
  ]);
  expect((await daemon.status()).table.unavailable).toContain('load it with `modprobe ip_vs`');
  // The other director may have what this one lacks.
  await daemon.said('virtual router served: FAULT: service counted: there is no IPVS table here');
  const since = daemon.log.mark;
  await director.run(
    'umount "$(readlink -f "$(command -v modprobe)")" && modprobe -a ip_vs ip_vs_rr ip_vs_wlc',
  );
  await daemon.said('the IPVS table can be reached', { since });
  await daemon.said('virtual router served: MASTER', { since });
  await daemon.said(`add real server ${RIP.serves}:80`);
  await daemon.said(`add real server ${RIP.endless}:80`);
  const { table } = await daemon.status();
  expect(table.refused).toEqual([]);
  expect(table).not.toHaveProperty('unavailable');
});

describe('status has the word for', () => {
  const EXPECTED = [
    ['serves', true, 'L7OK', /^status 200$/],
    // The status was good, and no more of the answer is read.
    ['endless', true, 'L7OK', /^status 200$/],
    ['refuses', false, 'L4CON', /^connection refused$/],
    ['hangs', false, 'L7TOUT', /^no answer after 4s$/],
    ['503', false, 'L7STS', /^status 503, want 200-299$/],
    ['dark', false, 'L4TOUT', /^connect timed out after 3s$/],
  ] as const;
  let screen: string;
  let status: StatusDocument;

  beforeAll(async () => {
    for (const [what, healthy] of EXPECTED) {
      await daemon.said(`real server ${RIP[what]}:80 is ${healthy ? 'up' : 'down'}`);
    }
    await daemon.said(`add real server ${RIP.serves}:8443`);
    screen = (await daemon.command('status')).stdout;
    status = await daemon.status();
  });
  const serversOf = (name: string) =>
    status.virtualServers.find((server) => server.name === name)?.realServers ?? [];

  it.each(EXPECTED)('a real server that is: %s', (what, healthy, code, text) => {
    const server = `${RIP[what]}:80`;
    expect(serversOf('web').find((real) => real.server === server)).toMatchObject({
      inTable: healthy,
      health: { healthy, last: { good: healthy, code, text: expect.stringMatching(text) } },
    });
    expect(screen).toMatch(new RegExp(`${server} +${healthy ? 'up' : 'down'} .*${code} `));
  });

  it('a certificate that nobody vouches for: down, unless it need not be valid', () => {
    expect(serversOf('strict')).toEqual([
      expect.objectContaining({
        inTable: false,
        health: expect.objectContaining({
          healthy: false,
          last: expect.objectContaining({
            code: 'L6RSP',
            text: 'certificate refused: self-signed certificate',
          }),
        }),
      }),
    ]);
    expect(serversOf('lenient')).toMatchObject([
      { inTable: true, health: { healthy: true, last: { code: 'L7OK' } } },
    ]);
    expect(screen).toMatch(/strict .*NOBODY serves/);
    expect(screen).toMatch(/L6RSP certificate refused: self-signed certificate/);
  });
});

it('three bad results take a real server out, two good ones bring it back', async () => {
  const answer = async (status: number): Promise<void> => {
    counted.write(`answer ${status}\n`);
    await counted.stdout.waitFor((line) => line === `answer ${status}`);
  };
  const asked = async (): Promise<number> => {
    const since = counted.stdout.mark;
    counted.write('count\n');
    const line = await counted.stdout.waitFor((line) => line.startsWith('count '), { since });
    return Number(line.split(' ')[1]);
  };
  await daemon.said('add real server 10.1.1.7:81');
  let since = daemon.log.mark;
  await answer(503);
  const down = await daemon.said('real server 10.1.1.7:81 is down', { since });
  expect(down).toMatchObject({ level: 'warn', result: 'L7STS', detail: 'status 503, want 200-299' });
  await daemon.said('remove real server 10.1.1.7:81', { since });
  await daemon.said('virtual router served: FAULT: service counted: healthy weight 0, quorum 1', { since });
  expect(await asked()).toBeGreaterThanOrEqual(3);
  since = daemon.log.mark;
  await answer(200);
  await daemon.said('add real server 10.1.1.7:81', { since });
  expect(await asked()).toBeGreaterThanOrEqual(2);
  await daemon.said('virtual router served: MASTER', { since });
});

it('stops in order', async () => {
  expect(await daemon.stop()).toEqual({ code: 0 });
});
