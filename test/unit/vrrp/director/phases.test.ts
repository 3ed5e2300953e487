/** The adverts of many virtual routers, spread over their interval: which come together, and when. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Centiseconds, centiseconds, instant, milliseconds } from '../../../../src/model/units.ts';
import { instanceKey } from '../../../../src/vrrp/director/event.ts';
import { inPhase, phasesOf } from '../../../../src/vrrp/director/phases.ts';
import { nextAdvertAt } from '../../../../src/vrrp/timers.ts';
import { prefix } from '../support.ts';
import { Bench, NO_NOTIFY, networkOf, routerOf } from './support.ts';

/** One on a unit of its own, by its interval. */
const alone = (interval: number) => ({ router: { advertInterval: centiseconds(interval) } });
const many = (count: number, interval: number) => Array.from({ length: count }, () => [alone(interval)]);

/** How many have each phase. */
function counts(units: readonly (readonly { router: { advertInterval: Centiseconds } }[])[]) {
  const found = new Map<number, number>();
  for (const phase of phasesOf(units).values()) found.set(phase, (found.get(phase) ?? 0) + 1);
  return [...found];
}

describe('the phases of many virtual routers', () => {
  it('are none for 32 of one interval, however many there are of others', () => {
    expect(counts([...many(32, 10), ...many(32, 100)])).toEqual([]);
  });

  it('are eight for 255, evenly over the interval', () => {
    const found = counts(many(255, 100));
    expect(found.map(([phase]) => phase)).toEqual(Array.from({ length: 8 }, (_, i) => i * 125));
    expect(found.map(([, count]) => count)).toEqual([...Array(7).fill(32), 31]);
  });

  it('are no closer than is worth it', () => {
    expect(counts(many(255, 10))).toEqual([
      [0, 64],
      [25, 64],
      [50, 64],
      [75, 63],
    ]);
    expect(counts(many(255, 4))).toEqual([]);
  });

  it('are the same for the members of a unit, and never more of them than a unit has together', () => {
    const big = Array.from({ length: 40 }, () => alone(100));
    const both = [alone(100), alone(100)];
    const units = [...many(31, 100), both, big];
    const phases = phasesOf(units);
    expect(units.map((unit) => new Set(unit.map((member) => phases.get(member))).size)).toEqual(
      units.map(() => 1),
    );
    expect(counts(units).map(([, count]) => count)).toEqual([31, 2, 40]);
  });
});

describe('the next advert in phase', () => {
  it('is the regular one in the same phase, whatever is lost in calculations', () => {
    expect(inPhase(instant(1006.25), instant(906.25), milliseconds(100), milliseconds(6.25))).toBe(1006.25);
    const above = inPhase(instant(1006.25 + 1e-9), instant(906.25), milliseconds(100), milliseconds(6.25));
    expect(above).toBe(1006.25);
    const below = instant(1006.25 - 1e-9);
    expect(inPhase(below, instant(906.25), milliseconds(100), milliseconds(6.25))).toBe(below);
  });

  it('comes into phase within two adverts, none late, and none closer than the shortest interval', () => {
    const sample = fc.record({
      interval: fc.integer({ min: 5, max: 4095 }).map((value) => value * 10),
      share: fc.double({ min: 0, max: 0.9999, noNaN: true }),
      begin: fc.double({ min: 1e4, max: 1e9, noNaN: true }),
      lateness: fc.array(fc.double({ min: 0, max: 3, noNaN: true }), { minLength: 6, maxLength: 6 }),
    });
    fc.assert(
      fc.property(sample, ({ interval: length, share, begin, lateness }) => {
        const interval = milliseconds(length);
        const phase = milliseconds(share * length);
        let due = inPhase(instant(begin + length), instant(begin), interval, phase);
        let now = instant(begin);
        for (const [sent, late] of lateness.entries()) {
          expect(due - now).toBeLessThanOrEqual(length + 1e-6);
          expect(due - now).toBeGreaterThanOrEqual(sent < 2 ? 10 - 3 - 1e-6 : length - 3 - 1e-3);
          if (sent >= 2)
            expect(Math.abs(((due - phase + length / 2) % length) - length / 2)).toBeLessThan(0.1);
          now = instant(due + late);
          due = inPhase(nextAdvertAt(due, now, interval), now, interval, phase);
        }
      }),
    );
  });
});

describe('a director with many virtual routers', () => {
  const routers = (count: number) =>
    Array.from({ length: count }, (_, i) =>
      routerOf(1, {
        name: `vip${i}`,
        interface: 'eth0',
        vrid: i + 1,
        addresses: [prefix(`10.1.2.${i + 1}`)],
      }),
    );
  const keys = (count: number) => Array.from({ length: count }, (_, i) => instanceKey('eth0', i + 1, 'ipv4'));
  /** How many adverts go in each turn of so much time. */
  const turns = (bench: Bench, duration: number) =>
    bench
      .pass(duration)
      .split(' | ')
      .map((turn) => turn.split('advert').length - 1)
      .filter((adverts) => adverts > 0);

  it('advertises them in groups from its first interval as active on, and never less often', () => {
    const bench = new Bench(networkOf({ routers: routers(80) }), { resume: keys(80) });
    expect(turns(bench, 999).reduce((sum, adverts) => sum + adverts)).toBeGreaterThanOrEqual(48);
    bench.pass(1001);
    expect(turns(bench, 1000).sort()).toEqual([16, 32, 32]);
    expect(turns(bench, 3000)).toHaveLength(9);
  });

  it('spreads them once a reload has made them many, and leaves them alone once they are few', () => {
    const bench = new Bench(networkOf({ routers: routers(32) }), { resume: keys(32) });
    expect(turns(bench, 3000)).toEqual([32, 32, 32]);
    bench.configure(networkOf({ routers: routers(64) }), { resume: keys(64) });
    bench.pass(2000);
    expect(turns(bench, 1000)).toEqual([32, 32]);
    bench.configure(networkOf({ routers: routers(32) }));
    expect(turns(bench, 1000)).toContain(32);
  });

  it('keeps a sync group together', () => {
    const group = { name: 'g', members: ['vip3', 'vip60'], track: [], notify: NO_NOTIFY };
    const bench = new Bench(networkOf({ routers: routers(80), groups: [group] }), { resume: keys(80) });
    const [one, other] = [
      bench.director.member(keys(80)[3] ?? ''),
      bench.director.member(keys(80)[60] ?? ''),
    ];
    expect(one?.phase).toBe(other?.phase);
    expect(one?.phase).toBe(0);
    expect(bench.director.member(keys(80)[79] ?? '')?.phase).toBeGreaterThan(0);
  });
});
