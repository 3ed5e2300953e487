import { expect } from 'vitest';
import type { Node } from '../lab/support/node.ts';
import { startProbe } from '../lab/support/tools.ts';

/**
 * A machine that does other things stands still for some ms now and then, which loses probes that are one apart: of
 * three times one must be perfect. What is wrong about a hand-over is wrong each time.
 */
export async function losesNoProbe(
  client: Node,
  address: string,
  act: () => Promise<void>,
  undo: () => Promise<void>,
): Promise<void> {
  for (let left = 2; ; left--) {
    const probe = await startProbe(client, { address });
    await act();
    const { gaps, answered } = await probe.stop();
    expect(answered).toBeGreaterThan(0);
    if (gaps.length === 0) return;
    if (left === 0) expect(gaps).toEqual([]);
    await undo();
  }
}
