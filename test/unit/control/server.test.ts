import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { MAX_BODY, SOCKET_NAME } from '../../../src/control/api.ts';
import { type ControlServer, serveControl } from '../../../src/control/server.ts';
import { handlers, temporaryDirectory } from './sample-handlers.ts';

const directory = temporaryDirectory();
let path = '';
let server: ControlServer;
let running = 0;

beforeEach(async () => {
  path = join(directory.path, `${running++}`, SOCKET_NAME);
  server = await serveControl(path, handlers());
});
afterEach(async () => {
  await server.close();
});
afterAll(directory.remove);

interface Answer {
  readonly status: number | undefined;
  readonly allow: string | undefined;
  readonly body: unknown;
}

function ask(method: string, url: string, body: string | Uint8Array = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: path, method, path: url, agent: false }, async (response) => {
      const body = JSON.parse(await text(response)) as unknown;
      resolve({ status: response.statusCode, allow: response.headers.allow, body });
    });
    asked.once('error', reject).end(body);
  });
}

/** Sends raw bytes and resolves with all that comes back until the server hangs up. */
function sendRaw(bytes: Uint8Array | string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(path);
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      answer += chunk;
    });
    // The server may well hang up while we are still writing.
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
    socket.end(bytes);
  });
}

describe('routes', () => {
  test('hand requests to the handlers', async () => {
    expect(await ask('GET', '/v1/status')).toMatchObject({ status: 200, body: { director: 'lvs1' } });
    expect(await ask('POST', '/v1/plan', '{"file":"a.yaml","text":"é: 1"}')).toMatchObject({
      status: 200,
      body: { addresses: ['a.yaml'], table: ['é: 1'] },
    });
    expect(await ask('POST', '/v1/reload')).toMatchObject({ status: 200, body: { applied: true } });
    expect(await ask('POST', '/v1/handover', '{"names":["web"]}')).toMatchObject({
      status: 200,
      body: { outcomes: [{ name: 'web', outcome: 'handed-over', reason: 'does not' }] },
    });
    expect(await ask('POST', '/v1/resume', '{"names":["web"]}')).toMatchObject({
      status: 200,
      body: { restored: ['web'] },
    });
  });

  test('ignore a query', async () => {
    expect(await ask('GET', '/v1/status?pretty')).toMatchObject({ status: 200 });
  });

  test.each(['/', '/v1', '/v1/status/', '/__proto__', '/constructor', '//', '*'])(
    'there is no %s',
    async (url) => {
      expect(await ask('GET', url)).toMatchObject({
        status: 404,
        body: { error: expect.stringContaining(url) },
      });
    },
  );

  test.each([
    ['POST', '/v1/status', 'GET'],
    ['GET', '/v1/plan', 'POST'],
    ['DELETE', '/v1/reload', 'POST'],
    ['GET', '/v1/handover', 'POST'],
    ['PUT', '/v1/resume', 'POST'],
  ])('%s %s is refused, and %s is offered', async (method, url, allow) => {
    expect(await ask(method, url)).toMatchObject({ status: 405, allow });
  });
});

describe('bodies', () => {
  test.each([
    ['nothing', ''],
    ['no JSON', '{bad'],
    ['no UTF-8', Uint8Array.of(0x22, 0xff, 0x22)],
    ['null', 'null'],
    ['a list', '[]'],
    ['no text', '{"file":"a"}'],
    ['a text that is none', '{"file":"a","text":1}'],
  ])('%s is a bad request', async (_, body) => {
    expect(await ask('POST', '/v1/plan', body)).toMatchObject({
      status: 400,
      body: { error: expect.any(String) },
    });
  });

  test.each([
    ['/v1/handover', 'null'],
    ['/v1/handover', '{"stayDown":true}'],
    ['/v1/handover', '{"names":"web"}'],
    ['/v1/handover', '{"names":[1]}'],
    ['/v1/handover', '{"names":[],"stayDown":"yes"}'],
    ['/v1/handover', JSON.stringify({ names: Array(10_001).fill('') })],
    ['/v1/resume', '[]'],
    ['/v1/resume', '{"names":null}'],
  ])('%s with %.60s is a bad request', async (url, body) => {
    expect(await ask('POST', url, body)).toMatchObject({ status: 400, body: { error: expect.any(String) } });
  });

  test('of the largest size pass, one byte more is refused with an answer', async () => {
    const frame = '{"file":"","text":""}'.length;
    const largest = `{"file":"","text":"${'x'.repeat(MAX_BODY - frame)}"}`;
    expect(await ask('POST', '/v1/plan', largest)).toMatchObject({ status: 200 });
    expect(await ask('POST', '/v1/plan', `${largest} `)).toMatchObject({ status: 413 });
  });
});

test('a handler that fails is a 500 with its message and a line in the log, and nothing worse', async () => {
  const lines: unknown[] = [];
  await server.close();
  server = await serveControl(
    path,
    handlers({
      status: async () => {
        throw new Error('the vrrp process does not answer');
      },
    }),
    (...line) => lines.push(line),
  );
  expect(await ask('GET', '/v1/status')).toMatchObject({
    status: 500,
    body: { error: 'the vrrp process does not answer' },
  });
  expect(lines).toEqual([['error', 'control request failed', expect.anything()]]);
  expect(await ask('POST', '/v1/reload')).toMatchObject({ status: 200 });
});

describe('hostile clients', () => {
  const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length));

  test('that send random bytes get an end, and others their answers', async () => {
    for (let i = 0; i < 200; i++) await sendRaw(random(1 + (i % 50) * 97));
    expect(await ask('GET', '/v1/status')).toMatchObject({ status: 200 });
  });

  test('that cut or alter a request anywhere get an end, and others their answers', async () => {
    const whole = Buffer.from(
      'POST /v1/plan HTTP/1.1\r\nHost: x\r\nContent-Length: 22\r\nConnection: close\r\n\r\n{"file":"a","text":"b"}',
    );
    for (let i = 0; i < whole.length; i++) {
      await sendRaw(whole.subarray(0, i));
      const altered = Buffer.from(whole);
      altered[i] = random(1)[0] ?? 0;
      await sendRaw(altered);
    }
    expect(await ask('GET', '/v1/status')).toMatchObject({ status: 200 });
  });

  test.each([
    ['a header without end', `GET /v1/status HTTP/1.1\r\nX: ${'y'.repeat(100_000)}`, '431'],
    ['no HTTP', 'status\r\n\r\n', '400'],
    ['a length that is none', 'POST /v1/plan HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n', '400'],
  ])('%s', async (_, bytes, status) => {
    expect(await sendRaw(bytes)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  test('that come in crowds and say nothing are turned away, and room comes back', async () => {
    await server.close();
    const said: string[] = [];
    server = await serveControl(path, handlers(), (_level, message) => void said.push(message));
    const crowd: Socket[] = [];
    const closed: Promise<void>[] = [];
    onTestFinished(() => crowd.forEach((socket) => void socket.destroy()));
    // 64 may stay; the sixty-fifth and later are hung up on.
    for (let i = 0; i < 80; i++) {
      const socket = connect(path);
      socket.on('error', () => undefined);
      crowd.push(socket);
      closed.push(new Promise((resolve) => socket.once('close', () => resolve())));
    }
    await Promise.all(closed.slice(64));
    expect(said).toEqual(['control socket: 64 clients are there, others are turned away']);
    const gone = closed.slice(0, 64);
    for (const socket of crowd) socket.destroy();
    await Promise.all(gone);
    await expect.poll(() => ask('GET', '/v1/status').catch(() => undefined)).toMatchObject({ status: 200 });
  });
});

describe('clients that make the daemon keep things', () => {
  test('with large bodies that do not end leave no room for more, and give it back when they go', async () => {
    const head = `POST /v1/plan HTTP/1.1\r\nHost: x\r\nContent-Length: ${MAX_BODY}\r\n\r\n`;
    const unfinished = Buffer.concat([Buffer.from(head), Buffer.alloc(MAX_BODY - 1, ' ')]);
    const sent = Array.from({ length: 4 }, async () => {
      const socket = connect(path);
      onTestFinished(() => void socket.destroy());
      await new Promise((resolve) => socket.write(unfinished, resolve));
      return socket;
    });
    const sockets = await Promise.all(sent);
    const large = `{"file":"","text":"${'x'.repeat(MAX_BODY / 4)}"}`;
    expect(await ask('POST', '/v1/plan', large)).toMatchObject({ status: 503 });
    expect(await ask('GET', '/v1/status')).toMatchObject({ status: 200 });
    for (const socket of sockets) socket.destroy();
    await expect.poll(() => ask('POST', '/v1/plan', large)).toMatchObject({ status: 200 });
  });

  test('by asking over and over without waiting get one answer', async () => {
    let asked = 0;
    const many = `${path}.many`;
    const other = await serveControl(many, {
      ...handlers(),
      reload: () => {
        asked++;
        return handlers().reload();
      },
    });
    onTestFinished(() => other.close());
    const client = connect(many);
    client.resume();
    client.end('POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n'.repeat(1000));
    await new Promise((resolve) => client.once('error', resolve).once('close', resolve));
    expect(asked).toBe(1);
  });
});

describe('the socket', () => {
  test('may be used by owner and group only, whatever the umask', async () => {
    expect(statSync(path).mode & 0o777).toBe(0o660);
    const before = process.umask(0);
    onTestFinished(() => void process.umask(before));
    const other = await serveControl(`${path}.2`, handlers());
    expect(statSync(`${path}.2`).mode & 0o777).toBe(0o660);
    expect(process.umask()).toBe(0);
    await other.close();
  });

  test('is gone after close, and close can be waited for with a client connected', async () => {
    const idle = connect(path);
    await new Promise((resolve) => idle.once('connect', resolve));
    const ended = new Promise((resolve) => idle.once('close', resolve));
    idle.resume();
    await server.close();
    await ended;
    expect(existsSync(path)).toBe(false);
  });

  test('of a daemon that is alive is left to it', async () => {
    await expect(serveControl(path, handlers())).rejects.toThrow(`another vipward answers on ${path}`);
    expect(await ask('GET', '/v1/status')).toMatchObject({ status: 200 });
  });

  test('is not made over a file that is none', async () => {
    const file = `${path}.file`;
    writeFileSync(file, 'precious');
    await expect(serveControl(file, handlers())).rejects.toThrow(`${file} is in the way and is no socket`);
    expect(readFileSync(file, 'utf8')).toBe('precious');
  });

  test('with a path that Linux would cut is refused with the limit', async () => {
    const long = join(directory.path, 'd'.repeat(120), SOCKET_NAME);
    await expect(serveControl(long, handlers())).rejects.toThrow(
      /has \d+ bytes and Linux takes 107: .*--runtime-dir/,
    );
  });

  test('of the longest path works', async () => {
    const longest = join(directory.path, 'x'.repeat(107 - directory.path.length - 1));
    const other = await serveControl(longest, handlers());
    expect(existsSync(longest)).toBe(true);
    await other.close();
  });
});
