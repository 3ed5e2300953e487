import { describe, expect, it } from 'vitest';
import { checkTargets } from '../../../src/balance/targets.ts';
import { Checks } from '../../../src/manager/checks.ts';
import { QuorumBook, type QuorumEvent } from '../../../src/manager/quorums.ts';
import type { CheckTarget, Health } from '../../../src/model/check.ts';
import { NO_OVERRIDES } from '../../../src/model/override.ts';
import { sorryServerAt } from '../../support/virtual-server.ts';
import { check, down, ip, up, web } from '../balance/table.ts';

describe('the quorums', () => {
  const strict = { ...web, quorum: { weight: 2, hysteresis: 1 } };
  const start = () => {
    const health = new Map<string, Health>();
    const events: QuorumEvent[] = [];
    const log: string[] = [];
    const book = new QuorumBook({
      log: (level, message) => log.push(`${level}: ${message}`),
      healthOf: (id) => health.get(id),
      overrideOf: NO_OVERRIDES,
      onChange: (event) => events.push(event),
    });
    const [first = '', second = ''] = checkTargets([strict]).map(({ id }) => id);
    const now = (one: Health, other: Health) => {
      health.set(first, one).set(second, other);
      book.update([strict]);
      return events.splice(0).map(({ state, healthy }) => `${state} ${healthy}`);
    };
    return { book, log, now };
  };

  it('are told once for each change, and not before anything is known', () => {
    const { book, log, now } = start();
    book.update([strict]);
    expect(book.of('web')).toEqual({ state: 'unknown', healthy: 0, unchecked: 3 });
    expect(now(up, up)).toEqual(['gained 3']);
    expect(now(up, up)).toEqual([]);
    // Within the hysteresis: at least 1 keeps it, 3 brings it back.
    expect(now(up, down)).toEqual([]);
    expect(now(down, up)).toEqual([]);
    expect(now(down, down)).toEqual(['lost 0']);
    expect(now(up, down)).toEqual([]);
    expect(now(up, up)).toEqual(['gained 3']);
    // The log leaves out that it is as it should be at the start.
    expect(log).toEqual([
      'warn: virtual server web: quorum lost (healthy weight 0, quorum 2)',
      'info: virtual server web: quorum gained (healthy weight 3, quorum 2)',
    ]);
  });

  it('of some alone are assessed anew', () => {
    const { book, now } = start();
    now(up, up);
    book.updateOnly([{ ...strict, name: 'other' }]);
    expect([book.before('web'), book.before('other')]).toEqual(['gained', 'gained']);
  });

  it('of virtual servers that are gone are forgotten', () => {
    const { book, now } = start();
    now(up, up);
    book.update([]);
    expect(book.before('web')).toBe('unknown');
    expect(now(up, down)).toEqual(['gained 2']);
  });
});

describe('what is checked', () => {
  const routers = [{ name: 'front', addresses: [{ address: ip('10.1.1.254'), length: 24 }] }];
  const lazy = {
    ...web,
    checkWhile: 'active' as const,
    sorryServers: [sorryServerAt('10.1.1.9', { check })],
  };
  const start = () => {
    const pushed: string[][] = [];
    let active = false;
    const checks = new Checks({
      isActive: () => active,
      setTargets: (targets: readonly CheckTarget[]) => pushed.push(targets.map(({ address }) => address)),
    });
    const become = (state: boolean) => {
      active = state;
      return checks.routersChanged();
    };
    const configure = (virtualServers = [lazy]) =>
      checks.configure({ virtualServers, virtualRouters: routers as never });
    return { checks, pushed, become, configure };
  };

  it('rests until the director is active, sorry servers included', () => {
    const { checks, pushed, become, configure } = start();
    configure();
    expect([pushed.splice(0), checks.rest('web')]).toEqual([[[]], true]);
    expect(become(true)).toBe(true);
    expect([pushed.splice(0), checks.rest('web')]).toEqual([[['10.1.1.2', '10.1.1.3', '10.1.1.9']], false]);
    expect(become(true)).toBe(false);
    expect(become(false)).toBe(true);
    expect(pushed).toEqual([[]]);
  });

  it('is not pushed again when a reload leaves it as it is', () => {
    const { pushed, become, configure } = start();
    become(true);
    configure();
    configure([{ ...lazy, scheduler: 'wlc' }]);
    expect(pushed).toHaveLength(1);
    configure([{ ...lazy, check: { ...check, fall: 7 } }]);
    expect(pushed).toHaveLength(2);
  });
});
