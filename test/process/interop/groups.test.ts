/** Sync groups and tracking on both sides, over two networks; and what keepalived's users get wrong. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Daemon, startDaemon } from '../../lab/support/daemon.ts';
import { type Observer, observe } from '../../lab/support/tools.ts';
import { hasLaterForms, type Instance, Keepalived } from './keepalived.ts';
import { fileOf, heldBy, makePair, type Pair, refusalsOf } from './pair.ts';

const OUTSIDE = '10.1.1.201';
const INSIDE = '10.1.2.201';
const OF_BOTH = [OUTSIDE, INSIDE] as const;

let pair: Pair;
let wire: Observer;
let ours: Daemon;
let theirs: Keepalived;

const router = (n: 1 | 2, more: object = {}): object => ({
  interface: `eth${n - 1}`,
  vrid: 60 + n,
  advert_interval: '100ms',
  addresses: [`10.1.${n}.201/24`],
  ...more,
});
const ourFile = (): string =>
  fileOf(
    { outside: router(1, { priority: 150 }), inside: router(2, { priority: 150 }) },
    {
      sync_groups: {
        site: { members: ['outside', 'inside'], track: { files: [{ name: 'maintenance', weight: 1 }] } },
      },
      track: { files: { maintenance: { path: `${pair.ours.scratch}/maintenance` } } },
    },
  );
const instance = (n: 1 | 2): Instance => ({
  name: n === 1 ? 'outside' : 'inside',
  interface: `eth${n - 1}`,
  vrid: 60 + n,
  priority: 100,
  addresses: [`10.1.${n}.201/24`],
});
const GROUP = 'vrrp_sync_group site {\n  group {\n    outside\n    inside\n  }\n}';

beforeAll(async () => {
  pair = await makePair(2);
  const [lan] = pair.lans;
  if (lan === undefined) throw new Error('unreachable: a pair has a switch');
  wire = await observe(lan);
});
afterAll(() => pair?.lab.close());

const theirsBecome = (state: 'MASTER' | 'BACKUP' | 'FAULT', since: number): Promise<unknown> =>
  Promise.all(['outside', 'inside'].map((name) => theirs.becomes(name, state, since)));
const oursBecome = (word: string, since: number): Promise<unknown> =>
  Promise.all(['outside', 'inside'].map((name) => ours.said(`virtual router ${name}: ${word}`, { since })));

/** keepalived says that it enters a state right before it puts or removes its addresses. */
const owners = async (): Promise<readonly string[]> => {
  const [here, there] = await Promise.all([heldBy(pair.ours), heldBy(pair.theirs)]);
  return OF_BOTH.map((address) => {
    const nodes = [here.has(address) ? 'ours' : '', there.has(address) ? 'theirs' : ''];
    return nodes.filter(Boolean).join(' and ');
  });
};

async function noRefusals(): Promise<void> {
  expect((await ours.status()).virtualRouters.flatMap(refusalsOf)).toEqual([]);
  expect(await theirs.refusals()).toEqual([]);
}

describe('sync groups on both sides', () => {
  it('are active together, on the better director', async () => {
    theirs = await Keepalived.start(pair.theirs, [instance(1), instance(2)], GROUP);
    await theirsBecome('MASTER', 0);
    const since = theirs.mark;
    ours = await startDaemon(pair.ours, ourFile());
    await Promise.all([oursBecome('MASTER', 0), theirsBecome('BACKUP', since)]);
    await expect.poll(owners).toEqual(['ours', 'ours']);
    await noRefusals();
  });

  it('go over to keepalived together when one link of ours is down, and come back together', async () => {
    const [since, mark] = [theirs.mark, ours.log.mark];
    await pair.ours.ports[1]?.power(false);
    await Promise.all([theirsBecome('MASTER', since), oursBecome('FAULT', mark)]);
    await expect.poll(owners).toEqual(['theirs', 'theirs']);
    const [back, again] = [theirs.mark, ours.log.mark];
    await pair.ours.ports[1]?.power(true);
    await Promise.all([oursBecome('MASTER', again), theirsBecome('BACKUP', back)]);
    await expect.poll(owners).toEqual(['ours', 'ours']);
    await noRefusals();
  });

  it('go over when a weight takes away what ours was better by, and come back with it', async () => {
    const [since, mark] = [theirs.mark, ours.log.mark];
    await pair.ours.writeFile(`${pair.ours.scratch}/maintenance`, '-100\n');
    await Promise.all([theirsBecome('MASTER', since), oursBecome('BACKUP', mark)]);
    await expect.poll(owners).toEqual(['theirs', 'theirs']);
    const [back, again] = [theirs.mark, ours.log.mark];
    await pair.ours.writeFile(`${pair.ours.scratch}/maintenance`, '0\n');
    await Promise.all([oursBecome('MASTER', again), theirsBecome('BACKUP', back)]);
    await expect.poll(owners).toEqual(['ours', 'ours']);
    await noRefusals();
  });

  it('come to ours together when keepalived has lost one link', async () => {
    const before = theirs.mark;
    await ours.stop();
    await theirsBecome('MASTER', before);
    await pair.ours.writeFile(`${pair.ours.scratch}/maintenance`, '-100\n');
    ours = await startDaemon(pair.ours, ourFile());
    await oursBecome('BACKUP', 0);
    const since = theirs.mark;
    await pair.theirs.ports[0]?.power(false);
    await Promise.all([theirsBecome('FAULT', since), oursBecome('MASTER', 0)]);
    await expect.poll(owners).toEqual(['ours', 'ours']);
    const [back, again] = [theirs.mark, ours.log.mark];
    await pair.theirs.ports[0]?.power(true);
    await Promise.all([theirsBecome('MASTER', back), oursBecome('BACKUP', again)]);
    await expect.poll(owners).toEqual(['theirs', 'theirs']);
    await noRefusals();
  });
});

describe('two directors that are set up differently', () => {
  it('with VRRPv2 and other intervals both are active: an error says what to do', async () => {
    await Promise.all([ours.stop(), theirs.stop()]);
    theirs = await Keepalived.start(pair.theirs, [{ ...instance(1), version: 2, interval: 2 }]);
    ours = await startDaemon(
      pair.ours,
      fileOf({ outside: router(1, { version: 2, priority: 150, advert_interval: '1s' }) }),
    );
    const line = await ours.said('advert_interval');
    expect(line).toMatchObject({ level: 'error', virtualRouter: 'outside', source: '10.1.1.11' });
    expect(line.message).toMatch(/both are active: give both the same/);
    const [status] = (await ours.status()).virtualRouters;
    expect(status?.counters.rejected['interval-mismatch']).toBeGreaterThan(0);
  });
});

/** keepalived's `auth_hmac`, of 2.4 and later. */
describe.skipIf(!hasLaterForms())('keys', () => {
  const SECRETS = ['abcdefghijklmnopqrstuvwxyz012345', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ987654'] as const;
  type Ids = readonly (1 | 2)[];
  const keys = (ids: Ids, active: 1 | 2): object => ({
    authentication: { hmac: ids.map((id) => ({ id, key: SECRETS[id - 1], active: id === active })) },
  });
  const theirKeys = (ids: Ids, active: 1 | 2): Instance => ({
    ...instance(1),
    more: ['auth_hmac {', ...ids.map((id) => `key ${id} ${SECRETS[id - 1]}`), `active_key ${active}`, '}'],
  });
  const withKeys = (ids: Ids, active: 1 | 2): string =>
    fileOf({ outside: router(1, { priority: 150, ...keys(ids, active) }) });

  it('are rolled one director at a time, without a change of state or a refusal', async () => {
    await Promise.all([ours.stop(), theirs.stop()]);
    theirs = await Keepalived.start(pair.theirs, [theirKeys([1], 1)]);
    await theirs.becomes('outside', 'MASTER');
    const before = theirs.mark;
    ours = await startDaemon(pair.ours, withKeys([1], 1));
    await ours.said('virtual router outside: MASTER');
    await theirs.becomes('outside', 'BACKUP', before);
    const since = theirs.mark;
    const steps = [
      ['theirs', [1, 2], 1],
      ['ours', [1, 2], 1],
      ['ours', [1, 2], 2],
      ['theirs', [1, 2], 2],
      ['ours', [2], 2],
      ['theirs', [2], 2],
    ] as const;
    for (const [who, ids, active] of steps) {
      if (who === 'ours') {
        await ours.configure(withKeys(ids, active));
        expect((await ours.command('reload')).code).toBe(0);
      } else {
        const mark = theirs.mark;
        await theirs.reload([theirKeys(ids, active)]);
        await theirs.process.output.waitFor((line) => line.includes('Reload complete'), { since: mark });
      }
      for (let n = 0; n < 5; n++)
        await wire.events.waitFor((seen) => seen.kind === 'vrrp', { since: wire.events.mark });
    }
    expect(theirs.states('outside', since).filter((state) => state === 'MASTER')).toEqual([]);
    const [status] = (await ours.status()).virtualRouters;
    expect(status).toMatchObject({ state: 'active', counters: { becameActive: 1 } });
    await noRefusals();
    await ours.stop();
    await theirs.becomes('outside', 'MASTER', since);
  });
});
