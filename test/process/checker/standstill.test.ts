/** A checker that stands still (no processor, a paused machine) while probes are under way, and goes on. */
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Check } from '../../../src/model/check.ts';
import { milliseconds } from '../../../src/model/units.ts';
import { http, realServer, TCP, target } from '../../unit/checker/targets.ts';
import { type CheckerChild, checking } from './child.ts';

/** What answers at once has all the time that it needs on a busy machine. */
const TIMEOUT = milliseconds(3_000);
const LONGER = TIMEOUT + 500;
const GOOD = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi';
const often = (check: Check): Check => ({
  ...check,
  interval: milliseconds(100),
  connectTimeout: TIMEOUT,
  timeout: TIMEOUT,
});

/** A real server that answers at once, unless somebody waits for its next question. */
async function askedServer() {
  let waiting: ((socket: Socket) => void) | undefined;
  const { port } = await realServer((socket) =>
    socket.once('data', () => {
      if (waiting === undefined) socket.end(GOOD);
      else waiting(socket);
      waiting = undefined;
    }),
  );
  const question = (): Promise<Socket> =>
    new Promise((resolve) => {
      waiting = resolve;
    });
  return { port, question };
}

const verdictsOn = (id: string, { heard }: CheckerChild) =>
  heard.flatMap((message) =>
    message.type === 'health' && message.id === id ? [message.health.healthy] : [],
  );

test('no real server is down because the checker stood still, and one that is down is found so', async () => {
  const [patient, impatient] = [await askedServer(), await askedServer()];
  const { port } = await realServer(() => {});
  const child = await checking(
    [
      target(patient.port, often(http()), 'patient'),
      target(impatient.port, often(http()), 'impatient'),
      target(port, often(TCP), 'tcp'),
      target(port, often(http()), 'silent'),
    ],
    { silent: { healthy: true, against: 0, last: undefined } },
  );
  const servers = ['patient', 'impatient', 'tcp'];
  for (const server of servers)
    await child.hear('health', ({ id, health }) => id === server && !!health.healthy);
  const questions = await Promise.all([patient.question(), impatient.question()]);
  child.process.kill('SIGSTOP');
  // One has answered meanwhile, the other one has given up on us.
  questions[0].end(GOOD);
  questions[1].resetAndDestroy();
  await delay(LONGER);
  child.process.kill('SIGCONT');
  await child.hear('health', ({ id, health }) => id === 'silent' && health.healthy === false);
  for (const server of servers) expect(verdictsOn(server, child)).toEqual([true]);
});
