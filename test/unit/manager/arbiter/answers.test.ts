/** What stands in the place of etcd may answer anything: it is refused in one line. */
import { expect, it } from 'vitest';
import type { Cluster } from '../../../../src/manager/arbiter/cluster.ts';
import { EtcdOverHttp } from '../../../../src/manager/arbiter/etcd.ts';

const { signal } = new AbortController();
const answering = (answer: unknown): EtcdOverHttp =>
  new EtcdOverHttp({ call: () => Promise.resolve(answer) } as unknown as Cluster);

it.each([[[]], [{}], [{ header: { revision: [] } }], [{ header: {}, kvs: [null] }], ['text'], [null]])(
  'tells in one short line what is wrong with %j',
  async (answer) => {
    const error: Error = await answering(answer)
      .read('key', signal)
      .then(
        () => new Error('it was taken'),
        (reason) => reason,
      );
    expect(error.message).toMatch(/^not an answer of etcd's: [^\n]{1,200}$/);
  },
);
