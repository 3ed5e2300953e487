/**
 * 255 virtual routers on one pair, all there can be on one interface. Both programs run side by side, each on a switch
 * of its own; the deaths come one after the other. Each backup is a process that has never taken over before.
 *
 * - Take-over: the active director dies without a farewell. For each virtual router, from its last advert on the wire
 *   to the backup's first gratuitous ARP, and how much of it is more than the theory; and the last of the 255, when
 *   all of them are served again.
 * - All 1,275 gratuitous ARPs, five for each: how much later than they are due. Both programs send five by default:
 *   keepalived all at once, vipward one every 100 ms, so that one short loss does not swallow them all.
 * - CPU, user and system, of the process that speaks VRRP and of the whole daemon, as active and as backup.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Lab } from '../lab/support/lab.ts';
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
import { cpuOfAll } from './cpu.ts';
import { type Announced, ManyPair, type Roles } from './many-pair.ts';
import type { Director } from './pair.ts';
import type { Measured, Series } from './report.ts';
import { median } from './statistics.ts';

const INTERVALS = [1_000, 100];
const COUNT = 255;
const PRIORITY = 100;
/** How many gratuitous ARPs each address gets at once, by the default of both programs. */
const REPEATS = 5;
/** Between two of them, in ms. */
const SPACING: Readonly<Record<Program, number>> = { vipward: 100, keepalived: 0 };
/**
 * How long all run before their CPU is measured, and what it is measured over: a director runs for months, and
 * JavaScript that runs often is compiled anew in its first half minute.
 */
const SETTLED = 20_000;
const WINDOW = 20_000;

interface Lane {
  readonly program: Program;
  readonly pair: ManyPair;
  roles: Roles;
}

class Results {
  readonly values = new Collected();
  /** Virtual routers that nobody took over. */
  readonly lost = new Map<Program, number>(PROGRAMS.map((program) => [program, 0]));
}

export const manyRouters: Bench = {
  name: 'many-routers',
  title: `${COUNT} virtual routers on one pair`,
  run,
};

async function run({ quick, note }: BenchContext): Promise<Measured> {
  await using lab = await Lab.create();
  const results = new Results();
  const lanes: Lane[] = [];
  for (const program of PROGRAMS) {
    const pair = await ManyPair.create(lab, `m-${program.slice(0, 1)}`);
    lanes.push({ program, pair, roles: { active: pair.directors[0], backup: pair.directors[1] } });
  }
  for (const interval of INTERVALS) {
    const settings = { interval, priority: PRIORITY, count: COUNT };
    await Promise.all(lanes.map(({ program, roles }) => roles.active.start(program, settings)));
    const runs = quick ? 1 : 5;
    for (let i = 1; i <= runs; i++) {
      note(`${intervalText(interval)}: run ${i} of ${runs}`);
      await Promise.all(lanes.map(({ pair, roles }) => pair.settled(roles.active, COUNT, interval)));
      await Promise.all(lanes.map(({ program, roles }) => roles.backup.start(program, settings)));
      await Promise.all(lanes.map((lane) => settle(lane, interval, quick ? 2_000 : SETTLED)));
      await Promise.all(lanes.map((lane) => measureCpu(lane, interval, quick ? 5_000 : WINDOW, results)));
      for (const lane of shuffled(lanes)) await death(lane, interval, results);
    }
    for (const { pair } of lanes) for (const director of pair.directors) await director.clear();
  }
  return evaluate(results);
}

/** The backup's start is over; the machine may have stood still so long meanwhile that it is active. */
async function settle(lane: Lane, interval: number, duration: number): Promise<void> {
  const { pair, roles } = lane;
  await delay(duration);
  lane.roles = await pair.rolesOf(roles, COUNT, interval);
}

async function measureCpu(
  { program, roles }: Lane,
  interval: number,
  duration: number,
  { values }: Results,
): Promise<void> {
  const directors = [
    ['active', roles.active],
    ['backup', roles.backup],
  ] as const;
  await Promise.all(
    directors.map(async ([role, director]) => {
      const pids = await director.pids();
      const speaker = await speakerOf(program, director, pids);
      const [begun, before] = [performance.now(), cpuOfAll(pids)];
      await delay(duration);
      const [after, seconds] = [cpuOfAll(pids), (performance.now() - begun) / 1_000];
      const percent = (pid: number): number =>
        (100 * ((after.get(pid) ?? 0) - (before.get(pid) ?? 0))) / seconds;
      values.add(keyOf(program, interval, `${role} vrrp`), percent(speaker));
      values.add(
        keyOf(program, interval, `${role} all`),
        pids.reduce((sum, pid) => sum + percent(pid), 0),
      );
    }),
  );
}

/** The process that sends and hears adverts. */
async function speakerOf(program: Program, director: Director, pids: readonly number[]): Promise<number> {
  const { node } = director;
  if (program === 'keepalived')
    return Number(await readFile(join(node.scratch, program, 'vrrp.pid'), 'utf8'));
  for (const pid of pids) {
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split(/[\0 ]/);
    if (command.includes('vrrp')) return pid;
  }
  const output = director.output.slice(-5).join('\n');
  throw new Error(`${node.name}: ${program} has no vrrp process\n${output}`);
}

async function death(lane: Lane, interval: number, { values, lost }: Results): Promise<void> {
  const { program, pair, roles } = lane;
  const expected = theory(interval, PRIORITY);
  const announced = await pair.death(roles, COUNT, interval, expected + REPEATS * SPACING[program] + 500);
  lane.roles = { active: roles.backup, backup: roles.active };
  lost.set(program, (lost.get(program) ?? 0) + COUNT - announced.length);
  const firsts = announced.map(({ lastAdvert, times }) => (times[0] ?? 0) - lastAdvert - expected);
  values.add(keyOf(program, interval, 'first'), ...firsts);
  values.add(keyOf(program, interval, 'last of firsts'), Math.max(...firsts));
  const all = announced.flatMap((each) => lateness(program, each, expected));
  values.add(keyOf(program, interval, 'last of all'), Math.max(...all));
  const begin = Math.min(...announced.map(({ lastAdvert }) => lastAdvert));
  const end = Math.max(...announced.map(({ times }) => times[0] ?? 0));
  values.add(keyOf(program, interval, 'whole'), end - begin - expected);
  values.add(keyOf(program, interval, 'count'), announced.flatMap(({ times }) => times).length);
}

/** Of each gratuitous ARP, over when it is due. */
const lateness = (program: Program, { lastAdvert, times }: Announced, expected: number): readonly number[] =>
  times.slice(0, REPEATS).map((time, i) => time - lastAdvert - expected - i * SPACING[program]);

const keyOf = (program: Program, interval: number, what: string): string => `${program} ${interval} ${what}`;

const TITLES = [
  ['first', 'first gratuitous ARP of each over the theory', 'ms'],
  ['last of firsts', '  the last of the 255', 'ms'],
  ['whole', '  the last of the 255, counted from the very first last advert', 'ms'],
  ['last of all', '  the last of all 1,275, over when it is due', 'ms'],
  ['active vrrp', 'CPU of the vrrp process, active', '%'],
  ['active all', '  of the whole daemon', '%'],
  ['backup vrrp', 'CPU of the vrrp process, backup', '%'],
  ['backup all', '  of the whole daemon', '%'],
] as const;

function evaluate({ values, lost }: Results): Measured {
  const of = (program: Program, interval: number, what: string) => values.get(keyOf(program, interval, what));
  const series: Series[] = INTERVALS.flatMap((interval) =>
    TITLES.flatMap(([key, title, unit]) =>
      PROGRAMS.map((program) => ({
        what: `${intervalText(interval)}: ${title}`,
        subject: program,
        unit,
        values: of(program, interval, key),
      })),
    ),
  );
  const facts = INTERVALS.flatMap((interval) =>
    PROGRAMS.map((program) => ({
      what: `${intervalText(interval)}: gratuitous ARPs of a take-over`,
      subject: program,
      value: median(of(program, interval, 'count')),
      detail: `${lost.get(program) ?? 0} virtual routers lost in all runs`,
    })),
  );
  const aims = INTERVALS.flatMap((interval) => {
    const medianOf = (program: Program, key: string): number => median(of(program, interval, key));
    const beyond = (key: string): number => medianOf('vipward', key) - medianOf('keepalived', key);
    const times = (key: string): number =>
      // Below what the kernel counts a CPU's time in nothing can be told.
      medianOf('vipward', key) / Math.max(medianOf('keepalived', key), 0.1);
    const name = intervalText(interval);
    return [
      { what: `${name}: last of the 255 after keepalived's`, key: 'last of firsts' },
      { what: `${name}: last of all 1,275, over when due, after keepalived's`, key: 'last of all' },
    ]
      .map(({ what, key }) => ({ what, measured: beyond(key), limit: 0, unit: 'ms' as 'ms' | 'x' | '' }))
      .concat(
        (['active', 'backup'] as const).map((role) => ({
          what: `${name}: CPU as ${role}, vrrp process, times keepalived's`,
          measured: times(`${role} vrrp`),
          limit: 2,
          unit: 'x' as const,
        })),
      );
  });
  const taken = { what: 'virtual routers not taken over', measured: lost.get('vipward') ?? 0, limit: 0 };
  return { series, facts, aims: [...aims, { ...taken, unit: '' }] };
}
