/** Standstills of this machine's own CPUs, measured beside a bench: what no program on them can help. */
import { join } from 'node:path';
import { allowedCpus } from '../lab/support/cpus.ts';
import { EventLog } from '../lab/support/event-log.ts';
import type { Node } from '../lab/support/node.ts';
import type { LabProcess } from '../lab/support/process.ts';
import type { Stall } from './stall-sleeper.ts';

/** Shorter ones, in ms, are not told. */
export const SHORTEST_STALL = 3;

export interface CpuStall extends Stall {
  readonly cpu: number;
}

export interface StallWatch {
  readonly stalls: EventLog<CpuStall>;
  stop(): Promise<void>;
}

/** Starts a sleeper on each CPU; resolves when all sleep. `node`: any on this machine's own kernel. */
export async function watchStalls(node: Node): Promise<StallWatch> {
  const stalls = new EventLog<CpuStall>();
  const sleepers: LabProcess[] = [];
  for (const cpu of allowedCpus()) {
    const program = ['node', '--single-threaded', join(import.meta.dirname, 'stall-sleeper.ts')];
    const sleeper = await node.spawn([
      ...['taskset', '-c', String(cpu), 'chrt', '--fifo', '99', ...program, String(SHORTEST_STALL)],
    ]);
    await sleeper.stdout.waitFor((line) => line.includes('ready'), { what: `the sleeper on CPU ${cpu}` });
    let heard = 1;
    sleeper.onData('stdout', () =>
      // The lines themselves are kept first, whole.
      queueMicrotask(() => {
        for (const line of sleeper.stdout.all.slice(heard)) stalls.push({ cpu, ...JSON.parse(line) });
        heard = sleeper.stdout.all.length;
      }),
    );
    sleepers.push(sleeper);
  }
  return {
    stalls,
    stop: async () => {
      for (const sleeper of sleepers) await sleeper.stop();
    },
  };
}

/** Whether some CPU stood still for at least `ms` without a break, wholly or partly between `from` and `to`. */
export const stoodStill = (stalls: readonly CpuStall[], ms: number, { from, to }: Stall): boolean =>
  stalls.some((stall) => stall.to - stall.from >= ms && stall.from < to && stall.to > from);
