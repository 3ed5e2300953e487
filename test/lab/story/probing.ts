/** How long the VIP goes unanswered, by a probe each millisecond. */
import { type Probe, startProbe } from '../support/tools.ts';
import { VIP } from './configuration.ts';
import type { Stage } from './stage.ts';

/** Runs `work` under the probe, which waits `patience` ms for an answer; the longest time span without any, in ms. */
export async function probing<T>(
  stage: Stage,
  patience: number,
  work: (probe: Probe) => Promise<T>,
): Promise<{ readonly result: T; readonly unanswered: number }> {
  const probe = await startProbe(stage.client, { address: VIP, interval: 1, patience });
  try {
    const result = await work(probe);
    const { gaps } = await probe.stop();
    return { result, unanswered: Math.max(0, ...gaps.map(({ from, to }) => to - from)) };
  } catch (error) {
    await probe.stop().catch(() => undefined);
    throw error;
  }
}
