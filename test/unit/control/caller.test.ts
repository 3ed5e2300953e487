import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SOCKET_NAME } from '../../../src/control/api.ts';
import { type ControlServer, serveControl } from '../../../src/control/server.ts';
import { userName } from '../../../src/sys/user-name.ts';
import { handlers, temporaryDirectory } from './sample-handlers.ts';

/** The overflow user: in every /etc/passwd, as nobody. */
const NOBODY = 65_534;
/** In nobody's /etc/passwd. */
const STRANGER = 54_321;

const directory = temporaryDirectory();
const socket = join(directory.path, SOCKET_NAME);
/** Who asked, as the manager was told. */
const asked: string[] = [];
let server: ControlServer;

beforeAll(async () => {
  const { override } = handlers();
  server = await serveControl(
    socket,
    handlers({
      override: async (request) => {
        asked.push(request.by);
        return override(request);
      },
    }),
  );
  // As an administrator might, for a group of operators.
  chmodSync(directory.path, 0o755);
  chmodSync(socket, 0o666);
});
afterAll(async () => {
  await server.close();
  directory.remove();
});

/** What the daemon takes the user `uid` for who asks for a drain; `claims` is in the request beside that. */
async function takenFor(uid: number, claims: Readonly<Record<string, string>>): Promise<string | undefined> {
  const body = JSON.stringify({ service: 'web', server: '10.1.1.2:80', action: 'drain', ...claims });
  const client = spawn('socat', ['-t', '0.01', '-', `UNIX-CONNECT:${socket}`], {
    ...{ uid, gid: uid, cwd: '/' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  client.stdin.write(
    `POST /v1/override HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  const [answer] = await Promise.all([text(client.stdout), once(client, 'close')]);
  expect(answer).toMatch(/^HTTP\/1.1 200 /);
  return asked.at(-1);
}

test.each([
  { uid: 0, claims: {}, by: 'root' },
  { uid: 0, claims: { sudoUser: 'ada' }, by: 'ada by sudo' },
  { uid: 0, claims: { sudoUser: '' }, by: 'root' },
  { uid: 0, claims: { sudoUser: 'root' }, by: 'root' },
  { uid: NOBODY, claims: {}, by: 'nobody' },
  { uid: NOBODY, claims: { sudoUser: 'ada' }, by: 'nobody' },
  { uid: NOBODY, claims: { sudoUser: 'root' }, by: 'nobody' },
  { uid: STRANGER, claims: { sudoUser: 'root' }, by: 'uid 54321' },
])('the user $uid who claims $claims is $by', async ({ uid, claims, by }) => {
  expect(await takenFor(uid, claims)).toBe(by);
});

test('names of users are those of the file', () => {
  const file = join(directory.path, 'passwd');
  writeFileSync(file, '# a comment\n:x:7:7::/:\nada:x:1000:1000:Ada:/home/ada:/bin/sh\nbob:x:1001:1001\n');
  expect([1000, 1001, 7, 0].map((uid) => userName(uid, file))).toEqual(['ada', 'bob', undefined, undefined]);
  expect(userName(0, directory.path)).toBeUndefined();
  expect(userName(0)).toBe('root');
});
