/**
 * Adverts under load: four busy loops run in the directors' own scheduler autogroup (in a session of their own they
 * would hide in another group, and take a share of the CPU rather than compete), and two directors run on the machine
 * under this load. How far the time between two adverts of the active one (priority 200) is from the interval,
 * whichever way, by the kernel's time stamps on the switch; with and without realtime priority; and how often the
 * backup (priority 100) takes over although nobody died.
 *
 * Beside it a sleeper of the highest realtime priority on each CPU measures how long the CPU itself stood still. A
 * take-over is false unless some CPU stood still, in the time since the active one's last advert, for longer than the
 * active-down interval leaves after that advert's successor is due, with a margin of 1 ms.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Lab } from '../lab/support/lab.ts';
import type { Seen } from '../lab/support/observer.ts';
import type { LabProcess } from '../lab/support/process.ts';
import {
  type Bench,
  type BenchContext,
  Collected,
  intervalText,
  PROGRAMS,
  type Program,
  shuffled,
  theory,
} from './bench.ts';
import { isAdvert, Pair } from './pair.ts';
import { prepareProgram } from './program.ts';
import type { Fact, Measured } from './report.ts';
import { type CpuStall, type StallWatch, stoodStill, watchStalls } from './stalls.ts';
import { deviations } from './statistics.ts';

const LOOPS = 4;
const BUSY_LOOP = 'while :; do :; done';
const ACTIVE = 200;
const BACKUP = 100;

interface Variant {
  readonly subject: string;
  readonly program: Program;
  readonly interval: number;
  readonly realtime: boolean;
  /** Of each of the two parts, in ms; the variants take turns. */
  readonly duration: number;
}

export const load: Bench = {
  name: 'load',
  title: `Adverts under ${LOOPS} busy loops in the same autogroup`,
  run,
};

const PARTS = 2;

function variants(quick: boolean): readonly Variant[] {
  return [100, 10].flatMap((interval) =>
    [true, false].flatMap((realtime) =>
      PROGRAMS.map((program) => ({
        subject: realtime ? `${program}, realtime` : program,
        program,
        interval,
        realtime,
        duration: quick ? 2_000 : interval === 10 && realtime ? 30_000 : 15_000,
      })),
    ),
  );
}

class Results {
  readonly deviations = new Collected();
  readonly falseTakeOvers = new Collected();
  readonly stalledTakeOvers = new Collected();
  readonly stalls: CpuStall[] = [];
}

const keyOf = ({ interval, subject }: Variant): string => `${interval} ${subject}`;

async function run({ quick, note }: BenchContext): Promise<Measured> {
  await using lab = await Lab.create();
  const pair = await Pair.create(lab, 'load');
  const watch = await watchStalls(lab.machine);
  const results = new Results();
  const all = variants(quick);
  const parts = quick ? 1 : PARTS;
  for (let part = 1; part <= parts; part++) {
    for (const variant of shuffled(all)) {
      note(`part ${part} of ${parts}: ${variant.subject} at ${intervalText(variant.interval)}`);
      await measure(lab, pair, variant, watch, results);
    }
  }
  await watch.stop();
  results.stalls.push(...watch.stalls.all);
  return evaluate(all, results, (quick ? 1 : PARTS) / 1_000);
}

async function measure(
  lab: Lab,
  pair: Pair,
  variant: Variant,
  watch: StallWatch,
  results: Results,
): Promise<void> {
  const [active, backup] = pair.directors;
  const { events } = pair.observer;
  const session = await startLoaded(lab, pair, variant);
  await active.listening(session);
  await backup.listening(session);
  await pair.advertOf(active, events.mark);
  // Their start is over, and the election with it: under load both may have taken seconds.
  await delay(2_000);
  const from = (await pair.advertOf(active)).time;
  await delay(variant.duration);
  const to = (await pair.advertOf(active)).time;
  // Processes of both namespaces are in the one session that was started.
  await session.stop(0);
  for (const director of pair.directors) await director.clear();
  const seen = events.all.filter(({ time }) => time >= from && time <= to);
  const times = seen.filter((event) => isAdvert(event, active.address)).map(({ time }) => time);
  results.deviations.add(keyOf(variant), ...deviations(times, variant.interval));
  for (const span of takeOvers(seen, active.address, backup.address)) {
    const threshold = theory(variant.interval, BACKUP) - variant.interval - 1;
    const excused = stoodStill(watch.stalls.all, threshold, span);
    (excused ? results.stalledTakeOvers : results.falseTakeOvers).add(keyOf(variant), span.to - span.from);
  }
}

/** One session, and so one autogroup, for the loops and both directors. */
async function startLoaded(
  lab: Lab,
  pair: Pair,
  { program, interval, realtime }: Variant,
): Promise<LabProcess> {
  const lines = Array.from({ length: LOOPS }, () => `sh -c '${BUSY_LOOP}' &`);
  for (const [i, { node }] of pair.directors.entries()) {
    const settings = { interval, realtime, priority: i === 0 ? ACTIVE : BACKUP };
    const command = await prepareProgram(program, node, settings);
    lines.push(`ip netns exec ${node.namespace} ${command.join(' ')} &`);
  }
  return await lab.machine.spawn(['sh', '-c', [...lines, 'wait'].join('\n')]);
}

/** From the active one's last advert to the first of the backup, for each time that the backup began to advertise. */
function takeOvers(seen: readonly Seen[], active: string, backup: string): { from: number; to: number }[] {
  const found: { from: number; to: number }[] = [];
  let last: number | undefined;
  for (const event of seen) {
    if (event.kind !== 'vrrp') continue;
    if (event.source === active) last = event.time;
    else if (event.source === backup && event.priority > 0 && last !== undefined) {
      found.push({ from: last, to: event.time });
      // It goes on until it hears the active one again.
      last = undefined;
    }
  }
  return found;
}

function evaluate(all: readonly Variant[], results: Results, seconds: number): Measured {
  const series = all.map((variant) => ({
    what: `adverts every ${intervalText(variant.interval)}: deviation`,
    subject: variant.subject,
    unit: 'ms' as const,
    values: results.deviations.get(keyOf(variant)),
  }));
  const facts: Fact[] = all.map((variant) => {
    const excused = results.stalledTakeOvers.get(keyOf(variant)).length;
    return {
      what: `adverts every ${intervalText(variant.interval)}: false take-overs`,
      subject: variant.subject,
      value: results.falseTakeOvers.get(keyOf(variant)).length,
      detail: `in ${variant.duration * seconds} s; and ${excused} while a CPU stood still`,
    };
  });
  const lengths = results.stalls.map(({ from, to }) => to - from);
  facts.push(
    { what: 'standstills of a CPU over 3 ms', subject: 'machine', value: lengths.length },
    { what: 'longest standstill (ms)', subject: 'machine', value: Math.max(0, ...lengths) },
  );
  const aims = all
    .filter(({ program, realtime }) => program === 'vipward' && realtime)
    .map((variant) => ({
      what: `${intervalText(variant.interval)}, realtime: false take-overs`,
      measured: results.falseTakeOvers.get(keyOf(variant)).length,
      limit: 0,
      unit: '' as const,
    }));
  return { series, facts, aims };
}
