/**
 * `npm run simulate -- --seeds 10000`: plays as many seeds on all processors, prints those that fail, and what was
 * wrong. `--seed S` replays one as a readable list, `--replay FILE` a recording of a live daemon.
 */
import { parseArgs } from 'node:util';
import { playSeeds } from './pool.ts';
import { replay } from './replay.ts';
import { simulate } from './simulate.ts';

const USAGE = `usage: npm run simulate -- [--seeds N] [--from S] | --seed S | --replay FILE
  --seeds N      plays N seeds (1000)
  --from S       beginning with this one (1)
  --seed S       replays one seed as a list of events
  --replay FILE  replays a recording made by vipward run --record FILE
`;

function options() {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      replay: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  return {
    ...values,
    seeds: whole(values.seeds),
    from: whole(values.from),
    seed: values.seed && whole(values.seed),
  };
}

function whole(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0) throw new RangeError(`${text} is no whole number`);
  return number;
}

async function many(from: number, seeds: number): Promise<number> {
  const begun = performance.now();
  const failures = await playSeeds(from, seeds);
  for (const { seed, problems } of failures) {
    console.log(
      `seed ${seed}: ${problems[0]}${problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''}`,
    );
  }
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(`${seeds} seeds, ${failures.length} failed, ${seconds} s`);
  return failures.length;
}

async function main(): Promise<void> {
  const chosen = options();
  const print = (line: string) => console.log(line);
  if (chosen.help) console.log(USAGE);
  else if (chosen.replay !== undefined) replay(chosen.replay, print);
  else if (typeof chosen.seed === 'number') {
    const problems = simulate(chosen.seed, print);
    for (const problem of problems) print(`!!! ${problem}`);
    if (problems.length > 0) process.exitCode = 1;
  } else if ((await many(chosen.from, chosen.seeds)) > 0) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}
