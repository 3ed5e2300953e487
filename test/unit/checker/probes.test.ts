/** Probes against real sockets on loopback; time stands still until a test moves it. */
import { describe, expect, test } from 'vitest';
import { hostHeader, judge, rangesText } from '../../../src/checker/http/probe.ts';
import { probeTarget } from '../../../src/checker/probe.ts';
import { systemTime } from '../../../src/checker/time.ts';
import type { Check, CheckResult, HttpProbe } from '../../../src/model/check.ts';
import { createFakeTime, settled } from './fake-time.ts';
import { http, realServer, TCP, target, writeForEver } from './targets.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi';

const probe = (port: number, check: Check, time = systemTime, signal = new AbortController().signal) =>
  probeTarget(target(port, { ...check }), signal, time);
const said = ({ good, code, text }: CheckResult): string => `${good ? 'good' : 'bad'} ${code} ${text}`;
/** What a real server that answers a request with `answer` gets for it. */
async function answered(answer: string, check = http()): Promise<string> {
  const { port } = await realServer((socket) => socket.once('data', () => socket.end(answer)));
  return said(await probe(port, check, createFakeTime()));
}
/** A port where nobody listens. */
async function closedPort(): Promise<number> {
  const { port, server } = await realServer(() => {});
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('tcp', () => {
  test('a connection that is accepted is enough, and ends with RST', async () => {
    const server = await realServer(() => {});
    expect(said(await probe(server.port, TCP))).toBe('good L4OK connected');
    expect(await server.ending).toBe('ECONNRESET');
  });

  test('refused', async () => {
    expect(said(await probe(await closedPort(), TCP))).toBe('bad L4CON connection refused');
  });

  test('no answer to the SYN: the connect time-out', async () => {
    const time = createFakeTime();
    const { port } = await realServer(() => {});
    const pending = probe(port, TCP, time);
    // Before the event loop runs: as if no SYN-ACK ever came.
    time.advance(1000);
    const result = await pending;
    expect(said(result)).toBe('bad L4TOUT connect timed out after 1s');
    expect(result.duration).toBe(1000);
    expect(time.pending()).toBe(0);
  });

  test('an abort ends the probe and its connection', async () => {
    const aborter = new AbortController();
    const asked = Promise.withResolvers<void>();
    const server = await realServer((socket) => socket.once('data', () => asked.resolve()));
    const time = createFakeTime();
    const pending = probe(server.port, http(), time, aborter.signal);
    await asked.promise;
    aborter.abort(new Error('no longer wanted'));
    await expect(pending).rejects.toThrow('no longer wanted');
    expect(await server.ending).toBe('ECONNRESET');
    expect(time.pending()).toBe(0);
  });
});

describe('http', () => {
  test('asks for the path, as the host, over a connection of its own', async () => {
    const seen = Promise.withResolvers<string>();
    const { port } = await realServer((socket) =>
      socket.once('data', (data) => {
        seen.resolve(String(data));
        socket.write(OK);
      }),
    );
    const check = http({ path: '/health?full=1', host: 'www.example.org' });
    expect(said(await probe(port, check))).toBe('good L7OK status 200');
    const [line, ...headers] = (await seen.promise).trimEnd().split('\r\n');
    expect(line).toBe('GET /health?full=1 HTTP/1.1');
    expect(headers).toContain('host: www.example.org');
    expect(headers).toContain('connection: close');
    expect(headers.find((header) => header.startsWith('user-agent: '))).toMatch(/^user-agent: vipward\/\d/);
  });

  test.each([
    ['an accepted status', OK, 'good L7OK status 200'],
    ['another status', 'HTTP/1.1 503 Busy\r\n\r\n', 'bad L7STS status 503, want 200-299'],
    [
      'a redirect, which is not followed',
      'HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n',
      'bad L7STS status 302, want 200-299',
    ],
    ['HTTP/1.0 without any header', 'HTTP/1.0 204 \r\n\r\n', 'good L7OK status 204'],
    ['interim answers first', `HTTP/1.1 103 Early Hints\r\n\r\n${OK}`, 'good L7OK status 200'],
    [
      'an upgrade',
      'HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n',
      'bad L7RSP an interim answer that was not asked for',
    ],
    ['nothing', '', 'bad L7RSP connection closed before an answer'],
    ['half a head', 'HTTP/1.1 200 OK\r\nContent-', 'bad L7RSP connection closed before an answer'],
    ['garbage', 'hello, world\r\n', 'bad L7RSP not an HTTP answer (Expected HTTP/, RTSP/ or ICE/)'],
    ['a body shorter than it says', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi', 'good L7OK status 200'],
  ])('%s', async (_name, answer, verdict) => {
    expect(await answered(answer)).toBe(verdict);
  });

  test('a server that speaks first speaks something else', async () => {
    const { port } = await realServer((socket) => socket.write('SSH-2.0-OpenSSH_9.7\r\n'));
    expect(said(await probe(port, http()))).toMatch(/^bad L7RSP /);
  });

  test('a connection that is reset instead of an answer', async () => {
    const { port } = await realServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
    expect(said(await probe(port, http()))).toBe('bad L7RSP connection reset before an answer');
  });

  test('silence ends with the time-out, and so does the connection', async () => {
    const time = createFakeTime();
    const asked = Promise.withResolvers<void>();
    const server = await realServer((socket) => socket.once('data', () => asked.resolve()));
    const pending = probe(server.port, http(), time);
    await asked.promise;
    time.advance(2000);
    expect(said(await pending)).toBe('bad L7TOUT no answer after 2s');
    expect(await server.ending).toBe('ECONNRESET');
  });

  test('a head that drips does not put the time-out off', async () => {
    const time = createFakeTime();
    const { port } = await realServer((socket) => {
      const drip = async (): Promise<void> => {
        for (const byte of 'HTTP/1.1 200 OK\r\nX-Slow: yes, very') {
          socket.write(byte);
          await settled();
          time.advance(80);
        }
      };
      socket.once('data', () => void drip());
    });
    const result = await probe(port, http(), time);
    expect(said(result)).toBe('bad L7TOUT no answer after 2s');
    expect(result.duration).toBe(2000);
  });

  test('an endless head is cut', async () => {
    const { port } = await realServer((socket) =>
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n');
        writeForEver(socket, `X-Flood: ${'x'.repeat(1000)}\r\n`);
      }),
    );
    expect(said(await probe(port, http()))).toBe(
      'bad L7RSP the head of the answer is larger than 16384 bytes',
    );
  });

  test('an endless body costs nothing: the verdict is in the head', async () => {
    const chunk = Buffer.alloc(256 * 1024);
    const server = await realServer((socket) =>
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        writeForEver(socket, chunk);
      }),
    );
    for (let i = 0; i < 50; i++) await probe(server.port, http());
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 2000; i++) {
      expect(said(await probe(server.port, http()))).toBe('good L7OK status 200');
    }
    expect(server.taken()).toBe(2050);
    expect(await server.ending).toBe('ECONNRESET');
    // The server's side is in this process too. One body kept per probe would be some hundred megabytes.
    expect(process.memoryUsage().rss - before).toBeLessThan(96 * 1024 * 1024);
    // Two thousand connections: seconds, or many of them on a machine that is busy.
  }, 120_000);
});

describe('the rules of http', () => {
  const probeOf = (probe: Partial<HttpProbe>): HttpProbe => ({
    kind: 'http',
    tls: undefined,
    path: '/',
    host: undefined,
    status: [],
    ...probe,
  });

  test('ranges are inclusive and any of them will do', () => {
    const ranges = [
      { from: 200, to: 299 },
      { from: 404, to: 404 },
    ];
    const good = [200, 299, 404].map((status) => judge({ status }, ranges).good);
    const bad = [199, 300, 403, 405].map((status) => judge({ status }, ranges).good);
    expect(good).toEqual([true, true, true]);
    expect(bad).toEqual([false, false, false, false]);
    expect(rangesText(ranges)).toBe('200-299 or 404');
  });

  test('an error that is not of the connection says nothing of the real server', () => {
    const missing = Object.assign(new Error('Cannot find module'), { code: 'MODULE_NOT_FOUND' });
    expect(judge({ error: missing }, []).code).toBe('CHKERR');
    const full = Object.assign(new Error('write ENOBUFS'), { code: 'ENOBUFS', syscall: 'write' });
    expect(judge({ error: full }, []).code).toBe('CHKERR');
    const lost = Object.assign(new Error('read EHOSTUNREACH'), { code: 'EHOSTUNREACH', syscall: 'read' });
    expect(judge({ error: lost }, [])).toEqual({ good: false, code: 'L7RSP', text: 'no route to host' });
  });

  test('the Host header is the address, with the port unless it is the usual one', () => {
    expect(hostHeader(target(80), probeOf({}))).toBe('127.0.0.1');
    expect(hostHeader(target(443), probeOf({}))).toBe('127.0.0.1:443');
    expect(hostHeader(target(443), probeOf({ tls: { verify: true } }))).toBe('127.0.0.1');
  });
});
