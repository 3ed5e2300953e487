import { describe, expect, it } from 'vitest';
import {
  backOff,
  heldUntil,
  keepAliveInterval,
  requestLimit,
} from '../../../../src/manager/arbiter/hold-time.ts';
import { instant, milliseconds } from '../../../../src/model/units.ts';

describe('the times of a lease', () => {
  it('end 5 % and 50 ms before etcd could give it to another', () => {
    expect(heldUntil(instant(1_000), milliseconds(5_000))).toBe(1_000 + 4_700);
    expect(heldUntil(instant(1_000), milliseconds(2_000))).toBe(1_000 + 1_850);
  });

  it('let two of three keep-alives fail, and each try another endpoint', () => {
    for (const lease of [2_000, 5_000, 60_000].map(milliseconds)) {
      const end = heldUntil(instant(0), lease);
      expect(2 * keepAliveInterval(lease) + requestLimit(lease)).toBeLessThan(end);
      expect(2 * requestLimit(lease)).toBeLessThanOrEqual(keepAliveInterval(lease));
    }
    expect(requestLimit(milliseconds(600_000))).toBe(2_000);
  });

  it('between two tries double, up to a third of the lease, less some that chance takes', () => {
    const lease = milliseconds(6_000);
    expect([1, 2, 3, 4, 5, 6, 60].map((failures) => backOff(failures, lease, 0))).toEqual([
      100, 200, 400, 800, 1_600, 2_000, 2_000,
    ]);
    expect(backOff(60, lease, 1)).toBe(1_000);
    expect(backOff(60, milliseconds(600_000), 0)).toBe(5_000);
  });
});
