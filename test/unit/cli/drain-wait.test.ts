import { describe, expect, it } from 'vitest';
import { drained } from '../../../src/cli/drain-wait.ts';
import type { OverrideDocument, OverrideStatus } from '../../../src/model/status.ts';

const TIMEOUT = 60_000;
const HOUR = 3_600_000;
const begun: OverrideStatus = {
  ...{ service: 'web', server: '10.1.1.2:80', action: 'drain', weight: undefined, reason: 'kernel' },
  ...{ by: 'ada', since: 1_000_000, until: 1_000_000 + TIMEOUT, drainedAt: undefined, cutOff: undefined },
  ...{ dangling: false, connections: { active: 1, inactive: 0, persistent: 0 } },
};
const document = {
  ...{ service: 'web', server: '10.1.1.2:80', override: begun, was: undefined },
  ...{ changes: [], notes: [], tableUnavailable: undefined },
} satisfies OverrideDocument;

/** What the daemon says at each look, the last of it from then on. */
const saying = (...said: readonly OverrideStatus[]) => {
  let look = 0;
  return {
    overrides: async () => ({
      overrides: said.slice(Math.min(look++, said.length - 1)).slice(0, 1),
      tableUnavailable: undefined,
    }),
  };
};
const shifted = (one: OverrideStatus, step: number): OverrideStatus => ({
  ...one,
  since: one.since + step,
  until: one.until && one.until + step,
});

const wait = (...said: readonly OverrideStatus[]) =>
  drained(saying(...said), document, async () => undefined);

describe('the wait for a drain', () => {
  it.each([HOUR, -HOUR])('goes on where somebody sets the clock by %d ms', async (step) => {
    const done = { ...shifted(begun, step), drainedAt: begun.since + step + 2_000, cutOff: 0 };
    expect(await wait(begun, begun, shifted(begun, step), done)).toEqual({ kind: 'over', status: done });
  });

  it('ends where somebody says something else of the real server', async () => {
    for (const other of [
      { ...begun, action: 'disable', until: undefined },
      { ...begun, until: (begun.until ?? 0) + 1_000 },
      { ...begun, by: 'bob' },
    ] as const)
      expect(await wait(other)).toEqual({ kind: 'ended-by-another' });
  });

  it('does not last much longer than the drain should', async () => {
    let waited = 0;
    const pause = async (duration: number): Promise<void> => {
      waited += duration;
    };
    await expect(drained(saying(begun), document, pause)).rejects.toThrow('the time is over');
    expect(waited).toBeGreaterThanOrEqual(TIMEOUT + 30_000);
    expect(waited).toBeLessThan(TIMEOUT + 35_000);
  });
});
