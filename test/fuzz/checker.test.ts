/** Whatever a real server sends, a probe gives a result: no exception, no hang. */
import { type AddressInfo, createServer, type Server } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { probeTarget } from '../../src/checker/probe.ts';
import { systemTime } from '../../src/checker/time.ts';
import type { CheckResult } from '../../src/model/check.ts';
import { http, target } from '../unit/checker/targets.ts';

let server: Server;
let port: number;
/** What the real server sends to the next connections, one write each, before it closes. */
let answer: readonly Uint8Array[] = [];

beforeAll(async () => {
  server = createServer((socket) => {
    socket.on('error', () => {});
    // After the request or a ClientHello, which makes it an answer.
    socket.once('data', () => {
      for (const chunk of answer) socket.write(chunk);
      socket.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => void server.close());

async function probed(chunks: readonly Uint8Array[], tls: boolean): Promise<CheckResult> {
  answer = chunks;
  const check = http({ tls: tls ? { verify: false } : undefined });
  return probeTarget(target(port, check), new AbortController().signal, systemTime);
}

const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const bytes = fc.uint8Array({ maxLength: 300 });
const headLine = fc.oneof(
  fc.constantFrom(
    'Content-Length: 5',
    'Content-Length: -1',
    'Content-Length: 99999999999999999999',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: chunked, gzip',
    'Connection: upgrade',
    'Upgrade: websocket',
    'Keep-Alive: timeout=0',
    ' folded',
    ':',
    '',
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
);
const statusLine = fc
  .tuple(
    fc.constantFrom('HTTP/1.1', 'HTTP/1.0', 'HTTP/2', 'HTTP/0.9', 'ICE/1.0'),
    fc.nat({ max: 1100 }),
    fc.string({ maxLength: 10 }),
  )
  .map(([version, status, reason]) => `${version} ${status} ${reason}`);
/** Nearly HTTP: heads with odd lines, one after the other, cut anywhere. */
const nearlyHttp = fc
  .tuple(
    fc.array(fc.tuple(statusLine, fc.array(headLine, { maxLength: 5 })), { minLength: 1, maxLength: 3 }),
    bytes,
    fc.nat({ max: 400 }),
  )
  .map(([heads, body, cut]) => {
    const text = heads.map(([status, lines]) => `${[status, ...lines].join('\r\n')}\r\n\r\n`).join('');
    const all = Buffer.concat([latin1(text), body]);
    return [all.subarray(0, cut), all.subarray(cut)];
  });
/** TLS records of every kind around random bytes. */
const nearlyTls = fc
  .tuple(fc.constantFrom(20, 21, 22, 23, 24), fc.constantFrom(0x301, 0x303, 0x304, 0x1234), bytes)
  .map(([kind, version, body]) => [
    Uint8Array.of(kind, version >> 8, version & 255, body.length >> 8, body.length & 255),
    body,
  ]);

const CODES_WITHOUT_TLS = ['L7OK', 'L7STS', 'L7RSP', 'L4CON'];

test('random bytes as an HTTP answer', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(bytes, { maxLength: 4 }), async (chunks) => {
      const { code, text } = await probed(chunks, false);
      expect(CODES_WITHOUT_TLS).toContain(code);
      expect(text.length).toBeGreaterThan(0);
      expect(text.length).toBeLessThanOrEqual(160);
    }),
    { numRuns: 300 },
  );
});

test('nearly HTTP', async () => {
  await fc.assert(
    fc.asyncProperty(nearlyHttp, async (chunks) => {
      const { code, text, good } = await probed(chunks, false);
      expect(CODES_WITHOUT_TLS).toContain(code);
      expect(good).toBe(code === 'L7OK');
      expect(text.length).toBeLessThanOrEqual(160);
    }),
    { numRuns: 500 },
  );
});

test('random bytes and records as a TLS handshake', async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.array(bytes, { maxLength: 3 }), nearlyTls), async (chunks) => {
      const { code, text } = await probed(chunks, true);
      expect(['L6RSP', 'L4CON']).toContain(code);
      expect(text.length).toBeLessThanOrEqual(160);
    }),
    { numRuns: 300 },
  );
});
