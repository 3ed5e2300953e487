/** The checker process, forked as the manager does it, against real servers on loopback. */
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Check } from '../../src/model/check.ts';
import { milliseconds } from '../../src/model/units.ts';
import { makeCertificate } from '../unit/checker/certificate.ts';
import { http as httpCheck, realServer, TCP as TCP_CHECK, target } from '../unit/checker/targets.ts';
import { checking, ENTRY, run, startChecker } from './checker/child.ts';

const NOBODY = { VIPWARD_CHECKER_UID: '65534', VIPWARD_CHECKER_GID: '65534' };
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi';
/** What fails here fails by what the real server says, at once: on a busy machine a good one may take seconds. */
const patient = (check: Check): Check => ({
  ...check,
  connectTimeout: milliseconds(60_000),
  timeout: milliseconds(60_000),
});
const TCP = patient(TCP_CHECK);
const http = (probe: Parameters<typeof httpCheck>[0] = {}): Check => patient(httpCheck(probe));
const quick = (check: Check): Check => ({ ...check, interval: milliseconds(100) });
const root = join(import.meta.dirname, '../..');
const statusOf = (pid: number, field: string): string | undefined =>
  new RegExp(`^${field}:[ \\t]*(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];

describe('the checker process', () => {
  test('tells what becomes of a real server', async () => {
    let answer = ANSWER;
    const { port } = await realServer((socket) => socket.once('data', () => socket.end(answer)));
    const child = await checking([target(port, quick(http()), 'a')]);
    const up = await child.hear('health', ({ health }) => health.healthy === true);
    expect(up).toMatchObject({ id: 'a', health: { against: 0, last: { code: 'L7OK', text: 'status 200' } } });
    answer = 'HTTP/1.1 503 Busy\r\n\r\n';
    const down = await child.hear('health', ({ health }) => health.healthy === false);
    expect(down.health.last?.text).toBe('status 503, want 200-299');
  });

  test('keeps the health of targets that it knows, and takes on that of others', async () => {
    const { port } = await realServer(() => {});
    const one = target(port, quick(TCP), 'a');
    const child = await checking([one]);
    await child.hear('health', ({ id, health }) => id === 'a' && health.healthy === true);
    const up = { healthy: true, against: 0, last: undefined };
    const down = { healthy: false, against: 0, last: undefined };
    // b is refused for now: with such a fall, what counts is the health that it came with.
    const closed = await realServer(() => {});
    await new Promise((resolve) => closed.server.close(resolve));
    const other = target(closed.port, { ...quick(TCP), fall: 1_000_000 }, 'b');
    child.send({ type: 'targets', targets: [one, other], health: { a: down, b: up } });
    const first = await child.hear('health', ({ id }) => id === 'b');
    expect(first.health).toMatchObject({ healthy: true, against: 1, last: { code: 'L4CON' } });
    const snapshot = await child.hear('snapshot');
    expect(snapshot.health).toMatchObject({ a: { healthy: true }, b: { healthy: true } });
  });

  test('exits with 0 when the manager says stop, and when it goes away', async () => {
    const { port } = await realServer(() => {});
    const one = await checking([target(port, quick(http()))]);
    one.send({ type: 'stop' });
    expect(await one.ended).toBe(0);
    const other = await checking([target(port, quick(http()))]);
    other.process.disconnect();
    expect(await other.ended).toBe(0);
  });

  test('leaves the signals of a terminal to the manager', async () => {
    const { port } = await realServer(() => {});
    const child = startChecker();
    await child.hear('ready');
    child.process.kill('SIGINT');
    child.process.kill('SIGHUP');
    child.send({ type: 'targets', targets: [target(port, TCP)], health: {} });
    await child.hear('health');
  });

  test('refuses messages of another version', async () => {
    const child = startChecker();
    await child.hear('ready');
    child.process.send({ type: 'stop', v: -1 });
    const line = await child.hear('log', ({ level }) => level === 'error');
    expect(line.message).toContain('want messages of version');
    expect(await child.ended).toBe(1);
  });

  test('verifies certificates against known authorities and the name', async () => {
    const made = makeCertificate('www.example.org');
    onTestFinished(() => made.remove());
    const server = createServer(made, (_request, response) => response.end('hi'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const verified = (host: string) => target(port, http({ tls: { verify: true }, host }), host);
    const targets = [verified('www.example.org'), verified('other.example.org')];
    const child = await checking(targets, {}, { NODE_EXTRA_CA_CERTS: made.file });
    const right = await child.hear('health', ({ id }) => id === 'www.example.org');
    expect(right.health.last).toMatchObject({ good: true, code: 'L7OK' });
    const wrong = await child.hear('health', ({ id }) => id === 'other.example.org');
    expect(wrong.health.last).toMatchObject({
      code: 'L6RSP',
      text: 'certificate is not for other.example.org',
    });
  });

  test('an exception that nobody catches ends it, with its trace in the log', async () => {
    const child = startChecker({}, new URL('./checker/crashing.ts', import.meta.url));
    const line = await child.hear('log', ({ level }) => level === 'error');
    expect(line.message).toBe('the checker failed: a fault of ours');
    expect(line.fields.stack).toContain('crashing.ts');
    expect(await child.ended).toBe(1);
  });

  test('out of descriptors it cannot probe, says so, and leaves health alone', async () => {
    const { port } = await realServer(() => {});
    const up = { healthy: true, against: 0, last: undefined };
    const child = startChecker();
    await child.hear('ready');
    // Fewer than it has open already.
    await run('prlimit', ['--pid', String(child.pid), '--nofile=10:']);
    child.send({ type: 'targets', targets: [target(port, quick(TCP), 'a')], health: { a: up } });
    const news = await child.hear('health');
    expect(news.health).toMatchObject({
      healthy: true,
      against: 0,
      last: { code: 'CHKERR', text: 'out of file descriptors (this process)' },
    });
    await child.hear('log', ({ level, message }) => level === 'warn' && message.includes('cannot be probed'));
    await run('prlimit', ['--pid', String(child.pid), '--nofile=1024:']);
    const again = await child.hear('health', ({ health }) => health.last?.code === 'L4OK');
    expect(again.health.healthy).toBe(true);
  });
});

describe('privileges', () => {
  test('are gone before the first probe, though the code is not readable any more', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'vipward-0700-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const copy = join(directory, 'checkout');
    mkdirSync(join(copy, 'node_modules'), { recursive: true });
    for (const path of ['package.json', 'src', 'test/process/checker', 'node_modules/undici']) {
      cpSync(join(root, path), join(copy, path), { recursive: true });
    }
    chmodSync(copy, 0o700);
    const { port } = await realServer((socket) => socket.once('data', () => socket.end(ANSWER)));
    const child = startChecker(NOBODY, join(copy, 'test/process/checker/entry.ts'));
    await child.hear('ready');
    expect(statusOf(child.pid, 'Uid')).toBe('65534\t65534\t65534\t65534');
    expect(statusOf(child.pid, 'Gid')).toBe('65534\t65534\t65534\t65534');
    expect(statusOf(child.pid, 'Groups')?.trim()).toBe('');
    for (const set of ['CapEff', 'CapPrm', 'CapAmb']) expect(statusOf(child.pid, set)).toMatch(/^0+$/);
    // Every kind of probe: what is loaded late would fail here.
    const verified = http({ tls: { verify: true }, host: 'www.example.org' });
    const checks = { tcp: TCP, http: http(), https: http({ tls: { verify: false } }), verified };
    const targets = Object.entries(checks).map(([id, check]) => target(port, quick(check), id));
    child.send({ type: 'targets', targets, health: {} });
    const codeOf = async (id: string) =>
      (await child.hear('health', (news) => news.id === id)).health.last?.code;
    expect(await Promise.all(Object.keys(checks).map(codeOf))).toEqual(['L4OK', 'L7OK', 'L6RSP', 'L6RSP']);
  });

  test.each([
    ['half a request', { VIPWARD_CHECKER_UID: '65534' }, /VIPWARD_CHECKER_GID is not set/],
    ['root', { ...NOBODY, VIPWARD_CHECKER_UID: '0' }, /VIPWARD_CHECKER_UID is 0/],
  ])('a request for %s ends the process, with the reason', async (_name, environment, reason) => {
    const child = startChecker(environment);
    expect((await child.hear('log', ({ level }) => level === 'error')).message).toMatch(reason);
    expect(await child.ended).toBe(1);
    expect(child.heard.map(({ type }) => type)).not.toContain('ready');
  });

  test('that cannot be dropped end the process, with the reason', async () => {
    // As under a unit that forgets CAP_SETUID.
    const child = startChecker(NOBODY, ENTRY, ['setpriv', '--bounding-set', '-setuid']);
    const line = await child.hear('log', ({ level }) => level === 'error');
    expect(line.message).toMatch(
      /^the checker cannot start: could not become uid 65534, gid 65534: .*CAP_SETUID/,
    );
    expect(await child.ended).toBe(1);
    expect(child.heard.map(({ type }) => type)).not.toContain('ready');
  });

  test('nobody asked to drop are a warning', async () => {
    const child = startChecker();
    await child.hear('ready');
    const line = await child.hear('log', ({ level }) => level === 'warn');
    expect(line.message).toBe('the checker runs as root: no user was given to run as');
  });
});
