/**
 * `npm run bench`: measures vipward and Debian's keepalived side by side, in the same run, on this machine, in
 * network namespaces and an embedded kernel that nobody else sees. Prints a table and writes bench.json.
 *
 *     npm run bench -- [--quick] [--only NAME]... [--json FILE]
 *
 * Exit code 0: everything was measured, whether or not the aims were met, which depends on the machine.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CHECKOUT } from '../lab/support/node.ts';
import { optionsOrUsage } from '../support/options.ts';
import type { Bench } from './bench.ts';
import { bigTable } from './big-table.ts';
import { cleanStop } from './clean-stop.ts';
import { detection } from './detection.ts';
import { footprint } from './footprint.ts';
import { load } from './load.ts';
import { manyRouters } from './many-routers.ts';
import { type Report, type Section, toJson, toText } from './report.ts';
import { takeOver } from './take-over.ts';

const BENCHES: readonly Bench[] = [takeOver, manyRouters, cleanStop, load, detection, bigTable, footprint];

interface Options {
  readonly quick: boolean;
  readonly only: readonly string[];
  readonly json: string;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      json: { type: 'string', default: join(CHECKOUT, 'bench.json') },
    },
  });
  const names = BENCHES.map(({ name }) => name);
  const unknown = values.only.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`--only ${unknown}: there are ${names.join(', ')}`);
  return values;
}

async function measure(bench: Bench, quick: boolean): Promise<Section> {
  const begun = performance.now();
  const note = (text: string): void => {
    const seconds = ((performance.now() - begun) / 1_000).toFixed(0);
    process.stderr.write(`${process.stderr.isTTY ? '\r\x1b[K' : ''}${bench.name} ${seconds} s: ${text}`);
    if (!process.stderr.isTTY) process.stderr.write('\n');
  };
  const measured = await bench.run({ quick, note });
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  return {
    name: bench.name,
    title: bench.title,
    seconds: Math.round((performance.now() - begun) / 1_000),
    ...measured,
  };
}

function firstLine(program: string, ...args: readonly string[]): string {
  // keepalived prints its version to standard error.
  const text = execFileSync('sh', ['-c', '"$0" "$@" 2>&1', program, ...args], { encoding: 'utf8' });
  return text.split('\n')[0] ?? '';
}

async function main(): Promise<void> {
  const usage = `npm run bench [-- [--quick] [--only NAME]... [--json FILE]]
  --quick      measures fewer times
  --only NAME  ${BENCHES.map(({ name }) => name).join(', ')}
  --json FILE  where the figures go (bench.json)`;
  const { quick, only, json } = optionsOrUsage(usage, readOptions);
  const sections: Section[] = [];
  const report: Report = {
    date: new Date().toISOString(),
    machine: {
      kernel: release(),
      processor: cpus()[0]?.model ?? 'unknown',
      processors: cpus().length,
      memoryMB: Math.round(totalmem() / 1e6),
    },
    versions: {
      vipward: firstLine(join(CHECKOUT, 'src/vipward'), '--version'),
      keepalived: firstLine('keepalived', '--version'),
      node: process.version,
    },
    quick,
    sections,
  };
  for (const bench of BENCHES) {
    if (only.length > 0 && !only.includes(bench.name)) continue;
    const section = await measure(bench, quick);
    sections.push(section);
    process.stdout.write(`${toText(section)}\n`);
    // After each: what was measured is kept if a later one fails.
    writeFileSync(json, toJson(report));
  }
  process.stdout.write(`written to ${json}\n`);
}

await main();
