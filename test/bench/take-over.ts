/**
 * Take-over: the active director dies without a farewell. From its last advert on the wire to the first gratuitous
 * ARP of the backup, by the kernel's time stamps on the switch, and how much of it is more than the theory
 * (3 x interval + skew). Backup and dead one have priority 100, and change roles from run to run; each backup is a
 * process that has never taken over before. Both programs run side by side, each on a switch of its own; at short
 * intervals the deaths come one after the other, so that neither disturbs the other's take-over.
 */
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
import { isAdvert, Pair } from './pair.ts';
import type { Fact, Measured } from './report.ts';
import { median } from './statistics.ts';

const INTERVALS = [1_000, 100, 10];
const PRIORITY = 100;
/** How long a backup listens before the death, at least: its start is then over. */
const SETTLED = 1_000;

interface Lane {
  readonly program: Program;
  readonly pair: Pair;
  /** Which of the pair is active. */
  active: 0 | 1;
  /** Backups that took over before anybody had died. */
  lost: number;
}

const other = (active: 0 | 1): 0 | 1 => (active === 0 ? 1 : 0);

export const takeOver: Bench = {
  name: 'take-over',
  title: 'Take-over after the death of the active director',
  run,
};

async function run({ quick, note }: BenchContext): Promise<Measured> {
  await using lab = await Lab.create();
  const times = new Collected();
  const facts: Fact[] = [];
  for (const interval of INTERVALS) {
    const lanes: Lane[] = [];
    for (const program of PROGRAMS) lanes.push(await openLane(lab, program, interval));
    const runs = quick ? 3 : 20;
    for (let i = 1; i <= runs; i++) {
      await Promise.all(lanes.map((lane) => prepare(lane, interval)));
      note(`${intervalText(interval)}: run ${i} of ${runs}`);
      const measure = async (lane: Lane): Promise<void> => {
        times.add(`${interval} ${lane.program}`, await death(lane, interval));
      };
      // At long intervals nearly all the time is waiting, which can be done together.
      if (interval >= 1_000) await Promise.all(lanes.map(measure));
      else for (const lane of shuffled(lanes)) await measure(lane);
    }
    for (const { pair, program, lost } of lanes) {
      for (const director of pair.directors) await director.clear();
      const what = `adverts every ${intervalText(interval)}: take-overs before the death, left out`;
      if (lost > 0) facts.push({ what, subject: program, value: lost });
    }
  }
  return { ...evaluate(times), facts };
}

async function openLane(lab: Lab, program: Program, interval: number): Promise<Lane> {
  const pair = await Pair.create(lab, `${program.slice(0, 1)}${interval}`);
  await pair.directors[0].start(program, { interval, priority: PRIORITY });
  await pair.advertOf(pair.directors[0], 0);
  return { program, pair, active: 0, lost: 0 };
}

/** Starts a fresh backup beside the active one and lets it settle. */
async function prepare(lane: Lane, interval: number): Promise<void> {
  const { program, pair } = lane;
  for (;;) {
    const expected = pair.directors[lane.active];
    await pair.directors[other(lane.active)].start(program, { interval, priority: PRIORITY });
    const settled = Date.now() + SETTLED;
    const seen = await pair.anyAdvert((advert) => advert.time >= settled);
    if (seen.source === expected.address) return;
    // The machine stood still for so long that the backup has taken over already: once more, with another.
    lane.active = other(lane.active);
    lane.lost++;
  }
}

/** Lets the active one die at a random point of its interval and gives how long the other took. */
async function death(lane: Lane, interval: number): Promise<number> {
  const { pair } = lane;
  const dying = pair.directors[lane.active];
  const sample = await pair.advertOf(dying);
  await delay(Math.random() * interval);
  const { events } = pair.observer;
  const announced = pair.announcementAfter(sample, events.mark);
  const [announcement] = await Promise.all([announced, dying.die()]);
  const last = events.all.findLast(
    (event) => isAdvert(event, dying.address) && event.time < announcement.time,
  );
  if (last === undefined) throw new Error(`no advert of ${dying.node.name} was seen`);
  lane.active = other(lane.active);
  return announcement.time - last.time;
}

function evaluate(times: Collected): Pick<Measured, 'series' | 'aims'> {
  const series = INTERVALS.flatMap((interval) => {
    const expected = theory(interval, PRIORITY);
    const of = (program: Program) => times.get(`${interval} ${program}`);
    const common = (program: Program) => ({ subject: program, unit: 'ms' as const });
    return [
      ...PROGRAMS.map((program) => ({
        what: `adverts every ${intervalText(interval)}: last advert to gratuitous ARP`,
        ...common(program),
        values: of(program),
      })),
      ...PROGRAMS.map((program) => ({
        what: `  ${intervalText(interval)}: excess over ${expected.toFixed(3)} ms in theory`,
        ...common(program),
        values: of(program).map((time) => time - expected),
      })),
    ];
  });
  const aims = INTERVALS.map((interval) => ({
    what: `${intervalText(interval)}: median excess above keepalived's`,
    measured: median(times.get(`${interval} vipward`)) - median(times.get(`${interval} keepalived`)),
    limit: 1,
    unit: 'ms' as const,
  }));
  return { series, aims };
}
