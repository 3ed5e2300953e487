/**
 * Detection: a real server's listener closes; how long until the IPVS table is without it. One director on an
 * embedded kernel runs vipward and keepalived in turn, both with checks every second and no second try; one real
 * server is checked by HTTP, one by TCP. The closing falls at a random point of the interval, so that in theory the
 * time is spread evenly from 0 to the interval. The reaction alone is also measured: from the reset on the wire that
 * answers the failing check until the table is without the real server. The table is looked at every 2 ms.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EventLog } from '../lab/support/event-log.ts';
import type { Kernel } from '../lab/support/kernel.ts';
import { Lab } from '../lab/support/lab.ts';
import { type Bench, type BenchContext, Collected, PROGRAMS, type Program } from './bench.ts';
import type { Measured } from './report.ts';
import { addBackEnd, type BackEnd, CHECK_INTERVAL, CHECKS, startService } from './service.ts';
import type { WireEvent } from './wire-watch.ts';

/** Discard: nothing listens, and nothing needs to. */
const TABLE_PORT = 9;
const DIRECTOR = '10.1.1.4';

interface WatchedBackEnd extends BackEnd {
  readonly wire: EventLog<WireEvent>;
}

export const detection: Bench = { name: 'detection', title: 'Detection of a real server that refuses', run };

async function run({ quick, note }: BenchContext): Promise<Measured> {
  await using lab = await Lab.create();
  const lan = await lab.addSwitch('lan');
  const kernel = await lab.addKernel('lvs', { ports: [{ on: lan, addresses: [`${DIRECTOR}/24`] }] });
  await kernel.boot();
  const backEnds: WatchedBackEnd[] = [];
  for (const check of CHECKS) backEnds.push(await watch(await addBackEnd(lab, lan, check)));
  const addresses = backEnds.map(({ address }) => address);
  await kernel.spawn(['node', join(import.meta.dirname, 'table-watch.ts'), String(TABLE_PORT), ...addresses]);
  const times = new Collected();
  const parts = quick ? 1 : 2;
  for (let part = 1; part <= parts; part++) {
    for (const program of PROGRAMS) {
      note(`${program}: part ${part} of ${parts}`);
      await measure(kernel, program, backEnds, times, quick ? 3 : 8);
    }
  }
  return evaluate(times);
}

async function measure(
  kernel: Kernel,
  program: Program,
  backEnds: readonly WatchedBackEnd[],
  times: Collected,
  runs: number,
): Promise<void> {
  const daemon = await change(backEnds, true, () => startService(kernel, program));
  for (let i = 0; i < runs; i++) {
    await Promise.all(
      backEnds.map(async (backEnd) => {
        const { whole, reaction } = await refuse(backEnd);
        times.add(`${backEnd.check} ${program} whole`, whole);
        times.add(`${backEnd.check} ${program} reaction`, reaction);
      }),
    );
  }
  // vipward leaves its table to the kernel when it stops, keepalived does not.
  await change(backEnds, false, async () => {
    await daemon.stop();
    await kernel.run(['ipvsadm', '-C']);
  });
}

async function watch(backEnd: BackEnd): Promise<WatchedBackEnd> {
  const program = join(import.meta.dirname, 'wire-watch.ts');
  const process = await backEnd.node.spawn(['node', program, 'eth0', String(TABLE_PORT)]);
  await process.stdout.waitFor((line) => line === 'ready');
  const wire = new EventLog<WireEvent>();
  let partial = '';
  process.onData('stdout', (bytes) => {
    const lines = (partial + bytes.toString()).split('\n');
    partial = lines.pop() ?? '';
    for (const line of lines) if (line.startsWith('{')) wire.push(JSON.parse(line));
  });
  process.exit.then(() => wire.end(process.stderr.all.join('\n')));
  return { ...backEnd, wire };
}

/** When the table was first seen with, or without, the real server. */
async function inTable(
  { check, wire, tableName }: WatchedBackEnd,
  is: boolean,
  since: number,
): Promise<WireEvent> {
  return await wire.waitFor((event) => event.kind === 'datagram' && event.text.includes(tableName) === is, {
    since,
    what: `the table ${is ? 'with' : 'without'} the real server that is checked by ${check}`,
  });
}

/** Does it and waits until the table is so for all. */
async function change<T>(
  backEnds: readonly WatchedBackEnd[],
  is: boolean,
  work: () => Promise<T>,
): Promise<T> {
  const marks = backEnds.map(({ wire }) => wire.mark);
  const result = await work();
  await Promise.all(backEnds.map((backEnd, i) => inTable(backEnd, is, marks[i] ?? 0)));
  return result;
}

/** One run, at a random point of the check's interval. Afterwards the real server is back. */
async function refuse(backEnd: WatchedBackEnd): Promise<{ whole: number; reaction: number }> {
  const { wire, server, port } = backEnd;
  await delay(Math.random() * CHECK_INTERVAL);
  let since = wire.mark;
  await server.change('refuse');
  const closed = performance.timeOrigin + performance.now();
  const removed = await inTable(backEnd, false, since);
  const refused = wire.all.findLast(
    (event) => event.kind === 'refused' && event.port === port && event.time < removed.time,
  );
  if (refused === undefined) throw new Error(`${backEnd.check}: removed before any connection was refused`);
  since = wire.mark;
  await server.change('serve');
  await inTable(backEnd, true, since);
  return { whole: removed.time - closed, reaction: removed.time - refused.time };
}

function evaluate(times: Collected): Measured {
  const series = CHECKS.flatMap((check) =>
    (['whole', 'reaction'] as const).flatMap((part) =>
      PROGRAMS.map((program) => ({
        what:
          part === 'whole'
            ? `${check} check every ${CHECK_INTERVAL / 1_000} s: listener closed to table without it`
            : `  ${check}: reset on the wire to table without it`,
        subject: program,
        unit: 'ms' as const,
        values: times.get(`${check} ${program} ${part}`),
      })),
    ),
  );
  return { series, facts: [], aims: [] };
}
