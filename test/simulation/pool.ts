/** Plays many seeds on all processors. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

/** From the first seed up to, but not including, the last one. */
export interface Portion {
  readonly from: number;
  readonly to: number;
}

export interface Failure {
  readonly seed: number;
  readonly problems: readonly string[];
}

/** Seeds are dealt out in small portions, as some take much longer than others. */
const PORTION = 50;

/** Those that failed, in the order of their numbers. */
export async function playSeeds(from: number, seeds: number): Promise<readonly Failure[]> {
  const failures: Failure[] = [];
  let next = from;
  const take = (): Portion | undefined => {
    if (next >= from + seeds) return undefined;
    const portion = { from: next, to: Math.min(from + seeds, next + PORTION) };
    next = portion.to;
    return portion;
  };
  const threads = Math.min(availableParallelism(), Math.ceil(seeds / PORTION));
  await Promise.all(Array.from({ length: threads }, () => work(take, failures)));
  return failures.toSorted((a, b) => a.seed - b.seed);
}

function work(take: () => Portion | undefined, failures: Failure[]): Promise<void> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url));
  return new Promise((resolve, reject) => {
    const more = () => {
      const portion = take();
      if (portion !== undefined) worker.postMessage(portion);
      else void worker.terminate().then(() => resolve());
    };
    worker.on('error', reject);
    worker.on('message', (found: readonly Failure[]) => {
      failures.push(...found);
      more();
    });
    more();
  });
}
