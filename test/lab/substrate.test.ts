import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EventLog } from './support/event-log.ts';
import type { Kernel } from './support/kernel.ts';
import { Lab } from './support/lab.ts';
import { followLines } from './support/lines.ts';
import { LocalMachine } from './support/local.ts';
import type { NamespaceNode, Switch } from './support/network.ts';
import { CHECKOUT, ENVIRONMENT } from './support/node.ts';
import { observe, prepareDirectRouting, startClient, startProbe, startRealServer } from './support/tools.ts';

const VIP = '10.1.1.254';
let lab: Lab;
let lan: Switch;
let client: NamespaceNode;
let web1: NamespaceNode;
let lvs1: Kernel;

beforeAll(async () => {
  lab = await Lab.create();
  lan = await lab.addSwitch('lan');
  client = await lab.addHost('client', { ports: [{ on: lan, addresses: ['10.1.1.100/24'] }] });
  web1 = await lab.addHost('web1', { ports: [{ on: lan, addresses: ['10.1.1.2/24'] }] });
  lvs1 = await lab.addKernel('lvs1', { ports: [{ on: lan, addresses: ['10.1.1.10/24'] }] });
  await lvs1.boot();
});

afterAll(async () => {
  await lab.close();
});

describe.each(['a namespace', 'a kernel'])('%s', (kind) => {
  const node = () => (kind === 'a kernel' ? lvs1 : client);

  test('runs commands, side by side, with their codes and every byte', async () => {
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7) % 256));
    const [echoed, failed] = await Promise.all([
      node().execBytes('cat', { input: bytes }),
      node().exec('echo out; echo err >&2; exit 7'),
    ]);
    expect(echoed.stdout.equals(bytes)).toBe(true);
    expect(failed).toEqual({ code: 7, stdout: 'out\n', stderr: 'err\n' });
    await expect(node().run('echo why >&2; exit 3')).rejects.toThrow(/exit code 3\nwhy/);
    await expect(node().exec('sleep 1000', { timeout: 300 })).rejects.toThrow(/killed after 300 ms/);
    await expect(node().run(['no-such-program'])).rejects.toThrow(/no-such-program/);
  });

  test('follows a long-running process', async () => {
    const process = await node().spawn(
      'trap "echo bye; exit 4" TERM; echo ready; while read x; do echo got $x; done',
    );
    await process.stdout.waitFor((line) => line === 'ready');
    process.write('one\n');
    await process.stdout.waitFor((line) => line === 'got one');
    process.kill('SIGTERM');
    process.write('two\n');
    expect(await process.exit).toEqual({ code: 4 });
    expect(process.stdout.all.at(-1)).toBe('bye');
  });

  test('loses nothing of a process that has spoken before the test looks', async () => {
    const spawned = node().spawn('echo a; echo b; exec sleep 1000');
    for (const until = performance.now() + 500; performance.now() < until; );
    const process = await spawned;
    const heard = new EventLog<string>();
    followLines(process, (line) => heard.push(line));
    await heard.waitFor((line) => line === 'b', { timeout: 5_000 });
    expect(heard.all).toEqual(['a', 'b']);
    await process.stop();
  });

  test('keeps files', async () => {
    await node().writeFile(`${node().scratch}/deep/file`, 'text äöü\n');
    expect(await node().readFile(`${node().scratch}/deep/file`)).toBe('text äöü\n');
  });

  test('gives an interactive shell', async () => {
    const terminal = await new LocalMachine('terminal', lab.scratch).spawn([
      'script',
      '-qfc',
      node().shellCommand(),
      '/dev/null',
    ]);
    terminal.write('tty; echo $((6 * 7)) $(ip -4 -br address show eth0)\n');
    const address = kind === 'a kernel' ? '10.1.1.10/24' : '10.1.1.100/24';
    await terminal.output.waitFor((line) => line.includes('42 eth0') && line.includes(address));
    await terminal.output.waitFor((line) => line.includes('/dev/pts/'));
    terminal.write('exit\n');
    expect(await terminal.exit).toEqual({ code: 0 });
  });
});

test('a director in a kernel forwards a client to a real server by direct routing', async () => {
  await prepareDirectRouting(web1, VIP);
  const server = await startRealServer(web1, { body: 'web1' });
  const watch = await observe(lan);
  await lvs1.run(`ip address add ${VIP}/24 dev eth0`);
  await lvs1.run(`ipvsadm -A -t ${VIP}:80 -s wrr && ipvsadm -a -t ${VIP}:80 -r 10.1.1.2 -g -w 2`);
  const load = await startClient(client, { url: `http://${VIP}/`, rate: 40 });
  await load.results.waitFor((result) => result.body === 'web1');
  await watch.events.waitFor(
    (seen) => seen.kind === 'arp' && seen.target === VIP && seen.operation === 'request',
  );
  await server.change('refuse');
  await load.results.waitFor((result) => result.error === 'ECONNREFUSED', { since: load.results.mark });
  await server.change('serve 503');
  await load.results.waitFor((result) => result.status === 503, { since: load.results.mark });
  await server.change('serve');
  const after = load.results.mark;
  await load.results.waitFor((result) => result.status === 200, { since: after });
  const summary = await load.stop();
  expect(summary.bodies).toHaveProperty('web1');
  expect(await lvs1.readFile('/proc/net/ip_vs')).toContain('0A010102:0050');
  await watch.stop();
  await server.stop();
});

test('a kernel holds a whole network: client, director and real server in namespaces inside it', async () => {
  const net = await lvs1.inside.addSwitch('in');
  const port = (address: string) => ({ ports: [{ on: net, addresses: [address] }] });
  const inner = await lvs1.inside.addHost('client', port('10.2.0.100/24'));
  const director = await lvs1.inside.addHost('director', port('10.2.0.10/24'));
  const real = await lvs1.inside.addHost('real', port('10.2.0.2/24'));
  await real.run(
    'modprobe ipip && ip link set tunl0 up && ip address add 10.2.0.254/32 dev tunl0 && ' +
      'echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore; ' +
      'for i in all tunl0; do echo 0 >/proc/sys/net/ipv4/conf/$i/rp_filter; done',
  );
  const server = await startRealServer(real, { body: 'inside' });
  await director.run('ip address add 10.2.0.254/24 dev eth0');
  await director.run('ipvsadm -A -t 10.2.0.254:80 -s rr && ipvsadm -a -t 10.2.0.254:80 -r 10.2.0.2 -i');
  expect(await inner.run('curl -sS --max-time 60 http://10.2.0.254/')).toBe('inside\n');
  expect(await lvs1.run('ipvsadm -Ln')).not.toContain('10.2.0.254');
  await server.stop();
});

test('a probe tells how long nobody answered: the kernel is killed and boots again', async () => {
  const probe = await startProbe(client, { address: '10.1.1.10', interval: 2 });
  const running = await lvs1.spawn('sleep 1000');
  const killed = Date.now();
  lvs1.kill();
  expect(await running.exit).toEqual({ code: 137, lost: 'lvs1: its kernel is gone' });
  await expect(lvs1.exec('true')).rejects.toThrow(/it is down/);
  await lvs1.boot();
  const booted = Date.now();
  const gap = await probe.events.waitFor(
    (event) => event.kind === 'gap' && event.to > killed && event.lost > 100,
  );
  const summary = await probe.stop();
  expect(gap).toMatchObject({ kind: 'gap' });
  const longest = summary.gaps.toSorted((a, b) => b.lost - a.lost)[0];
  // The kernel may have stood still before its end, and the probe after the boot.
  expect(longest?.from).toBeGreaterThan(killed - 5_000);
  expect(longest?.to).toBeLessThan(booted + 20_000);
  expect(await lvs1.run('ipvsadm -Ln')).not.toContain('10.1.1.2');
});

test('a port that is cut off passes nothing, and passes again', async () => {
  const probe = await startProbe(client, { address: '10.1.1.10', interval: 1 });
  const [port] = lvs1.ports;
  await port?.disconnect();
  const silence = await client.exec(['curl', '-sS', '--max-time', '3', 'http://10.1.1.10:9/']);
  expect(silence.stderr).toMatch(/timed out/i);
  await port?.connect();
  await probe.events.waitFor((event) => event.kind === 'gap' && event.lost > 100);
  const { sent, answered, gaps } = await probe.stop();
  expect(sent - answered).toBe(gaps.reduce((sum, gap) => sum + gap.lost, 0));
});

test('a paused kernel answers nothing and goes on afterwards', async () => {
  lvs1.pause();
  const answer = lvs1.run('echo here');
  const probe = client.run(['curl', '-sS', '--max-time', '1', 'http://10.1.1.10:9/']);
  await expect(probe).rejects.toThrow(/timed out/i);
  lvs1.resume();
  expect(await answer).toBe('here\n');
});

test.each(['user-mode', 'cloud'])(
  'nothing is left of a lab with a %s kernel whose owner was killed',
  async (kind) => {
    const owner = spawn('node', [join(import.meta.dirname, 'support/owner.ts'), kind], {
      cwd: CHECKOUT,
      env: ENVIRONMENT,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(createInterface({ input: owner.stdout }), 'line');
    const { prefix, scratch, pids } = JSON.parse(line);
    const machine = new LocalMachine('this machine', lab.scratch);
    expect(await machine.run('ip netns list')).toContain(prefix);
    expect(pids.length).toBeGreaterThan(2);
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    await expect.poll(() => existsSync(scratch), { timeout: 120_000 }).toBe(false);
    expect(await machine.run('ip netns list')).not.toContain(prefix);
    // A zombie is dead, too: when it is reaped is its new parent's matter.
    const left = `for pid in ${pids.join(' ')}; do grep -sq '^State:.*zombie' /proc/$pid/status || cat /proc/$pid/comm; done`;
    await expect.poll(() => machine.exec(left).then((r) => r.stdout), { timeout: 120_000 }).toBe('');
  },
);
