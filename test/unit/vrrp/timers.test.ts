/** The formulas of RFC 9568 section 6.1, with their units, and the rule of the address lease. */
import { describe, expect, it } from 'vitest';
import { centiseconds } from '../../../src/model/units.ts';
import { leaseLifetime, renewalInterval, renewedByAdvert } from '../../../src/vrrp/lease.ts';
import { activeDownInterval, skewTime } from '../../../src/vrrp/timers.ts';

describe('the timers of RFC 9568', () => {
  it.each([
    [254, 100, 7.8125, 3007.8125],
    [100, 100, 609.375, 3609.375],
    [100, 10, 60.9375, 360.9375],
    [1, 1, 9.9609375, 39.9609375],
    [1, 4095, 40790.0390625, 163640.0390625],
  ])('at priority %i and %i cs: skew %f ms, down %f ms', (priority, interval, skew, down) => {
    expect(skewTime(priority, centiseconds(interval))).toBe(skew);
    expect(activeDownInterval({ priority, version: 3, downAdverts: 3 }, centiseconds(interval))).toBe(down);
  });
});

const terms = (interval: number, downAdverts = 3, version: 2 | 3 = 3) => ({
  advertInterval: centiseconds(interval),
  downAdverts,
  version,
});

describe('the address lease', () => {
  it.each([
    [1, 1],
    [10, 1],
    [25, 1],
    [100, 4],
    [4095, 164],
  ])('at %i cs lasts %i s', (interval, lifetime) => {
    expect(leaseLifetime(terms(interval))).toBe(lifetime);
  });

  it('outlives every take-over, whatever the interval, by less than its renewal and a second more than that', () => {
    for (let interval = 1; interval <= 4095; interval++) {
      const lifetime = leaseLifetime(terms(interval)) * 1000;
      const age = renewedByAdvert(centiseconds(interval)) ? 0 : renewalInterval(centiseconds(interval));
      const latest = activeDownInterval({ priority: 1, version: 3, downAdverts: 3 }, centiseconds(interval));
      expect(lifetime - age).toBeGreaterThan(latest);
      expect(lifetime).toBeLessThan(4 * interval * 10 + age + 1000);
    }
  });
});
