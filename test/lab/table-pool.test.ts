/** Pools on the real kernel: as health and connections come and go, drained by command, checked here only, behind mh. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LabProcess } from './support/process.ts';
import { poolCases } from './table-pool-cases.ts';
import { BOTH, config, FIRST, SECOND, Stage, service, VIP } from './table-stage.ts';
import { ask } from './traffic-tools.ts';

let stage: Stage;
/** Each test has directories of its own. */
let count = 0;
const start = (yaml: string) => stage.start(yaml, `vipward${++count}`);

beforeAll(async () => {
  stage = await Stage.create();
});
afterAll(() => stage?.lab.close());

describe('a pool', () => {
  poolCases(() => stage);
  afterAll(end);
});

/** What a daemon leaves behind does not concern the next one. */
async function end(): Promise<void> {
  await stage.stop();
  await stage.ipvsadm('-C');
}

/** A short time for what is closed, so that nobody waits two minutes for it. */
const QUICK = 'ipvs: { timeouts: { tcp: 10m, tcp_fin: 1s } }\n';
/** Whoever is down says so: a busy machine must not look like it. */
const CHECK = 'check: { tcp: {}, interval: 200ms, connect_timeout: 20s, timeout: 20s, rise: 1, fall: 1 }';
const more = (...lines: readonly string[]): string => lines.map((line) => `\n    ${line}`).join('');

/** So many connections that do nothing; each line on its standard input ends them all. */
async function hold(connections: number): Promise<LabProcess> {
  const program = `
    const sockets = Array.from({ length: ${connections} }, () => require('node:net').connect(80, '${VIP}'));
    let open = 0;
    for (const socket of sockets)
      socket.on('connect', () => ++open === ${connections} && console.log('connected')).on('error', () => {});
    process.stdin.once('data', () => sockets.forEach((socket) => socket.end()));`;
  const holder = await stage.client.spawn(['node', '-e', program]);
  await holder.stdout.waitFor((line) => line === 'connected');
  return holder;
}

describe('with a daemon of its own:', () => {
  afterEach(end);

  it('a drain lets connections finish and new ones go elsewhere, and then removes; enable brings back', async () => {
    await start(QUICK + config(service('web', 80, BOTH)));
    await stage.holdsVip();
    expect(await stage.ipvsadm('-L --timeout')).toContain('600 1 300');
    const held = await hold(3);
    const drain = stage.daemon.command(
      'drain',
      'web',
      '10.1.1.2',
      '--timeout',
      '10m',
      '--reason',
      'new kernel',
    );
    await stage.daemon.said('10.1.1.2:80 of tcp 10.1.1.254:80: weight 2 → 0');
    expect(Object.keys((await ask(stage.client, `http://${VIP}/`, 6)).bodies)).toEqual(['web2']);
    const { overrides, virtualServers } = await stage.daemon.status();
    expect(overrides).toMatchObject([
      { action: 'drain', by: 'root', reason: 'new kernel', dangling: false, connections: { active: 2 } },
    ]);
    expect(virtualServers[0]?.realServers[0]).toMatchObject({ weight: 2, tableWeight: 0, inTable: true });
    held.write('end\n');
    expect(await drain).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/drained, no connection was left\n$/),
    });
    expect(await stage.table()).toEqual([`-A -t ${VIP}:80 -s wrr`, `-a -t ${VIP}:80 -r 10.1.1.3:80 -g -w 1`]);
    expect((await stage.daemon.command('status')).stdout).toMatch(
      /10\.1\.1\.2:80 drained, asked for by root .*: new kernel/,
    );
    expect(await stage.daemon.command('enable', 'web', '10.1.1.2:80')).toMatchObject({ code: 0 });
    expect(await stage.table()).toContain(`-a -t ${VIP}:80 -r 10.1.1.2:80 -g -w 2`);
    expect(await stage.daemon.command('disable', 'wep', '10.1.1.2:80')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('there is no service wep: did you mean web?'),
    });
  });

  it('below its quorum the sorry server takes over from the real servers that are left, once they are checked here', async () => {
    const pool = (quorum: number) =>
      config(
        service(
          'web',
          80,
          `${FIRST}, { address: 10.1.1.100 }`,
          more(
            CHECK,
            `quorum: ${quorum}`,
            'check_while: active',
            `sorry_server: { address: 10.1.1.3, ${CHECK} }`,
            'notify: { quorum_up: [/bin/true, up], quorum_down: [/bin/true, down] }',
          ),
        ),
      );
    await start(pool(3));
    await stage.holdsVip();
    await stage.daemon.said('virtual server web: quorum lost (healthy weight 2, quorum 3)');
    const told = stage.daemon.log.all.map(({ message }) => message);
    const at = (part: string) => told.findIndex((message) => message.includes(part));
    expect(at('real server 10.1.1.2:80 is up')).toBeGreaterThan(at('virtual router web: MASTER'));
    await stage.daemon.said('notify script /bin/true for SERVICE web QUORUM_DOWN: exit code 0');
    await stage.daemon.said('add real server 10.1.1.3:80');
    expect(await stage.table()).toEqual([`-A -t ${VIP}:80 -s wrr`, `-a -t ${VIP}:80 -r 10.1.1.3:80 -g -w 1`]);
    expect(Object.keys((await ask(stage.client, `http://${VIP}/`, 3)).bodies)).toEqual(['web2']);
    expect((await stage.daemon.command('status')).stdout).toMatch(
      /SORRY SERVER in use, QUORUM LOST: healthy weight 2 of 3/,
    );
    const since = stage.daemon.log.mark;
    await stage.hangUp(pool(2));
    await stage.daemon.said('QUORUM_UP: exit code 0', { since });
    expect(await stage.table()).toContain(`-a -t ${VIP}:80 -r 10.1.1.2:80 -g -w 2`);
    expect(Object.keys((await ask(stage.client, `http://${VIP}/`, 3)).bodies)).toEqual(['web1']);
  });

  it('behind mh a failure is weight 0, and directors with other pasts and other files have the same table', async () => {
    const pool = (servers: string) =>
      config(service('web', 80, servers, more('scheduler_flags: [mh-fallback]', CHECK)).replace('wrr', 'mh'));
    const listed = async () =>
      (await stage.ipvsadm('-Ln')).match(/-> 10\.\S+ .*\d/g)?.map((line) => line.replace(/ +/g, ' '));
    const all = [FIRST, SECOND, '{ address: 10.1.1.100 }'];
    await start(pool(all.slice(0, 2).reverse().join()));
    await stage.daemon.said('real server 10.1.1.2:80 is up');
    await stage.daemon.said('real server 10.1.1.3:80 is up');
    // It listens on no port 80: down from the start, in its place all the same.
    await stage.hangUp(pool(all.join()));
    await stage.daemon.said('real server 10.1.1.100:80 is down');
    const before = (await stage.daemon.status()).table.digest;
    const order = await listed();
    expect(order).toHaveLength(3);
    await stage.stop();
    await stage.ipvsadm('-C');
    await start(pool([...all].reverse().join()));
    for (const server of ['10.1.1.2:80 is up', '10.1.1.3:80 is up', '10.1.1.100:80 is down'])
      await stage.daemon.said(`real server ${server}`);
    await expect
      .poll(async () => (await stage.daemon.status()).table.digest, { timeout: 60_000 })
      .toBe(before);
    expect(await listed()).toEqual(order);
    await stage.holdsVip();
    const since = stage.daemon.log.mark;
    await stage.servers[0]?.change('refuse');
    await stage.daemon.said('10.1.1.2:80 of tcp 10.1.1.254:80: weight 2 → 0', { since });
    expect(Object.keys((await ask(stage.client, `http://${VIP}/`, 5)).bodies)).toEqual(['web2']);
    await stage.servers[0]?.change('serve');
    await stage.daemon.said('10.1.1.2:80 of tcp 10.1.1.254:80: weight 0 → 2', { since });
    expect((await stage.daemon.status()).table).toMatchObject({ digest: before, repairs: 0, refused: [] });
  });
});
