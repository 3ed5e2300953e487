/**
 * Memory: PSS (smaps_rollup) of all processes of the daemon together, 30 s after its start, each alone on an embedded
 * kernel of its own with the whole duty: a virtual router, two services with a real server each, checked every second.
 * vipward runs from a copy of the package there, on a copy of Node: the lab's own programs would share the pages of
 * the checkout's, and so hide a part of them.
 *
 * Start: from exec to the first advert on the wire as owner of the address (priority 255), who sends at once, in a
 * network namespace of this machine.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Kernel } from '../lab/support/kernel.ts';
import { Lab } from '../lab/support/lab.ts';
import { CHECKOUT } from '../lab/support/node.ts';
import { type Bench, type BenchContext, Collected, PROGRAMS, type Program, shuffled } from './bench.ts';
import { Pair } from './pair.ts';
import type { Measured } from './report.ts';
import { addBackEnd, CHECKS, startService } from './service.ts';

const IDLE = 30_000;
const OWNER = 255;
const MEMORY_LIMIT = 120;

export const footprint: Bench = { name: 'footprint', title: 'Memory and start', run };

async function run({ quick, note }: BenchContext): Promise<Measured> {
  await using lab = await Lab.create();
  const launcher = await copyPackage(lab);
  const kernels = await bootBoth(lab);
  const used = new Map<Program, ReadonlyMap<string, number>>();
  note('memory');
  await Promise.all(
    PROGRAMS.map(async (program) => {
      const kernel = kernels[program];
      const daemon = await startService(kernel, program, launcher);
      await delay(quick ? 5_000 : IDLE);
      used.set(program, await memoryOf(kernel, daemon.pid));
      kernel.kill();
    }),
  );
  const starts = new Collected();
  const pair = await Pair.create(lab, 'start');
  const runs = quick ? 3 : 15;
  for (let i = 1; i <= runs; i++) {
    note(`start: run ${i} of ${runs}`);
    for (const program of shuffled(PROGRAMS)) starts.add(program, await startOnce(pair, program));
  }
  return evaluate(used, starts);
}

/** What npm would install, with a Node of its own. Gives the path of its executable. */
async function copyPackage(lab: Lab): Promise<string> {
  const root = join(lab.scratch, 'package');
  await lab.machine.run(
    [
      'sh',
      '-ec',
      `mkdir -p "$0/node_modules" "$0/src"
     cp -a dist package.json "$0" && cp -a src/vipward "$0/src"
     for package in "$PWD"/node_modules/*; do
       case $package in
         */node-linux-*) cp -aL "$package" "$0/node_modules" ;;
         *) ln -s "$package" "$0/node_modules" ;;
       esac
     done`,
      root,
    ],
    { cwd: CHECKOUT },
  );
  return join(root, 'src/vipward');
}

/** On switches of their own, so that neither director sees the other. */
async function bootBoth(lab: Lab): Promise<Record<Program, Kernel>> {
  const make = async (program: Program): Promise<Kernel> => {
    const lan = await lab.addSwitch(program);
    for (const check of CHECKS) await addBackEnd(lab, lan, check, program);
    return await lab.addKernel(program, { ports: [{ on: lan, addresses: ['10.1.1.4/24'] }], memory: 1_024 });
  };
  const kernels = { vipward: await make('vipward'), keepalived: await make('keepalived') };
  await Promise.all(Object.values(kernels).map((kernel) => kernel.boot()));
  return kernels;
}

/** MB (of 1024 KiB) of each process of the daemon's process group, by what it is. */
async function memoryOf(kernel: Kernel, group: number): Promise<ReadonlyMap<string, number>> {
  const text = await kernel.run([
    'sh',
    '-ec',
    `for pid in $(pgrep -g "$0"); do
       echo "$(awk '/^Pss:/ { print $2 }' /proc/$pid/smaps_rollup) $(tr '\\0' ' ' </proc/$pid/cmdline)"
     done`,
    String(group),
  ]);
  const processes = new Map<string, number>();
  for (const line of text.trim().split('\n')) {
    const [kilobytes = '', ...command] = line.trim().split(' ');
    const own = command.findLast((part) => /^(manager|vrrp|checker)$/.test(part));
    processes.set(own ?? `process ${processes.size + 1}`, Number(kilobytes) / 1_024);
  }
  return processes;
}

/** Ms from exec to the first advert. */
async function startOnce(pair: Pair, program: Program): Promise<number> {
  const [director] = pair.directors;
  await director.clear();
  const since = pair.observer.events.mark;
  const startedAt = await director.launch(program, { interval: 1_000, priority: OWNER });
  const advert = await pair.advertOf(director, since);
  if (advert.priority !== OWNER)
    throw new Error(`${program}: the first advert has priority ${advert.priority}`);
  await director.clear();
  return advert.time - startedAt;
}

function evaluate(used: ReadonlyMap<Program, ReadonlyMap<string, number>>, starts: Collected): Measured {
  const total = (program: Program): number =>
    [...(used.get(program)?.values() ?? [])].reduce((a, b) => a + b, 0);
  const facts = PROGRAMS.map((program) => ({
    what: 'memory of all processes (MB PSS)',
    subject: program,
    value: total(program),
    detail: [...(used.get(program) ?? [])].map(([name, mb]) => `${name} ${mb.toFixed(1)}`).join(', '),
  }));
  const series = PROGRAMS.map((program) => ({
    what: 'exec to first advert',
    subject: program,
    unit: 'ms' as const,
    values: starts.get(program),
  }));
  const aims = [
    { what: 'memory of vipward', measured: total('vipward'), limit: MEMORY_LIMIT, unit: 'MB' as const },
  ];
  return { series, facts, aims };
}
