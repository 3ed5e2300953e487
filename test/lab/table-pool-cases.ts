/**
 * What becomes of the real servers of a pool, and of their clients, as checks and connections come and go: cases that
 * one daemon goes through by reloads. All have web1, web2 and web3 (10.1.1.2, .3 and .5) by direct routing, which tell
 * their names on every port of PORTS; what is checked of them is their HTTP, on port 80.
 */
import { beforeAll, expect, it } from 'vitest';
import { type Caller, type Held, startCaller, startNamingServer } from './support/calls.ts';
import { prepareDirectRouting, type RealServer, startRealServer } from './support/tools.ts';
import { BOTH, config, FIRST, SECOND, type Stage, service, VIP } from './table-stage.ts';
import { counted } from './textbook-pool.ts';

const THIRD = '{ address: 10.1.1.5, weight: 3 }';
/** Of the second one the HTTP is checked. */
const SORRY = ['10.1.1.6', '10.1.1.7'] as const;
/** What the daemon keeps is in directories of this name. */
const INSTANCE = 'cases';
const PORTS = {
  draining: 7_000,
  eager: 7_001,
  waiting: 7_002,
  quorum: 7_003,
  limited: 7_004,
  drained: 7_005,
  cut: 7_006,
} as const;
type Name = keyof typeof PORTS;
const PLACES = Object.values(PORTS).map((port) => `tcp/${port}`);
/** Whoever is down says so: a busy machine must not look like it. */
const QUICKLY = 'interval: 200ms, connect_timeout: 20s, timeout: 20s, rise: 1, fall: 1';
const check = (times: string = QUICKLY): string => `check: { http: {}, port: 80, ${times} }`;

/** With a short time for what is closed. */
const pool = (...services: readonly string[]): string =>
  `ipvs: { timeouts: { tcp_fin: 1s } }\n${config(...services)}`;
const oneOf = (name: Name, servers: string, ...more: readonly string[]): string =>
  service(name, PORTS[name], servers, more.map((line) => `\n    ${line}`).join(''));

const names = (held: readonly Held[]): readonly string[] => held.map(({ name }) => name);

export function poolCases(stageOf: () => Stage): void {
  let stage: Stage;
  let caller: Caller;
  /** The HTTP of web1, web2, web3. */
  let http: readonly RealServer[];
  /** That of the second sorry server. */
  let sorryHttp: RealServer;

  /** So many connections, one after the other, which are held. */
  async function open(name: Name, count: number): Promise<readonly Held[]> {
    const held: Held[] = [];
    for (let n = 0; n < count; n++)
      held.push(await caller.open({ to: VIP, port: PORTS[name], from: '10.1.1.100' }));
    return held;
  }
  /** How many of `count` new ones are whose. */
  const shares = async (name: Name, count: number) => counted(names(await open(name, count)));
  const entry = (name: Name): string => `tcp ${VIP}:${PORTS[name]}`;
  const real = (last: number, name: Name): string => `10.1.1.${last}:${PORTS[name]}`;
  const tableOf = async (name: Name): Promise<readonly string[]> =>
    (await stage.table()).filter((line) => line.startsWith('-a') && line.includes(`:${PORTS[name]} -r`));
  const inTable = (last: number, name: Name, weight: number): string =>
    `-a -t ${VIP}:${PORTS[name]} -r ${real(last, name)} -g -w ${weight}`;

  async function addHost(name: string, address: string): Promise<RealServer> {
    const [lan] = stage.client.ports;
    if (lan === undefined) throw new Error('the client is on no switch');
    const node = await stage.lab.addHost(name, {
      ports: [{ on: lan.switch, addresses: [`${address}/24`] }],
    });
    await prepareDirectRouting(node, VIP);
    await startNamingServer(node, name, PLACES);
    return await startRealServer(node, { body: name });
  }

  beforeAll(async () => {
    stage = stageOf();
    await Promise.all(stage.nodes.map((node) => startNamingServer(node, node.name, PLACES)));
    http = [...stage.servers, await addHost('web3', '10.1.1.5')];
    await addHost('sorry1', SORRY[0]);
    sorryHttp = await addHost('sorry2', SORRY[1]);
    caller = await startCaller(stage.client);
    await stage.start(pool(), INSTANCE);
    await stage.holdsVip();
  });

  it('on_failure: drain: one that fails keeps its connections and gets no new ones, until it is back with its weight', async () => {
    let since = stage.daemon.log.mark;
    const weighs = (last: number, change: string) =>
      stage.daemon.said(`${real(last, 'draining')} of ${entry('draining')}: weight ${change}`, { since });
    await stage.hangUp(pool(oneOf('draining', BOTH, 'on_failure: drain', check())));
    await weighs(2, '0 → 2');
    await weighs(3, '0 → 1');
    const held = await open('draining', 6);
    expect(counted(names(held))).toEqual({ web1: 4, web2: 2 });
    since = stage.daemon.log.mark;
    await http[0]?.change('serve 503');
    await weighs(2, '2 → 0');
    expect(await tableOf('draining')).toEqual([inTable(2, 'draining', 0), inTable(3, 'draining', 1)]);
    expect(await shares('draining', 4)).toEqual({ web2: 4 });
    expect(await Promise.all(held.map((each) => each.ask()))).toEqual(names(held));
    await http[0]?.change('serve');
    await weighs(2, '0 → 2');
    expect(await shares('draining', 6)).toEqual({ web1: 4, web2: 2 });
    expect(await Promise.all(held.map((each) => each.ask()))).toEqual(names(held));
  });

  it('initial: up: clients are served before the first result of a check; initial: down: not before it', async () => {
    const since = stage.daemon.log.mark;
    const slowly = check('interval: 2m, connect_timeout: 1m, timeout: 1m, rise: 1, fall: 1');
    for (const server of http) await server.change('hang');
    await stage.hangUp(
      pool(
        oneOf('eager', `${FIRST}, ${SECOND}`, 'initial: up', slowly),
        oneOf('waiting', THIRD, 'initial: down', slowly),
      ),
    );
    await stage.daemon.said(`add real server ${real(3, 'eager')}`, { since });
    expect(await shares('eager', 6)).toEqual({ web1: 4, web2: 2 });
    expect(await shares('waiting', 1)).toEqual({ ECONNREFUSED: 1 });
    const { virtualServers } = await stage.daemon.status();
    const healths = virtualServers.flatMap(({ realServers }) =>
      realServers.map(({ health }) => health?.last),
    );
    expect(healths).toEqual([undefined, undefined, undefined]);
    // Whoever was asked has an answer at last: none.
    await http[0]?.change('refuse');
    await stage.daemon.said(`remove real server ${real(2, 'eager')}`, { since });
    expect(await shares('eager', 3)).toEqual({ web2: 3 });
    for (const server of http) await server.change('refuse');
    for (const server of http) await server.change('serve');
  });

  it('quorum with hysteresis, in sums of weights: lost below 2, gained at 4, and told; between the two it stays', async () => {
    const program = `${stage.director.scratch}/quorum`;
    await stage.director.writeFile(program, `#!/bin/sh\necho "$@" >>${program}.log\n`);
    await stage.director.run(['chmod', '755', program]);
    const told = () => stage.director.run(`cat ${program}.log`);
    let since = stage.daemon.log.mark;
    await stage.hangUp(
      pool(
        oneOf(
          'quorum',
          `${FIRST}, ${SECOND}, ${THIRD}`,
          check(),
          'quorum: { weight: 3, hysteresis: 1 }',
          `sorry_server: [{ address: ${SORRY[0]} }, { address: ${SORRY[1]}, ${check()} }]`,
          `notify: { quorum_up: [${program}, gained], quorum_down: [${program}, lost] }`,
        ),
      ),
    );
    for (const last of [2, 3, 5])
      await stage.daemon.said(`add real server ${real(last, 'quorum')}`, { since });
    const all = { web1: 2, web2: 1, web3: 3 };
    expect(await shares('quorum', 6)).toEqual(all);

    // 3 of 6 are less than what gains it, and not yet what loses it.
    since = stage.daemon.log.mark;
    await http[2]?.change('serve 503');
    await stage.daemon.said(`remove real server ${real(5, 'quorum')}`, { since });
    expect(await shares('quorum', 3)).toEqual({ web1: 2, web2: 1 });
    await http[0]?.change('serve 503');
    await stage.daemon.said('virtual server quorum: quorum lost (healthy weight 1, quorum 3)', { since });
    await stage.daemon.said(`remove real server ${real(3, 'quorum')}`, { since });
    expect(await shares('quorum', 4)).toEqual({ sorry1: 2, sorry2: 2 });
    await sorryHttp.change('serve 503');
    await stage.daemon.said(`remove real server ${SORRY[1]}:${PORTS.quorum}`, { since });
    expect(await shares('quorum', 3)).toEqual({ sorry1: 3 });

    // 3 again, by those of before: it stays lost.
    since = stage.daemon.log.mark;
    await http[0]?.change('serve');
    await stage.daemon.said('real server 10.1.1.2:80 is up', { since });
    expect(await shares('quorum', 3)).toEqual({ sorry1: 3 });
    expect((await stage.daemon.status()).virtualServers[0]).toMatchObject({
      sorryServers: [{ state: 'in-use' }, { state: 'idle' }],
    });
    await http[2]?.change('serve');
    await stage.daemon.said('virtual server quorum: quorum gained (healthy weight 6, quorum 3)', { since });
    for (const last of [2, 3, 5])
      await stage.daemon.said(`add real server ${real(last, 'quorum')}`, { since });
    expect(await shares('quorum', 6)).toEqual(all);
    await expect.poll(told).toBe('gained\nlost\ngained\n');
  });

  it('thresholds: no new connections from the upper one on, until there are fewer than the lower one', async () => {
    const since = stage.daemon.log.mark;
    await stage.hangUp(
      pool(oneOf('limited', `{ address: 10.1.1.2, thresholds: { upper: 3, lower: 2 } }, ${SECOND}`)),
    );
    await stage.daemon.said(`add real server ${real(3, 'limited')}`, { since });
    const held = await open('limited', 8);
    expect(counted(names(held))).toEqual({ web1: 3, web2: 5 });
    const [first, second] = held.filter(({ name }) => name === 'web1');
    const known = async () => {
      const [, active, inactive] =
        /-> 10\.1\.1\.2:\d+ +Route +1 +(\d+) +(\d+)/.exec(
          await stage.ipvsadm(`-Ln -t ${VIP}:${PORTS.limited}`),
        ) ?? [];
      return Number(active) + Number(inactive);
    };
    await first?.close();
    await expect.poll(known).toBe(2);
    expect(await shares('limited', 3)).toEqual({ web2: 3 });
    await second?.close();
    await expect.poll(known).toBe(1);
    // Two more, and it is at its upper threshold again.
    expect(await shares('limited', 8)).toEqual({ web1: 2, web2: 6 });
  });
  it('a drain whose time is over cuts off what is left', async () => {
    const since = stage.daemon.log.mark;
    await stage.hangUp(pool(oneOf('cut', BOTH)));
    const held = await open('cut', 3);
    const server = real(2, 'cut');
    const { code, stderr } = await stage.daemon.command('drain', 'cut', server, '--timeout', '1s');
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/the time was over, 2 connections were cut off/),
    ]);
    await stage.daemon.said(`remove real server ${server}`, { since });
    const answers = await Promise.all(held.map(async (each) => [each.name, await each.ask()]));
    expect(answers.toSorted()).toEqual([
      ['web1', expect.stringMatching(/^(ECONNRESET|CLOSED)$/)],
      ['web1', expect.stringMatching(/^(ECONNRESET|CLOSED)$/)],
      ['web2', 'web2'],
    ]);
    expect(await shares('cut', 3)).toEqual({ web2: 3 });
    expect(await stage.daemon.command('enable', 'cut', server)).toMatchObject({ code: 0 });
    expect(await shares('cut', 3)).toEqual({ web1: 2, web2: 1 });
  });

  it('a drain outlives a daemon that is killed, with who, why and until when, and ends under the next one', async () => {
    const file = pool(oneOf('drained', BOTH));
    await stage.hangUp(file);
    const held = await open('drained', 6);
    expect(counted(names(held))).toEqual({ web1: 4, web2: 2 });
    const server = real(2, 'drained');
    const command = ['drain', 'drained', server, '--timeout', '1h', '--reason', 'new kernel', '--no-wait'];
    expect(await stage.daemon.command(...command)).toMatchObject({ code: 0 });
    const [before] = (await stage.daemon.status()).overrides;
    const said = { action: 'drain', by: 'root', reason: 'new kernel', until: expect.any(Number) };
    expect(before).toMatchObject({ ...said, connections: { active: 4 } });
    await stage.daemon.crash();

    await stage.start(file, INSTANCE);
    await stage.holdsVip();
    expect((await stage.daemon.status()).overrides).toEqual([before]);
    expect(await tableOf('drained')).toEqual([inTable(2, 'drained', 0), inTable(3, 'drained', 1)]);
    expect(await shares('drained', 3)).toEqual({ web2: 3 });
    expect(await Promise.all(held.map((each) => each.ask()))).toEqual(names(held));
    for (const each of held) await each.close();
    await stage.daemon.said(`real server ${server} of drained is drained`);
    await stage.daemon.said(`remove real server ${server}`);
    const { connections: _, ...rest } = before ?? {};
    expect((await stage.daemon.status()).overrides).toEqual([
      { ...rest, drainedAt: expect.any(Number), cutOff: 0 },
    ]);
  });
}
