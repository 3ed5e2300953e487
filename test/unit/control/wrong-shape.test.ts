/** What the control socket says to a request that is not what it should be: what, where, and what to do. */
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SOCKET_NAME } from '../../../src/control/api.ts';
import { type ControlServer, serveControl } from '../../../src/control/server.ts';
import { handlers, temporaryDirectory } from './sample-handlers.ts';

const directory = temporaryDirectory();
const socketPath = join(directory.path, SOCKET_NAME);
let server: ControlServer;
beforeAll(async () => {
  server = await serveControl(socketPath, handlers());
});
afterAll(async () => {
  await server.close();
  directory.remove();
});

interface Answer {
  readonly status: number | undefined;
  readonly body: { readonly error?: string };
}

function ask(method: string, path: string, body: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method, path, agent: false }, async (response) => {
      resolve({ status: response.statusCode, body: JSON.parse(await text(response)) });
    });
    asked.once('error', reject).end(body);
  });
}

const DRAIN = { service: 'web', server: '10.1.1.2:80', action: 'drain' };

test.each<[string, unknown, string]>([
  [
    'override',
    { ...DRAIN, service: undefined },
    'the field "service" is missing: it must be the name of a service, a text',
  ],
  [
    'override',
    { ...DRAIN, server: 7 },
    'the field "server" is 7: it must be a real server of it such as 10.1.1.2:80',
  ],
  [
    'override',
    { ...DRAIN, action: 'dance' },
    'the field "action" is "dance": it must be one of drain, disable, enable, weight',
  ],
  [
    'override',
    { ...DRAIN, timout: 5 },
    'there is no field "timout" in this request, only "service", "server", "action", "weight" (optional)',
  ],
  [
    'override',
    { ...DRAIN, timeout: '5m' },
    'the field "timeout" is "5m": it must be milliseconds that a drain waits, a whole number from 0 to 31536000000',
  ],
  [
    'override',
    { ...DRAIN, weight: 5 },
    'the field "weight" goes with the action weight alone, not with drain',
  ],
  [
    'override',
    { ...DRAIN, action: 'weight' },
    'the field "weight" is missing: it must be the weight, a whole number from 0 to 2147483647',
  ],
  ['override', { ...DRAIN, action: 'weight', weight: 2 ** 31 }, 'the field "weight" is 2147483648'],
  [
    'override',
    { ...DRAIN, action: 'enable', timeout: 5 },
    'the field "timeout" goes with the action drain alone, not with enable',
  ],
  [
    'override',
    { ...DRAIN, reason: null },
    'the field "reason" is null: it must be why, a text of up to 4096 characters',
  ],
  [
    'override',
    [DRAIN],
    'the body is [{"service":"web","server":"10.1.1.2:80","action":"drain"}], not an object with',
  ],
  [
    'handover',
    {},
    'the field "names" is missing: it must be a list of up to 10000 names of virtual routers; empty: all',
  ],
  ['handover', { names: ['web', 1] }, 'the field "names" is ["web",1]: it must be a list'],
  ['handover', { names: [], stayDown: 'yes' }, 'the field "stayDown" is "yes": it must be true or false'],
  ['resume', { names: 'web' }, 'the field "names" is "web": it must be a list'],
  ['plan', { file: 'a' }, 'the field "text" is missing: it must be the contents of the file'],
  ['plan', 'x'.repeat(200), `the body is "${'x'.repeat(79)}…, not an object with "file", "text"`],
])('%s with %j', async (name, document, error) => {
  const answer = await ask('POST', `/v1/${name}`, JSON.stringify(document));
  expect(answer).toEqual({ status: 400, body: { error: expect.stringContaining(error) } });
});

test.each([
  ['GET', '/v1/override', 405, '/v1/override wants POST, not GET'],
  ['DELETE', '/v1/status', 405, '/v1/status wants GET, not DELETE'],
  ['GET', '/', 404, 'there is no /, only /v1/status, /v1/plan'],
  ['GET', '/v1/constructor', 404, 'there is no /v1/constructor'],
])('%s %s is %i', async (method, path, status, error) => {
  expect(await ask(method, path, '')).toEqual({ status, body: { error: expect.stringContaining(error) } });
});

const PATHS = ['override', 'handover', 'resume', 'plan'].map((name) => `/v1/${name}`);
/** Fields that the requests have, with anything in them. */
const nearly = fc.dictionary(
  fc.constantFrom(
    'service',
    'server',
    'action',
    'weight',
    'timeout',
    'names',
    'stayDown',
    'file',
    'text',
    '__proto__',
  ),
  fc.oneof(fc.jsonValue(), fc.constantFrom('drain', 'weight', 'enable', '10.1.1.2:80', [], true, 1)),
);

test('whatever else comes is carried out or refused in words, never with a trace of the program', async () => {
  const bodies = fc.oneof(
    nearly.map((each) => JSON.stringify(each)),
    fc.json(),
    fc.string(),
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...PATHS), bodies, async (path, body) => {
      const { status, body: answer } = await ask('POST', path, body);
      if (status === 200) return;
      expect(status).toBe(400);
      expect(answer.error).toMatch(/^(?:the body is |the field "|there is no field ")/);
      expect(answer.error).not.toMatch(/\n\s+at |TypeError|\.ts:|\.js:/);
      expect(answer.error?.length).toBeLessThan(600);
    }),
    { numRuns: 200 },
  );
});
