/** A thousand real servers in one file: how long they take to load, to fail all at once and to come back. No limits. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Daemon, startDaemon } from './support/daemon.ts';
import type { Kernel } from './support/kernel.ts';
import { Lab } from './support/lab.ts';
import { type RealServer, startRealServer } from './support/tools.ts';
import { savedTable } from './traffic-tools.ts';

const COUNT = 1_000;
const addressOf = (i: number): string => `10.3.${1 + (i >> 8)}.${i & 255}`;
const SERVERS = Array.from({ length: COUNT }, (_, i) => addressOf(i));
const config = (weight: number, servers: readonly string[] = SERVERS): string => `
virtual_routers:
  web: { interface: eth0, vrid: 51, priority: 255, advert_interval: 300ms, down_adverts: 60, addresses: [10.1.1.254/24] }
services:
  web:
    address: 10.1.1.254
    port: 80
    scheduler: wrr
    forwarding: dr
    check: { tcp: {}, interval: 5s, connect_timeout: 1m, timeout: 1m, rise: 1, fall: 1 }
    real_servers:
${servers.map((address) => `      - { address: ${address}, weight: ${weight} }`).join('\n')}
`;

let lab: Lab;
let director: Kernel;
let daemon: Daemon;
/** All thousand are one process that listens on every address. */
let servers: RealServer;

beforeAll(async () => {
  lab = await Lab.create();
  const lan = await lab.addSwitch('lan');
  const web = await lab.addHost('web', { ports: [{ on: lan, addresses: ['10.1.1.2/24'] }] });
  await web.run('ip route add local 10.3.0.0/16 dev lo');
  servers = await startRealServer(web, { body: 'web' });
  director = await lab.addKernel('lvs1', {
    ports: [{ on: lan, addresses: ['10.1.1.4/24'] }],
    routes: ['10.3.0.0/16 via 10.1.1.2'],
  });
  await director.boot();
});
afterAll(() => lab?.close());

const inKernel = async (): Promise<number> =>
  (await savedTable(director)).filter((line) => line.startsWith('-a')).length;

async function timed(what: string, work: () => Promise<unknown>): Promise<void> {
  const begun = performance.now();
  await work();
  console.info(`${what}: ${((performance.now() - begun) / 1_000).toFixed(1)} s`);
}

/** Awaits the log's word of each of the thousand. */
async function each(what: string, since: number): Promise<void> {
  const missing = new Set(SERVERS);
  const server = new RegExp(`^${what} (\\S+):80`);
  await daemon.log.waitFor(
    ({ message }) => {
      const address = server.exec(message)?.[1];
      if (address !== undefined) missing.delete(address);
      return missing.size === 0;
    },
    { since, timeout: 200_000, what: `${what} for each` },
  );
}

it('a thousand real servers come into the table', async () => {
  await timed('started with 1,000 real servers', async () => {
    daemon = await startDaemon(director, config(1), { patience: 200_000 });
  });
  await timed('all checked and in the table', () => each('add real server', 0));
  expect(await inKernel()).toBe(COUNT);
});

it('a thousand weights change in one reload, and half of the servers leave in another', async () => {
  for (const [file, lines] of [
    [config(7), COUNT],
    [config(7, SERVERS.slice(COUNT / 2)), COUNT / 2],
    [config(7), COUNT / 2],
  ] as const) {
    await daemon.configure(file);
    const since = daemon.log.mark;
    await timed(`reload that changes ${lines}`, async () => {
      daemon.process.kill('SIGHUP');
      await daemon.said('configuration reloaded', { since });
    });
  }
  // Those that came back are checked first.
  await expect.poll(inKernel, { timeout: 60_000 }).toBe(COUNT);
  expect((await savedTable(director)).filter((line) => line.endsWith('-w 7'))).toHaveLength(COUNT);
});

it('a thousand verdicts at once: all leave, all come back, and the daemon answers meanwhile', async () => {
  let since = daemon.log.mark;
  await servers.change('refuse');
  await timed('1,000 real servers found down and removed', async () => {
    const { code } = await daemon.command('status', '--json');
    expect(code).toBe(0);
    await each('remove real server', since);
  });
  expect(await inKernel()).toBe(0);
  since = daemon.log.mark;
  await servers.change('serve');
  await timed('1,000 real servers found up and added', () => each('add real server', since));
  expect(await inKernel()).toBe(COUNT);
  const { processes, table } = await daemon.status();
  expect(processes.map(({ restarts }) => restarts)).toEqual([0, 0, 0]);
  expect(table).toMatchObject({ repairs: 0, refused: [] });
  expect(await daemon.stop()).toEqual({ code: 0 });
});
