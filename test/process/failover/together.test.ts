/** What is active only together, and the ways that adverts go. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import {
  advertsOf,
  becomes,
  createStage,
  held,
  type Pair,
  PEER,
  routerOf,
  type Stage,
  startPair,
} from './stage.ts';

const NAMES = ['dual', 'front', 'back', 'unicast', 'udp', 'paths'] as const;
const DUAL = ['10.1.1.201', '2001:db8::201'] as const;

/** Whoever stands still for three of these intervals gives up, which a busy machine must not bring about. */
const yaml = (priority: number, director: 'one' | 'two') => `
virtual_routers:
  dual:
    { interface: eth0, vrid: 1, priority: ${priority}, advert_interval: 500ms,
      addresses: [10.1.1.201/24, "fe80::201/64", "2001:db8::201/64"] }
  front: { interface: eth0, vrid: 2, priority: ${priority}, advert_interval: 500ms, addresses: [10.1.1.202/24] }
  back: { interface: eth1, vrid: 3, priority: ${priority}, advert_interval: 500ms, addresses: [10.2.2.202/24] }
  unicast:
    { interface: eth0, vrid: 4, priority: ${priority}, advert_interval: 500ms, peers: [${PEER[director]}],
      addresses: [10.1.1.204/24] }
  udp:
    { interface: eth0, vrid: 5, priority: ${priority}, advert_interval: 500ms, peers: [${PEER[director]}],
      transport: udp, authentication: { hmac: [{ id: 1, key: "0123456789abcdef0123456789abcdef" }] },
      addresses: [10.1.1.205/24] }
  paths:
    { interface: eth0, vrid: 6, priority: ${priority}, advert_interval: 500ms, heartbeat: [eth0, eth1],
      addresses: [10.1.1.206/24] }
sync_groups:
  both: { members: [front, back] }
`;

let stage: Stage;
let pair: Pair;

beforeAll(async () => {
  stage = await createStage();
  pair = await startPair(stage, yaml);
});
afterAll(() => stage?.lab.close());

/** On both directors: of several addresses the log tells when the first of them has come or gone. */
const heldByBoth = async (addresses: readonly string[]) => [
  await held(stage.one, ...addresses),
  await held(stage.two, ...addresses),
];
const marks = () => ({ one: pair.one.log.mark, two: pair.two.log.mark });

describe('two directors', () => {
  it.each(NAMES)('elect for %s, with nothing refused', async (name) => {
    await becomes(pair.one, name, 'MASTER');
    const peer = await until(async () => {
      const router = await routerOf(pair.two, name);
      return router.state === 'backup' && router.activeRouter?.priority === 150 ? router : undefined;
    });
    expect(peer.paths.map(({ state }) => state)).toEqual(peer.paths.map(() => 'heard'));
    expect(Object.values(peer.counters.rejected).filter((count) => count > 0)).toEqual([]);
    expect(peer.explanation).toMatch(
      /^heard \S+ priority 150 \d\.\d s ago; active in \d\.\d s unless an advert/,
    );
  });

  it('send by multicast only where no peers are named', async () => {
    const { one, wire } = { ...stage, one: '10.1.1.4' };
    await wire.events.waitFor(() => advertsOf(stage, one, 2).length > 3);
    expect([advertsOf(stage, one, 4), advertsOf(stage, one, 5)]).toEqual([[], []]);
    expect((await routerOf(pair.two, 'udp')).counters.advertsReceived).toBeGreaterThan(0);
  });
});

describe('both families of an entry', () => {
  it('let go together when one of them cannot go on, and come back together', async () => {
    await expect.poll(() => held(stage.one, ...DUAL)).toEqual(DUAL);
    const since = marks();
    const local = (await stage.one.run('ip -o -6 address show dev eth0 scope link')).match(
      /inet6 (fe80::(?!201\/)\S+)/,
    )?.[1];
    expect(local).toBeDefined();
    await stage.one.run(`ip -6 address del ${local} dev eth0`);
    const line = await becomes(pair.one, 'dual', 'FAULT', since.one);
    expect(line.reason).toMatch(/interface eth0 has no link-local IPv6 address of its own/);
    await becomes(pair.two, 'dual', 'MASTER', since.two);
    await expect.poll(() => heldByBoth(DUAL)).toEqual([[], DUAL]);
    const back = marks();
    await stage.one.run(`ip -6 address add ${local} dev eth0 nodad`);
    await becomes(pair.one, 'dual', 'MASTER', back.one);
    await becomes(pair.two, 'dual', 'BACKUP', back.two);
    await expect.poll(() => heldByBoth(DUAL)).toEqual([DUAL, []]);
  });
});

describe('a sync group', () => {
  it('moves as a whole when one link is lost, and tells so', async () => {
    const addresses = ['10.1.1.202', '10.2.2.202'];
    const since = marks();
    await stage.one.ports[1]?.power(false);
    const lost = await becomes(pair.one, 'back', 'FAULT', since.one);
    expect(lost.reason).toBe('interface eth1 has no carrier');
    const other = await becomes(pair.one, 'front', 'FAULT', since.one);
    expect(other.reason).toBe('sync group both: back: interface eth1 has no carrier');
    await pair.two.said('sync group both: MASTER', { since: since.two });
    await expect.poll(() => heldByBoth(addresses)).toEqual([[], addresses]);
    expect((await pair.one.status()).syncGroups).toMatchObject([{ name: 'both', state: 'initialize' }]);
    expect((await routerOf(pair.one, 'paths')).state).toBe('active');
    const back = marks();
    await stage.one.ports[1]?.power(true);
    await pair.one.said('sync group both: MASTER', { since: back.one });
    await pair.two.said('sync group both: BACKUP', { since: back.two });
    await expect.poll(() => heldByBoth(addresses)).toEqual([addresses, []]);
  });
});

describe('several heartbeat paths', () => {
  it('a backup acts only when all are silent', async () => {
    const since = marks();
    await stage.one.ports[0]?.disconnect();
    await becomes(pair.two, 'unicast', 'MASTER', since.two);
    await becomes(pair.two, 'udp', 'MASTER', since.two);
    // Its other member still hears the active director.
    // It may have heard the last advert up to an interval later than the others.
    await expect
      .poll(() => routerOf(pair.two, 'front'))
      .toMatchObject({
        state: 'backup',
        explanation: 'waits until every member of its sync group can be active too',
      });
    await expect
      .poll(() => routerOf(pair.two, 'paths'))
      .toMatchObject({
        state: 'backup',
        explanation: expect.stringMatching(/^heard 10\.2\.2\.4 priority 150 /),
        paths: [
          { interface: 'eth0', transport: 'multicast', family: 'ipv4', state: 'silent' },
          { interface: 'eth1', state: 'heard' },
        ],
      });
    expect((await pair.two.command('status')).stdout).toMatch(
      / path +eth0 multicast: SILENT for \S+\n +path +eth1 multicast: heard\n/,
    );
    await pair.two.said('virtual router paths: heartbeat path eth0: no adverts come by it any more', {
      since: since.two,
    });
    // The active router hears nobody in any case.
    expect((await routerOf(pair.one, 'paths')).paths).toMatchObject([
      { state: 'sending' },
      { state: 'sending' },
    ]);
    await stage.one.ports[1]?.disconnect();
    await becomes(pair.two, 'paths', 'MASTER', since.two);
    await stage.one.ports[1]?.power(false);
    const paths = async () => (await routerOf(pair.one, 'paths')).paths;
    await expect
      .poll(paths)
      .toMatchObject([{ state: 'sending' }, { state: 'down', reason: 'interface eth1 has no carrier' }]);
    await stage.one.ports[1]?.power(true);
    await expect.poll(paths).toMatchObject([{ state: 'sending' }, { state: 'sending' }]);
    const back = marks();
    await stage.one.ports[1]?.connect();
    await becomes(pair.two, 'paths', 'BACKUP', back.two);
    await stage.one.ports[0]?.connect();
    await becomes(pair.two, 'unicast', 'BACKUP', back.two);
  });
});
