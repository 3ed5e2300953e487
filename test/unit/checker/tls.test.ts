/** HTTPS probes against real TLS servers on loopback, with certificates made for the test. */
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { probeTarget } from '../../../src/checker/probe.ts';
import { systemTime } from '../../../src/checker/time.ts';
import type { CheckResult, HttpProbe } from '../../../src/model/check.ts';
import { type Certificate, makeCertificate } from './certificate.ts';
import { createFakeTime } from './fake-time.ts';
import { http, realServer, target } from './targets.ts';

let made: Certificate;
beforeAll(() => {
  made = makeCertificate('www.example.org');
});
afterAll(() => made.remove());

const probe = (port: number, options: Partial<HttpProbe>, time = systemTime): Promise<CheckResult> =>
  probeTarget(target(port, http({ tls: { verify: false }, ...options })), new AbortController().signal, time);
const said = ({ good, code, text }: CheckResult): string => `${good ? 'good' : 'bad'} ${code} ${text}`;

/** An HTTPS server, and the server names (SNI) that it was asked for. */
async function httpsServer(): Promise<{
  port: number;
  names: (string | false | null)[];
}> {
  const names: (string | false | null)[] = [];
  const server = createHttps({ key: made.key, cert: made.cert }, (_request, response) => response.end('hi'));
  server.on('secureConnection', (socket) =>
    names.push('servername' in socket ? (socket.servername as string | false) : null),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, names };
}

describe('https', () => {
  test('any certificate will do where it is not verified; the name is sent, an address never', async () => {
    const { port, names } = await httpsServer();
    expect(said(await probe(port, { host: 'www.example.org' }))).toBe('good L7OK status 200');
    expect(said(await probe(port, {}))).toBe('good L7OK status 200');
    expect(names).toEqual(['www.example.org', false]);
  });

  test('the connection ends with RST, as one without TLS does', async () => {
    const { port } = await httpsServer();
    const relay = await realServer((socket) => {
      const upstream = connect(port, '127.0.0.1');
      socket.on('close', () => upstream.destroy());
      socket.pipe(upstream).pipe(socket);
    });
    expect(said(await probe(relay.port, {}))).toBe('good L7OK status 200');
    expect(await relay.ending).toBe('ECONNRESET');
  });

  test('a certificate that nobody vouches for is refused where it is verified', async () => {
    const { port } = await httpsServer();
    expect(said(await probe(port, { tls: { verify: true }, host: 'www.example.org' }))).toBe(
      'bad L6RSP certificate refused: self-signed certificate',
    );
  });

  test.each([
    ['an answer in plain HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'bad L6RSP the answer is not TLS'],
    ['an end instead of an answer', '', 'bad L6RSP connection closed during the TLS handshake'],
    ['a fatal alert', '\x15\x03\x03\x00\x02\x02\x28', /^bad L6RSP TLS handshake failed: .*handshake failure/],
    ['half a record', '\x16\x03\x03\x40\x00\x02', 'bad L6RSP connection closed during the TLS handshake'],
  ])('%s', async (_name, answer, verdict) => {
    const { port } = await realServer((socket) => socket.once('data', () => socket.end(answer, 'latin1')));
    const text = said(await probe(port, {}));
    if (typeof verdict === 'string') expect(text).toBe(verdict);
    else expect(text).toMatch(verdict);
  });

  test('half a handshake ends with the time-out', async () => {
    const time = createFakeTime();
    const asked = Promise.withResolvers<void>();
    const server = await realServer((socket) =>
      socket.once('data', () => {
        // The beginning of a ServerHello, and then nothing.
        socket.write('\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03', 'latin1');
        asked.resolve();
      }),
    );
    const pending = probe(server.port, {}, time);
    await asked.promise;
    time.advance(2000);
    expect(said(await pending)).toBe('bad L6TOUT TLS handshake not finished after 2s');
    expect(await server.ending).toBe('ECONNRESET');
  });
});
