/**
 * `npm run lab [-- --stay] [-- --json FILE]`: plays the main job of vipward on embedded kernels and prints what was
 * expected, seen and measured. Exits with 1 when anything was not as it should be.
 *
 *   --stay        leaves everything running at the end, and says how to get a shell on each machine
 *   --json FILE   writes the table as JSON, too
 */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { optionsOrUsage } from '../support/options.ts';
import { play } from './story/play.ts';
import { Stage } from './story/stage.ts';
import { invitation } from './story/stay.ts';
import { formatTable } from './story/table.ts';

const print = (line: string): void => console.log(line);

async function main(stay: boolean, json: string | undefined): Promise<boolean> {
  const begin = Date.now();
  print(
    'Building the lab: a switch, a client, two web servers, and two directors with kernels of their own ...',
  );
  const stage = await Stage.set();
  try {
    const rows = await play(stage, print);
    const ok = rows.every((row) => row.ok);
    const took = Math.round((Date.now() - begin) / 1_000);
    print(`\n${formatTable(rows)}`);
    const failed = rows.filter((row) => !row.ok).length;
    print(ok ? `all as it should be, in ${took} s` : `${failed} not as it should be, in ${took} s`);
    if (json !== undefined)
      await writeFile(json, `${JSON.stringify({ ok, seconds: took, rows }, null, 2)}\n`);
    if (stay) await look(stage);
    return ok;
  } finally {
    await stage.close();
  }
}

/** Until enter, Ctrl-C, or the end of standard input. */
async function look(stage: Stage): Promise<void> {
  print(invitation(stage));
  const end = new AbortController();
  const { signal } = end;
  const waits = [once(process, 'SIGINT', { signal }), once(process, 'SIGTERM', { signal })];
  const enter = [once(process.stdin, 'data', { signal }), once(process.stdin, 'end', { signal })];
  await Promise.race([...waits, ...enter]);
  end.abort();
  await Promise.allSettled([...waits, ...enter]);
  process.stdin.pause();
  print('Ending the lab.');
}

const { stay, json } = optionsOrUsage(
  'npm run lab [-- [--stay] [--json FILE]]',
  () =>
    parseArgs({ options: { stay: { type: 'boolean', default: false }, json: { type: 'string' } } }).values,
);
process.exitCode = (await main(stay, json)) ? 0 : 1;
