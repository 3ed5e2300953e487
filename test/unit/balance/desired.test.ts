import { describe, expect, it } from 'vitest';
import type { SorryPhase } from '../../../src/balance/sorry.ts';
import { checkTargets, targetOf } from '../../../src/balance/targets.ts';
import type { Health } from '../../../src/model/check.ts';
import { realServerKey } from '../../../src/model/ipvs-table.ts';
import { instant } from '../../../src/model/units.ts';
import { entryAt, sorryServerAt } from '../../support/virtual-server.ts';
import { actualOf, check, desiredBy, down, up, web } from './table.ts';

const NONE = new Map<string, SorryPhase>();
const healthBy = (states: Record<string, Health>) => (id: string) =>
  states[checkTargets([web]).find((target) => target.id === id)?.address ?? ''];
const servers = (desired: ReturnType<typeof desiredBy>) =>
  desired.table[0]?.realServers.map((s) => `${realServerKey(s)} ${s.forwarding} ${s.weight}`);

describe('the desired table', () => {
  it('holds the healthy real servers alone', () => {
    const desired = desiredBy([web], healthBy({ '10.1.1.2': up, '10.1.1.3': down }), [], NONE, instant(0));
    expect(servers(desired)).toEqual(['10.1.1.2:80 dr 2']);
  });

  it('holds the sorry server while nothing is known yet', () => {
    expect(servers(desiredBy([web], () => undefined, [], NONE, instant(0)))).toEqual(['127.0.0.1:80 dr 1']);
  });

  it('keeps a real server that already serves until its first result', () => {
    const before = desiredBy([web], healthBy({ '10.1.1.2': up, '10.1.1.3': down }), [], NONE, instant(0));
    const after = desiredBy([web], () => undefined, actualOf(before.table), NONE, instant(0));
    expect(servers(after)).toEqual(['10.1.1.2:80 dr 2']);
  });

  it.each(['dr', 'nat', 'tun'] as const)('enters a sorry server on loopback as dr under %s', (forwarding) => {
    const sorryServers = [sorryServerAt('127.0.0.1', { forwarding })];
    const desired = desiredBy([{ ...web, sorryServers }], () => down, [], NONE, instant(0));
    expect(servers(desired)).toEqual(['127.0.0.1:80 dr 1']);
  });

  it('masquerades to a sorry server elsewhere, with its port', () => {
    const nat = {
      ...web,
      sorryServers: [sorryServerAt('10.1.1.9', { port: 8080, forwarding: 'nat' })],
    };
    expect(servers(desiredBy([nat], () => down, [], NONE, instant(0)))).toEqual(['10.1.1.9:8080 nat 1']);
  });

  it('calls the sorry server when every healthy real server has weight 0', () => {
    const quiet = { ...web, realServers: web.realServers.map((server) => ({ ...server, weight: 0 })) };
    expect(servers(desiredBy([quiet], () => up, [], NONE, instant(0)))).toContain('127.0.0.1:80 dr 1');
  });

  it('takes every real server without a check for healthy', () => {
    const blind = { ...web, check: undefined };
    expect(servers(desiredBy([blind], () => undefined, [], NONE, instant(0)))).toHaveLength(2);
  });
});

it('a real server that was the sorry server at another port of the file serves again while that one drains', () => {
  const same = { ...web, sorryServers: [sorryServerAt('10.1.1.3', { port: undefined })] };
  const alone = desiredBy([same], () => down, [], NONE, instant(0));
  expect(servers(alone)).toEqual(['10.1.1.3:80 dr 1']);
  const busy = actualOf(alone.table, { active: 1, inactive: 0, persistent: 0 });
  const back = desiredBy([same], () => up, busy, alone.sorry, instant(1000));
  expect(back.sorry.get('tcp 10.1.1.254:80')).toMatchObject({ phase: 'draining' });
  expect(servers(back)).toEqual(['10.1.1.2:80 dr 2', '10.1.1.3:80 dr 1']);
});

it('a wide range of ports costs each entry no look at all the others', () => {
  const [first = entryAt('10.1.1.254'), ...others] = Array.from({ length: 20_000 }, (_, i) =>
    entryAt('10.1.1.254', i + 1),
  );
  const wide = { ...web, entries: [first, ...others] as const };
  expect(desiredBy([wide], () => up, [], NONE, instant(0)).table).toHaveLength(20_000);
});

describe('the sorry server leaves', () => {
  const alone = desiredBy([web], () => down, [], NONE, instant(0));
  const busy = { active: 1, inactive: 0, persistent: 0 };
  const closed = { active: 0, inactive: 7, persistent: 0 };
  const none = { active: 0, inactive: 0, persistent: 0 };
  const later = (counts: typeof busy, at: number, sorry: ReadonlyMap<string, SorryPhase>) =>
    desiredBy([web], () => up, actualOf(alone.table, counts), sorry, instant(at));

  it('with weight 0 first, then not at all once its connections are done', () => {
    const first = later(busy, 1000, alone.sorry);
    expect(servers(first)).toContain('127.0.0.1:80 dr 0');
    expect(servers(later(busy, 30_000, first.sorry))).toContain('127.0.0.1:80 dr 0');
    expect(servers(later(none, 30_001, first.sorry))).toEqual(['10.1.1.2:80 dr 2', '10.1.1.3:80 dr 1']);
  });

  it('after handshakes had their time, even while closed connections are still counted', () => {
    const first = later(closed, 1000, alone.sorry);
    expect(servers(later(closed, 3999, first.sorry))).toContain('127.0.0.1:80 dr 0');
    expect(servers(later(closed, 4000, first.sorry))).not.toContain('127.0.0.1:80 dr 0');
  });

  it('at the latest after a minute', () => {
    const first = later(busy, 1000, alone.sorry);
    expect(servers(later(busy, 61_000, first.sorry))).not.toContain('127.0.0.1:80 dr 0');
  });

  it('at once under a scheduler that would hash new clients to it', () => {
    const hashed = { ...web, scheduler: 'sh' as const };
    const desired = desiredBy([hashed], () => up, actualOf(alone.table, busy), alone.sorry, instant(1));
    expect(servers(desired)).toEqual(['10.1.1.2:80 dr 2', '10.1.1.3:80 dr 1']);
  });

  it('and takes over again from its draining when the real servers fail again', () => {
    const draining = later(busy, 1000, alone.sorry);
    const again = desiredBy([web], () => down, actualOf(draining.table, busy), draining.sorry, instant(2000));
    expect(servers(again)).toEqual(['127.0.0.1:80 dr 1']);
  });
});

describe('check targets', () => {
  it('are shared by virtual servers that ask the same of the same real server', () => {
    const targets = checkTargets([web, { ...web, name: 'other', entries: [entryAt('10.1.1.253')] }]);
    expect(targets.map((target) => target.address)).toEqual(['10.1.1.2', '10.1.1.3']);
  });

  it('are apart when anything about the check differs', () => {
    const slower = { ...web, check: { ...check, fall: 2 } };
    expect(checkTargets([web, slower])).toHaveLength(4);
  });

  it('connect to the port of the check where it has one', () => {
    const other = { ...web, check: { ...check, port: 8081 } };
    const [first] = other.realServers;
    expect(first && targetOf(other, first)?.port).toBe(8081);
  });
});
