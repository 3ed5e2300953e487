/** One thread of `pool.ts`: plays the seeds that it is told, and tells which of them failed. */
import { parentPort } from 'node:worker_threads';
import type { Failure, Portion } from './pool.ts';
import { simulate } from './simulate.ts';

parentPort?.on('message', ({ from, to }: Portion) => {
  const failures: Failure[] = [];
  for (let seed = from; seed < to; seed++) {
    const problems = simulate(seed);
    if (problems.length > 0) failures.push({ seed, problems });
  }
  parentPort?.postMessage(failures);
});
