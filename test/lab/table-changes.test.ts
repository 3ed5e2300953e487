/** The kernel's table under a daemon that runs: changed by reloads, and mended when somebody else changes it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PlanDocument } from '../../src/model/status.ts';
import { SCHEDULERS } from '../../src/model/virtual-server.ts';
import { rivalCases } from './table-rivals-cases.ts';
import { BOTH, config, FIRST, SECOND, Stage, service, VIP, WEB, WEB_SAVED } from './table-stage.ts';
import { ask } from './traffic-tools.ts';

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.create();
  await stage.start(WEB);
  await stage.holdsVip();
});
afterAll(() => stage?.lab.close());
/** The same table for each test, with counters at 0. */
beforeEach(async () => {
  await stage.ipvsadm('-C');
  await stage.hangUp(WEB);
});

it('a table that somebody clears is made again unasked, told and counted', async () => {
  const before = (await stage.daemon.status()).table.repairs;
  const since = stage.daemon.log.mark;
  await stage.ipvsadm('-C');
  const line = await stage.daemon.said('the IPVS table was changed by somebody else', { since });
  const found = [
    `missing: real server 10.1.1.2:80 of tcp ${VIP}:80 (dr, weight 2)`,
    `missing: real server 10.1.1.3:80 of tcp ${VIP}:80 (dr, weight 1)`,
    `missing: virtual server tcp ${VIP}:80 (wrr)`,
  ];
  expect([...(line.found as string[])].sort()).toEqual(found);
  await stage.daemon.said(`add real server 10.1.1.3:80 to tcp ${VIP}:80`, { since });
  expect(await stage.table()).toEqual(WEB_SAVED);
  expect((await stage.daemon.status()).table).toMatchObject({
    repairs: before + 1,
    lastRepair: { found: line.found },
  });
  expect((await ask(stage.client, `http://${VIP}/`, 6)).errors).toEqual([]);
});

it('a table that somebody changes is mended at a reload at once, whatever was done to it', async () => {
  const before = (await stage.daemon.status()).table.repairs;
  const changes = await stage.hangUpAfter(
    WEB,
    `-d -t ${VIP}:80 -r 10.1.1.2:80`,
    `-e -t ${VIP}:80 -r 10.1.1.3:80 -g -w 9`,
    `-a -t ${VIP}:80 -r 10.1.1.66:80 -g -w 4`,
    `-E -t ${VIP}:80 -s lc -p 60`,
  );
  // What serves comes before what does not: at no moment is there nobody.
  expect(changes).toEqual([
    expect.stringMatching(/^change virtual server .*: scheduler lc → wrr, .*persistence 60 s → none/),
    `add real server 10.1.1.2:80 to tcp ${VIP}:80 (dr, weight 2)`,
    `change real server 10.1.1.3:80 of tcp ${VIP}:80: weight 9 → 1`,
    `remove real server 10.1.1.66:80 from tcp ${VIP}:80`,
  ]);
  expect(await stage.table()).toEqual(WEB_SAVED);
  const { repairs, lastRepair } = (await stage.daemon.status()).table;
  expect(repairs).toBe(before + 1);
  expect(lastRepair?.found).toEqual([
    expect.stringMatching(/^altered: virtual server .*: scheduler wrr → lc, .*persistence none → 60 s/),
    `missing: real server 10.1.1.2:80 of tcp ${VIP}:80 (dr, weight 2)`,
    `altered: real server 10.1.1.3:80 of tcp ${VIP}:80: weight 1 → 9`,
    `not ours: real server 10.1.1.66:80 of tcp ${VIP}:80`,
  ]);
  expect((await stage.daemon.command('status')).stdout).toMatch(/\d repairs?, the last/);
});

it('who changes it with vipward ipvsadm is told that it is undone, and what to do instead', async () => {
  // Where the daemon of a machine listens.
  await stage.director.run(`ln -sfn ${stage.daemon.runtimeDir} /run/vipward`);
  const command = ['src/vipward', 'ipvsadm', '-e', '-t', `${VIP}:80`, '-r', '10.1.1.3:80', '-w', '9'];
  const { code, stderr } = await stage.director.exec(command);
  expect(code).toBe(0);
  expect(stderr).toMatch(
    /^warning: tcp .*:80 is vipward's virtual server web, .*`vipward drain\|disable\|enable\|weight web 10\.1\.1\.3:80`/,
  );
  await stage.reload(WEB);
  expect(await stage.table()).toEqual(WEB_SAVED);
});

it('real servers that somebody exchanged are put back before the others are removed', async () => {
  const changes = await stage.hangUpAfter(
    WEB,
    `-a -t ${VIP}:80 -r 10.1.1.4:80 -g -w 1`,
    `-d -t ${VIP}:80 -r 10.1.1.2:80`,
    `-d -t ${VIP}:80 -r 10.1.1.3:80`,
  );
  expect(changes.map((change) => change.split(' ').slice(0, 4).join(' '))).toEqual([
    'add real server 10.1.1.2:80',
    'add real server 10.1.1.3:80',
    'remove real server 10.1.1.4:80',
  ]);
  expect((await ask(stage.client, `http://${VIP}/`, 5)).errors).toEqual([]);
});

it('schedulers are changed in place, each by its name; one that the kernel lacks is told, and all else goes on', async () => {
  const { results } = await ask(stage.client, `http://${VIP}/`, 6);
  const before = await stage.countedTo(results.length);
  for (const scheduler of SCHEDULERS.filter((name) => name !== 'twos' && name !== 'wrr')) {
    const changes = await stage.hangUp(WEB.replace('wrr', scheduler));
    expect(changes, scheduler).toEqual([expect.stringContaining(`→ ${scheduler}`)]);
    expect(await stage.table(), scheduler).toEqual(WEB_SAVED.map((line) => line.replace('wrr', scheduler)));
  }
  expect(await stage.counted()).toEqual(before);
  const lacking = config(
    service('other', 81, SECOND),
    service('web', 80, BOTH).replace('wrr', 'twos'),
    service('new', 82, BOTH).replace('wrr', 'twos'),
  );
  const since = stage.daemon.log.mark;
  const { changes } = await stage.reload(lacking);
  expect(changes).toEqual([
    `add virtual server tcp ${VIP}:81 (wrr)`,
    `add real server 10.1.1.3:81 to tcp ${VIP}:81 (dr, weight 1)`,
  ]);
  const { refused } = (await stage.daemon.status()).table;
  expect(refused).toEqual([
    expect.stringMatching(
      /cannot change virtual server .*254:80: scheduler ovf → twos: .*`modprobe ip_vs_twos`/,
    ),
    expect.stringMatching(/cannot add virtual server .*254:82 \(twos\): .*`modprobe ip_vs_twos`/),
  ]);
  const errors = stage.daemon.log.all.slice(since).filter(({ level }) => level === 'error');
  // It is tried again whenever the table is verified.
  expect([...new Set(errors.map(({ message }) => message))]).toEqual(refused);
  const { code, stdout } = await stage.daemon.command('status');
  expect([code, stdout]).toEqual([0, expect.stringMatching(/refused by the kernel:\n.*ip_vs_twos/)]);
  expect((await ask(stage.client, `http://${VIP}/`, 6)).errors).toEqual([]);
});

it('a real server that is disabled stays so when ports and names change in the file, and who edits it is told', async () => {
  const served = (...ports: readonly number[]) =>
    ports.flatMap((port) => [
      `-A -t ${VIP}:${port} -s wrr`,
      `-a -t ${VIP}:${port} -r 10.1.1.3:${port} -g -w 1`,
    ]);
  const note = (from: string, to: string) => [`disable of real server ${from} goes on as that of ${to}`];
  const disable = await stage.daemon.command('disable', 'web', '10.1.1.2', '--reason', 'broken disk');
  expect(disable.code).toBe(0);
  const ports = WEB.replace('port: 80', 'port: [80, 8005]');
  await stage.daemon.configure(ports);
  const plan = (await stage.daemon.command('plan', stage.daemon.file)).stdout;
  expect(plan).not.toContain('add real server 10.1.1.2');
  expect(plan).toContain(note('10.1.1.2:80 of web', '10.1.1.2 of web').join());
  expect((await stage.reload(ports)).overrides).toEqual(note('10.1.1.2:80 of web', '10.1.1.2 of web'));
  expect(await stage.table()).toEqual(served(80, 8005).sort());
  const renamed = WEB.replace('  web:\n    address', '  www:\n    address');
  expect((await stage.reload(renamed)).overrides).toEqual(note('10.1.1.2 of web', '10.1.1.2:80 of www'));
  expect(await stage.table()).toEqual(served(80).sort());
  expect((await stage.daemon.command('status')).stdout).toMatch(
    /10\.1\.1\.2:80 disabled by root .*: broken disk/,
  );
  // Nothing is left of it but the other, which then is the last one.
  const { overrides = [] } = await stage.reload(config(service('www', 80, SECOND)));
  expect(overrides).toEqual([
    expect.stringMatching(/^disable .* applies to nothing: vipward enable www 10\.1\.1\.2:80/),
  ]);
  const { stdout } = await stage.daemon.command('disable', 'www', '10.1.1.3');
  expect(stdout).toContain('www has no real server left: new clients are refused');
  for (const last of [2, 3]) await stage.daemon.command('enable', 'www', `10.1.1.${last}:80`);
  await stage.reload(WEB);
  expect(await stage.table()).toEqual(WEB_SAVED);
});

it('UDP is shared among real servers that a TCP connection finds up', async () => {
  const echo = (body: string) => `
      const socket = require('node:dgram').createSocket('udp4');
      socket.on('message', (_, from) => socket.send('${body}', from.port, from.address));
      socket.bind(53, '${VIP}', () => console.log('bound'));`;
  for (const node of stage.nodes) {
    const server = await node.spawn(['node', '-e', echo(node.name)]);
    await server.stdout.waitFor((line) => line === 'bound');
  }
  const check = `
    protocol: udp
    check: { tcp: {}, port: 80, interval: 200ms, connect_timeout: 20s, timeout: 20s, fall: 1 }`;
  let since = stage.daemon.log.mark;
  await stage.hangUp(config(service('dns', 53, BOTH, check)));
  await stage.daemon.said('add real server 10.1.1.2:53', { since });
  await stage.daemon.said('add real server 10.1.1.3:53', { since });
  // From ports of which none comes again: the kernel knows for minutes where it has passed one on to.
  const askEach = (port: number) => `
      const answers = [];
      const next = () => {
        if (answers.length === 9) return console.log(answers.sort().join(' '));
        const socket = require('node:dgram').createSocket('udp4');
        socket.on('message', (body) => { answers.push(String(body)); socket.close(); next(); });
        socket.bind(${port} + answers.length, () => socket.send('?', 53, '${VIP}'));
      };
      next();`;
  const query = async (port: number) =>
    (await stage.client.run(['node', '-e', askEach(port)])).trim().split(' ');
  expect(await query(20_000)).toEqual([...Array(6).fill('web1'), ...Array(3).fill('web2')]);
  since = stage.daemon.log.mark;
  await stage.servers[0]?.change('refuse');
  await stage.daemon.said('remove real server 10.1.1.2:53', { since });
  expect(await query(20_100)).toEqual(Array(9).fill('web2'));
  await stage.servers[0]?.change('serve');
  await stage.daemon.said('add real server 10.1.1.2:53', { since });
  expect((await stage.ipvsadm('-Sn')).split('\n')[0]).toBe(`-A -u ${VIP}:53 -s wrr`);
});

it('plan tells exactly what reload then does, and does nothing; what stays is not touched', async () => {
  await stage.hangUp(config(service('web', 80, BOTH), service('old', 81, BOTH), service('more', 82, FIRST)));
  const { results, errors } = await ask(stage.client, `http://${VIP}/`, 9);
  expect(errors).toEqual([]);
  const [saved, before] = [await stage.table(), await stage.countedTo(results.length)];
  const next = config(
    service('web', 80, BOTH),
    service('more', 82, `{ address: 10.1.1.2, weight: 5 }, ${SECOND}`),
    service('new', 83, SECOND),
  );
  await stage.daemon.configure(next);
  const plan: PlanDocument = JSON.parse(
    (await stage.daemon.command('plan', stage.daemon.file, '--json')).stdout,
  );
  expect(plan.table).toEqual([
    `add real server 10.1.1.3:82 to tcp ${VIP}:82 (dr, weight 1)`,
    `change real server 10.1.1.2:82 of tcp ${VIP}:82: weight 2 → 5`,
    `add virtual server tcp ${VIP}:83 (wrr)`,
    `add real server 10.1.1.3:83 to tcp ${VIP}:83 (dr, weight 1)`,
    `remove virtual server tcp ${VIP}:81`,
  ]);
  expect(await stage.table()).toEqual(saved);
  const { changes } = await stage.reload(next);
  expect(changes).toEqual([...plan.virtualRouters, ...plan.addresses, ...plan.table]);
  expect(await stage.table()).toEqual(
    [
      ...WEB_SAVED,
      `-A -t ${VIP}:82 -s wrr`,
      `-a -t ${VIP}:82 -r 10.1.1.2:82 -g -w 5`,
      `-a -t ${VIP}:82 -r 10.1.1.3:82 -g -w 1`,
      `-A -t ${VIP}:83 -s wrr`,
      `-a -t ${VIP}:83 -r 10.1.1.3:83 -g -w 1`,
    ].sort(),
  );
  const after = await stage.counted();
  for (const entry of [`${VIP}:80`, '10.1.1.2:80', '10.1.1.3:80']) expect(after[entry]).toBe(before[entry]);
  expect((await stage.daemon.command('plan', stage.daemon.file)).stdout.trim()).toBe(
    'a reload would change nothing',
  );
  const removal = config(service('web', 80, SECOND));
  expect((await stage.reload(removal)).changes).toEqual([
    `remove real server 10.1.1.2:80 from tcp ${VIP}:80`,
    `remove virtual server tcp ${VIP}:82`,
    `remove virtual server tcp ${VIP}:83`,
  ]);
});

describe('the same entries are changed by', () => rivalCases(() => stage));
