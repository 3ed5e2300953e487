/** What answers in etcd's place may be anything. */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Cluster } from '../../../src/manager/arbiter/cluster.ts';
import { EtcdOverHttp } from '../../../src/manager/arbiter/etcd.ts';
import { arbiterOf } from './director.ts';

const signal = new AbortController().signal;
/** In ms: longer than an endpoint may take to answer here. */
const STANDSTILL = 1_000;
const HEADER = { revision: '5', raft_term: '2' };

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

const etcdAt = (...urls: [string, ...string[]]) => {
  const lines: string[] = [];
  const cluster = new Cluster({ ...arbiterOf([]), etcd: urls }, (level, message) =>
    lines.push(`${level} ${message}`),
  );
  onTestFinished(() => cluster.close());
  return { etcd: new EtcdOverHttp(cluster), cluster, lines };
};

describe('answers that are none', () => {
  it.each<[string, RequestListener, RegExp]>([
    [
      'another server',
      (_, answer) => answer.writeHead(404).end('Not Found'),
      /404, not an answer of etcd's: Not Found/,
    ],
    ['nothing', (_, answer) => answer.end(), /an empty answer/],
    ['half of one', (_, answer) => answer.end('{"header":{"revi'), /not an answer of etcd's/],
    ['a number', (_, answer) => answer.end('3'), /expected object|not an answer/i],
    ['null', (_, answer) => answer.end('null'), /not an answer of etcd's/],
    ['numbers that are none', (_, answer) => answer.end('{"header":{"revision":"x"}}'), /revision/],
    ['no end', (_, answer) => void answer.write('x'.repeat(300_000)), /more than 262144 characters/],
    ['silence', () => undefined, /no answer within/],
    ['a closed connection', (request) => request.socket.destroy(), /socket hang up/],
    [
      'one cut short',
      (_, answer) =>
        void answer.writeHead(200, { 'content-length': '99' }).write('{', () => answer.destroy()),
      /aborted/,
    ],
  ])('%s', async (_, listener, message) => {
    const { etcd } = etcdAt(await serve(listener));
    await expect(etcd.read('key', signal)).rejects.toThrow(message);
  });

  it('an error of a stream, and a lease that is gone', async () => {
    const gone = { error: { grpc_code: 5, http_code: 404, message: 'requested lease not found' } };
    const { etcd } = etcdAt(await serve((_, answer) => answer.end(JSON.stringify(gone))));
    await etcd.revoke('7', signal);
    await expect(etcd.keepAlive('7', signal)).rejects.toThrow('requested lease not found');
    const none = JSON.stringify({ result: { header: HEADER, ID: '7' } });
    const other = etcdAt(await serve((_, answer) => answer.end(none)));
    expect(await other.etcd.keepAlive('7', signal)).toBeUndefined();
  });
});

it('an answer that came while this process stood still is one', async () => {
  const url = await serve((_, answer) => {
    answer.end(JSON.stringify({ header: HEADER }));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STANDSTILL);
  });
  expect(await etcdAt(url).etcd.read('key', signal)).toMatchObject({ entry: undefined });
});

describe('several endpoints', () => {
  it('are tried in turn, and the one that answered is asked first from then on', async () => {
    const asked: string[] = [];
    const broken = await serve((_, answer) => {
      asked.push('broken');
      answer.writeHead(503).end('{}');
    });
    const sound = await serve((_, answer) => {
      asked.push('sound');
      answer.end(JSON.stringify({ header: HEADER }));
    });
    const { etcd, cluster, lines } = etcdAt(broken, 'http://127.0.0.1:1', sound);
    expect(await etcd.read('key', signal)).toEqual({ entry: undefined, revision: '5', term: '2' });
    await etcd.read('key', signal);
    expect(asked).toEqual(['broken', 'sound', 'sound']);
    expect(cluster.status).toEqual({ reachable: true, endpoint: sound, error: undefined });
    expect(lines).toEqual([]);
  });

  it('that all fail are told of once', async () => {
    const { etcd, cluster, lines } = etcdAt('http://127.0.0.1:1', 'http://127.0.0.1:2');
    for (let count = 0; count < 3; count++)
      await expect(etcd.read('key', signal)).rejects.toThrow('ECONNREFUSED');
    expect(lines).toEqual([expect.stringMatching(/^warn no endpoint of etcd answers: .*ECONNREFUSED/)]);
    expect(cluster.status.reachable).toBe(false);
  });
});

describe('a watch', () => {
  it('ends with the first change, at the end of the stream, and when nobody wants it any more', async () => {
    const event = JSON.stringify({ result: { header: HEADER, events: [{ type: 'DELETE' }] } });
    const created = JSON.stringify({ result: { header: HEADER, created: true } });
    const change = etcdAt(await serve((_, answer) => void answer.write(`${created}\n${event}\n`)));
    expect(await change.etcd.changed('key', '5', signal)).toBe(true);
    const end = etcdAt(await serve((_, answer) => answer.end(`${created}\n`)));
    expect(await end.etcd.changed('key', '5', signal)).toBe(false);
    const odd = etcdAt(await serve((_, answer) => void answer.write('{"result":{"events":7}}\n')));
    expect(await odd.etcd.changed('key', '5', signal)).toBe(false);
    const unwanted = new AbortController();
    const closed = Promise.withResolvers<void>();
    const quiet = etcdAt(
      await serve((_, answer) => {
        answer.on('close', closed.resolve).write(`${created}\n`);
        unwanted.abort();
      }),
    );
    await expect(quiet.etcd.changed('key', '5', unwanted.signal)).rejects.toThrow('no longer wanted');
    await closed.promise;
  });
});
