import { writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { type ControlHandlers, NoSuchName } from '../../../src/control/api.ts';
import { controlClient } from '../../../src/control/client.ts';
import { serveControl } from '../../../src/control/server.ts';
import { handlers, temporaryDirectory } from './sample-handlers.ts';

const directory = temporaryDirectory();
afterAll(directory.remove);
let made = 0;
const freshPath = (): string => join(directory.path, `${made++}.sock`);

async function clientOf(changes: Partial<ControlHandlers> = {}) {
  const path = freshPath();
  const server = await serveControl(path, handlers(changes));
  onTestFinished(() => server.close());
  return controlClient(path);
}

/** A server that is not vipward's. */
async function clientOfOther(listener: RequestListener, limits?: Parameters<typeof controlClient>[1]) {
  const path = freshPath();
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return controlClient(path, limits);
}

test('every request comes back with its document', async () => {
  const client = await clientOf();
  expect((await client.status()).director).toBe('lvs1');
  expect((await client.plan({ file: 'a', text: 'ü' })).table).toEqual(['ü']);
  expect((await client.reload()).changes).toEqual(['something']);
  expect((await client.handover({ names: ['web'], stayDown: true })).outcomes).toEqual([
    { name: 'web', outcome: 'handed-over', successor: '10.1.1.11', reason: 'stays down' },
  ]);
  expect((await client.resume({ names: ['web', 'db'] })).restored).toEqual(['web', 'db']);
  const drain = { service: 'web', server: '10.1.1.2:80', action: 'drain', reason: 'ü' } as const;
  expect(await client.override(drain)).toMatchObject({ service: 'web', notes: [userInfo().username, 'ü'] });
  expect(await client.overrides()).toEqual({ overrides: [] });
});

test('a plan of nearly 8 MiB passes, a larger one is refused in words', async () => {
  const client = await clientOf();
  const text = 'x'.repeat(8 * 1024 * 1024 - 100);
  expect((await client.plan({ file: 'a', text })).table).toEqual([text]);
  await expect(client.plan({ file: 'a', text: `${text}${text}` })).rejects.toThrow(
    'the daemon refused: the body is larger than 8388608 bytes',
  );
});

test('an answer that came while this process stood still is taken', async () => {
  const limit = 1_000;
  const limits = { status: limit, plan: limit, reload: limit, handover: limit, resume: limit };
  const client = await clientOfOther(
    (_, response) => {
      response.end('{ "director": "lvs1" }');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, limit + 500);
    },
    { ...limits, override: limit, overrides: limit },
  );
  expect(await client.status()).toEqual({ director: 'lvs1' });
});

describe('what an operator says', () => {
  const asked = { service: 'web', server: '10.1.1.2:80', action: 'weight', weight: 5 } as const;

  test.each([
    { weight: -1 },
    { weight: 0x80000000 },
    { weight: 1.5 },
    { weight: undefined },
    { action: 'drain' },
    { action: 'stop' },
    { timeout: 1000 },
    { action: 'drain', weight: undefined, timeout: -1 },
    { service: 7 },
    { sudoUser: 7 },
    { sudoUser: 'x'.repeat(257) },
    { reason: 'x'.repeat(4097) },
  ])('is refused with %j', async (more) => {
    const client = await clientOf();
    await expect(client.override({ ...asked, ...more } as never)).rejects.toThrow(
      'the daemon refused: the field "',
    );
  });

  test('of a name that nothing has is a 404 with advice', async () => {
    const client = await clientOf({
      override: () => Promise.reject(new NoSuchName('there is no service wbe: did you mean web?')),
    });
    await expect(client.override(asked)).rejects.toThrow(
      'the daemon refused: there is no service wbe: did you mean web?',
    );
  });
});

describe('an error says what to do', () => {
  const notRunning = (path: string) =>
    `no daemon answers on ${path}: is vipward running? See systemctl status vipward`;

  test('when there is no socket, or one without a daemon', async () => {
    const missing = freshPath();
    await expect(controlClient(missing).status()).rejects.toThrow(notRunning(missing));
    const dead = freshPath();
    writeFileSync(dead, '');
    await expect(controlClient(dead).status()).rejects.toThrow(notRunning(dead));
    await expect(controlClient(join(dead, 'below')).status()).rejects.toThrow(
      notRunning(join(dead, 'below')),
    );
  });

  test('when the path is too long for a socket', async () => {
    await expect(controlClient(`/${'x'.repeat(107)}`).status()).rejects.toThrow(
      'choose a shorter --runtime-dir',
    );
  });

  test('when the daemon fails', async () => {
    const client = await clientOf({
      reload: async () => {
        throw new Error('the vrrp process does not answer');
      },
    });
    await expect(client.reload()).rejects.toThrow('the daemon refused: the vrrp process does not answer');
  });

  test('when the daemon takes too long, before its answer or within', async () => {
    const limits = {
      status: 20,
      plan: 20,
      reload: 20,
      handover: 20,
      resume: 20,
      override: 20,
      overrides: 20,
    };
    const silent = await clientOfOther(() => undefined, limits);
    await expect(silent.status()).rejects.toThrow('has not answered within 0.02 s');
    const halting = await clientOfOther((_, response) => void response.write('{'), limits);
    await expect(halting.status()).rejects.toThrow('has not answered within 0.02 s');
  });

  test('when the daemon hangs up', async () => {
    const client = await clientOfOther((request) => void request.socket.destroy());
    await expect(client.status()).rejects.toThrow('hung up before it answered');
  });

  test('when somebody else answers', async () => {
    const client = await clientOfOther((_, response) => void response.end('<html>'));
    await expect(client.status()).rejects.toThrow("does not speak vipward's JSON");
  });
});
