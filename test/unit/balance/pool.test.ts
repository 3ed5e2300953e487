/** The rules of a pool: quorum, weight 0 instead of removal, sorry servers, overrides, and what nobody knows yet. */
import { describe, expect, it } from 'vitest';
import { desiredTable } from '../../../src/balance/desired.ts';
import { nextQuorum, type QuorumState } from '../../../src/balance/quorum.ts';
import { settingsOf } from '../../../src/balance/settings.ts';
import type { SorryPhase } from '../../../src/balance/sorry.ts';
import { checksRest, targetOf } from '../../../src/balance/targets.ts';
import type { Health } from '../../../src/model/check.ts';
import type { ConfiguredVirtualServer } from '../../../src/model/config.ts';
import { type ActualTable, realServerKey } from '../../../src/model/ipvs-table.ts';
import type { Override } from '../../../src/model/override.ts';
import { instant, seconds } from '../../../src/model/units.ts';
import { entryAt, realServerAt, sorryServerAt } from '../../support/virtual-server.ts';
import { actualOf, check, down, factsOf, up, web } from './table.ts';

const NONE = new Map<string, SorryPhase>();

/** Healths by address: + up, - down, nothing: not known. */
interface Case {
  readonly of: ConfiguredVirtualServer;
  readonly health?: Readonly<Record<string, Health>>;
  readonly before?: QuorumState;
  readonly actual?: ActualTable;
  readonly override?: Pick<Override, 'action'> & Partial<Override>;
  readonly entry?: number;
}

function table({ of, health = {}, before = 'unknown', actual = [], override }: Case) {
  const byId = new Map(
    [...of.realServers, ...of.sorryServers].flatMap((server) => {
      const target = targetOf(of, server);
      const known = health[server.address];
      return target === undefined || known === undefined ? [] : [[target.id, known] as const];
    }),
  );
  const facts = factsOf((id) => byId.get(id), {
    quorumBefore: () => before,
    overrideOf: (service, { address }) =>
      override !== undefined && service === 'web' && address === '10.1.1.2'
        ? {
            ...{ service, server: '10.1.1.2:80', weight: undefined, reason: undefined, by: 'ada' },
            ...{ since: 0, until: undefined, drainedAt: undefined, cutOff: undefined },
            ...override,
          }
        : undefined,
  });
  return desiredTable([of], facts, actual, NONE, instant(0)).table;
}

const servers = (of: Case) =>
  table(of)[of.entry ?? 0]?.realServers.map((server) => `${realServerKey(server)} ${server.weight}`);

describe('a quorum', () => {
  it.each<[QuorumState, number, number, QuorumState]>([
    ['unknown', 3, 0, 'gained'],
    ['unknown', 2, 0, 'lost'],
    ['unknown', 2, 1, 'unknown'],
    ['gained', 2, 0, 'gained'],
    ['gained', 1, 0, 'lost'],
    ['gained', 1, 1, 'gained'],
    ['lost', 3, 0, 'lost'],
    ['lost', 4, 0, 'gained'],
    ['lost', 2, 9, 'lost'],
  ])(
    'of 3 with hysteresis 1 that was %s is, with %i healthy and %i unchecked, %s',
    (before, healthy, unchecked, now) => {
      expect(nextQuorum(before, healthy, unchecked, { weight: 3, hysteresis: 1 })).toBe(now);
    },
  );

  it('is lost with nothing at all, whatever its hysteresis', () => {
    expect(nextQuorum('gained', 0, 0, { weight: 2, hysteresis: 1 })).toBe('lost');
    expect(nextQuorum('gained', 0, 0, { weight: 0, hysteresis: 0 })).toBe('gained');
  });

  const strict = { ...web, quorum: { weight: 3, hysteresis: 0 } };
  const one = { '10.1.1.2': up, '10.1.1.3': down };

  it('that is lost calls the sorry server, and the real servers that are left leave', () => {
    expect(servers({ of: strict, health: one })).toEqual(['127.0.0.1:80 1']);
    expect(servers({ of: strict, health: { '10.1.1.2': up, '10.1.1.3': up } })).toEqual([
      '10.1.1.2:80 2',
      '10.1.1.3:80 1',
    ]);
  });

  it('that is lost without a healthy sorry server changes nothing', () => {
    expect(servers({ of: { ...strict, sorryServers: [] }, health: one })).toEqual(['10.1.1.2:80 2']);
    const checked = { ...strict, sorryServers: [sorryServerAt('10.1.1.9', { check })] };
    expect(servers({ of: checked, health: { ...one, '10.1.1.9': down } })).toEqual(['10.1.1.2:80 2']);
    expect(servers({ of: checked, health: one })).toEqual(['10.1.1.2:80 2']);
    expect(servers({ of: checked, health: { ...one, '10.1.1.9': up } })).toEqual(['10.1.1.9:80 1']);
  });

  it('counts what operators say', () => {
    const health = { '10.1.1.2': up, '10.1.1.3': up };
    expect(servers({ of: strict, health, override: { action: 'drain' } })).toEqual(['127.0.0.1:80 1']);
    expect(servers({ of: strict, health, override: { action: 'weight', weight: 9 } })).toEqual([
      '10.1.1.2:80 9',
      '10.1.1.3:80 1',
    ]);
  });
});

describe('sorry servers', () => {
  const two = {
    ...web,
    sorryServers: [sorryServerAt('10.1.1.9', { check }), sorryServerAt('10.1.1.8', { check })],
  };
  const gone = { '10.1.1.2': down, '10.1.1.3': down };

  it('take over together, those that are healthy', () => {
    expect(servers({ of: two, health: { ...gone, '10.1.1.9': up, '10.1.1.8': up } })).toEqual([
      '10.1.1.8:80 1',
      '10.1.1.9:80 1',
    ]);
    expect(servers({ of: two, health: { ...gone, '10.1.1.9': up, '10.1.1.8': down } })).toEqual([
      '10.1.1.9:80 1',
    ]);
    expect(servers({ of: two, health: { ...gone, '10.1.1.9': down, '10.1.1.8': down } })).toEqual([]);
  });

  it('are tried before their first result only where nobody else could serve', () => {
    expect(servers({ of: two, health: gone })).toHaveLength(2);
    expect(servers({ of: two, health: { ...gone, '10.1.1.9': up } })).toEqual(['10.1.1.9:80 1']);
  });
});

describe('a real server that fails', () => {
  const drain = { ...web, onFailure: 'drain' } as const;
  const one = { '10.1.1.2': down, '10.1.1.3': up };

  it('keeps its place with weight 0 where the definition says so', () => {
    expect(servers({ of: drain, health: one })).toEqual(['10.1.1.2:80 0', '10.1.1.3:80 1']);
    expect(servers({ of: web, health: one })).toEqual(['10.1.1.3:80 1']);
  });

  it('keeps it beside the sorry server, unless its clients would be refused there', () => {
    const health = { '10.1.1.2': down, '10.1.1.3': down };
    expect(servers({ of: drain, health })).toEqual(['10.1.1.2:80 0', '10.1.1.3:80 0', '127.0.0.1:80 1']);
    const hashed = { ...drain, scheduler: 'mh' } as const;
    expect(servers({ of: hashed, health })).toEqual(['127.0.0.1:80 1']);
    expect(servers({ of: { ...hashed, schedulerFlags: ['mh-fallback'] }, health })).toHaveLength(3);
  });

  it('stays down after a restart of the daemon until its first result', () => {
    const actual = actualOf(table({ of: drain, health: one }));
    expect(servers({ of: drain, actual })).toEqual(['10.1.1.2:80 0', '10.1.1.3:80 1']);
  });
});

describe('before the first result', () => {
  it('a fresh real server is what the definition says', () => {
    const bare = { ...web, sorryServers: [] };
    expect(servers({ of: bare })).toEqual([]);
    expect(servers({ of: { ...bare, initial: 'up' } })).toEqual(['10.1.1.2:80 2', '10.1.1.3:80 1']);
  });

  it('those that it replaces go on, until one of them is known to serve', () => {
    const actual = actualOf(table({ of: web, health: { '10.1.1.2': up, '10.1.1.3': up } }));
    const others = { ...web, realServers: [realServerAt('10.1.1.4'), realServerAt('10.1.1.5')] };
    const left = servers({ of: others, actual, before: 'gained' })?.toSorted();
    expect(left).toEqual(['10.1.1.2:80 2', '10.1.1.3:80 1']);
    expect(servers({ of: others, actual, health: { '10.1.1.5': up } })).toEqual(['10.1.1.5:80 1']);
    expect(servers({ of: others, actual, health: { '10.1.1.4': down, '10.1.1.5': down } })).toEqual([
      '127.0.0.1:80 1',
    ]);
  });
});

describe('what an operator says', () => {
  const health = { '10.1.1.2': up, '10.1.1.3': up };
  const drained = { action: 'drain', drainedAt: 1 } as const;

  it.each([
    ['drain', { action: 'drain' }, ['10.1.1.2:80 0', '10.1.1.3:80 1']],
    ['drain that is over', drained, ['10.1.1.3:80 1']],
    ['disable', { action: 'disable' }, ['10.1.1.3:80 1']],
    ['weight', { action: 'weight', weight: 0 }, ['10.1.1.2:80 0', '10.1.1.3:80 1']],
  ] as const)('%s', (_, override, expected) => {
    expect(servers({ of: web, health, override })).toEqual(expected);
  });

  it('does not bring back one that is down', () => {
    expect(
      servers({
        of: web,
        health: { ...health, '10.1.1.2': down },
        override: { action: 'weight', weight: 5 },
      }),
    ).toEqual(['10.1.1.3:80 1']);
  });

  it('leaves a real server of mh in its place', () => {
    const of = { ...web, scheduler: 'mh' } as const;
    expect(servers({ of, health, override: drained })).toEqual(['10.1.1.2:80 0', '10.1.1.3:80 1']);
    expect(table({ of, health, override: drained })[0]?.realServers[0]).toMatchObject({
      weight: 0,
      fullWeight: 2,
    });
  });
});

describe('the order of real servers', () => {
  it('is the same whatever the order in the file', () => {
    const of = { ...web, realServers: [...web.realServers].reverse() };
    expect(servers({ of, health: { '10.1.1.2': up, '10.1.1.3': up } })).toEqual([
      '10.1.1.2:80 2',
      '10.1.1.3:80 1',
    ]);
  });
});

describe('a definition of several entries', () => {
  const of: ConfiguredVirtualServer = {
    ...web,
    entries: [entryAt('10.1.1.254', 80), entryAt('10.1.1.254', 443), entryAt('2001:db8::fe', 80)],
    persistence: { timeout: seconds(300), ipv4Prefix: 24, ipv6Prefix: 64, engine: undefined },
    realServers: [
      realServerAt('10.1.1.2', { port: undefined }),
      realServerAt('2001:db8::2', { port: undefined }),
    ],
    sorryServers: [],
    check: { ...check, port: 80 },
  };

  it('gives each its family and its port', () => {
    const health = { '10.1.1.2': up, '2001:db8::2': up };
    expect([0, 1, 2].map((entry) => servers({ of, health, entry }))).toEqual([
      ['10.1.1.2:80 1'],
      ['10.1.1.2:443 1'],
      ['[2001:db8::2]:80 1'],
    ]);
  });

  it('calls the sorry server of the family that has lost all its real servers, and no other', () => {
    const sorryServers = [sorryServerAt('127.0.0.1'), sorryServerAt('::1')];
    const both = { ...of, sorryServers };
    const health = { '10.1.1.2': down, '2001:db8::2': up };
    const six = ['[2001:db8::2]:80 1'];
    const served = (more: Partial<Case>) =>
      [0, 2].map((entry) => servers({ of: both, health, before: 'gained', entry, ...more }));
    expect(served({})).toEqual([['127.0.0.1:80 1'], six]);
    expect(served({ of: { ...both, onFailure: 'drain' } })).toEqual([
      ['10.1.1.2:80 0', '127.0.0.1:80 1'],
      six,
    ]);
    expect(served({ health: { '2001:db8::2': up } })).toEqual([[], six]);
    expect(served({ health: { ...health, '10.1.1.2': up } })).toEqual([['10.1.1.2:80 1'], six]);
  });

  it('gives each its settings', () => {
    expect(
      of.entries.map((key) => settingsOf({ ...of, scheduler: 'mh', schedulerFlags: ['mh-port'] }, key)),
    ).toEqual([
      { scheduler: 'mh', flags: 0x11, timeout: 300, granularity: 24, engine: '' },
      { scheduler: 'mh', flags: 0x11, timeout: 300, granularity: 24, engine: '' },
      { scheduler: 'mh', flags: 0x11, timeout: 300, granularity: 64, engine: '' },
    ]);
  });
});

describe('checks rest', () => {
  const router = (name: string, address: string) => ({
    name,
    addresses: [{ address: entryAddress(address), length: 24 }],
  });
  const entryAddress = (address: string) => realServerAt(address).address;
  const routers = [router('front', '10.1.1.254'), router('back', '10.2.2.254')];
  const active = { ...web, checkWhile: 'active' } as const;

  it('while no virtual router that holds one of the addresses is active', () => {
    expect(checksRest(active, routers, () => false)).toBe(true);
    expect(checksRest(active, routers, (name) => name === 'back')).toBe(true);
    expect(checksRest(active, routers, (name) => name === 'front')).toBe(false);
    expect(checksRest(web, routers, () => false)).toBe(false);
  });

  it('never, where no virtual router holds any of them', () => {
    expect(checksRest(active, routers.slice(1), () => false)).toBe(false);
  });

  it('for a mark by the addresses that get it', () => {
    const mark: ConfiguredVirtualServer = {
      ...active,
      entries: [{ kind: 'mark', mark: 7, family: 'ipv4' }],
      match: [{ address: entryAddress('10.1.1.254'), protocol: 'tcp', ports: [] }],
    };
    expect(checksRest(mark, routers, () => false)).toBe(true);
    expect(checksRest({ ...mark, match: [] }, routers, () => false)).toBe(false);
  });
});
