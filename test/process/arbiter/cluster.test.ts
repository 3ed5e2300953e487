/** Several endpoints as one, where some of them are away. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { Cluster } from '../../../src/manager/arbiter/cluster.ts';
import type { Arbiter } from '../../../src/model/guard.ts';
import { seconds } from '../../../src/model/units.ts';

/** Answers everything with its own number. */
async function startEndpoint(number: number) {
  const server = createServer((_, response) => void response.end(JSON.stringify({ number })));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

const arbiterOf = (...[first = '', ...others]: readonly string[]): Arbiter => ({
  etcd: [first, ...others],
  lease: seconds(5),
  prefix: '/vipward/',
  directors: 2,
  caFile: undefined,
  certFile: undefined,
  keyFile: undefined,
  login: undefined,
});

it('asks each endpoint once for each of many requests that fail together at the first', async () => {
  const [gone, there] = [await startEndpoint(0), await startEndpoint(1)];
  gone.server.close();
  await once(gone.server, 'close');
  const { signal } = new AbortController();
  for (const many of [1, 4, 7]) {
    const cluster = new Cluster(arbiterOf(gone.url, there.url), () => undefined);
    onTestFinished(() => cluster.close());
    const answers = await Promise.all(
      Array.from({ length: many }, () => cluster.call('kv/range', {}, signal)),
    );
    expect(answers).toEqual(answers.map(() => ({ number: 1 })));
    expect(cluster.status).toEqual({ reachable: true, endpoint: there.url, error: undefined });
  }
});
