/**
 * Clean stop: the active director is told to stop (SIGTERM to its main process) while a client on the same switch
 * probes the VIP with an ICMP echo request every millisecond. The longest time span from the first unanswered request
 * to the next answered one; 0 when none was lost. The one that stops has priority 200, its successor 100, whose skew
 * is 156/256 of the interval. Each is a fresh process; vipward is also measured with keepalived as its successor.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Lab } from '../lab/support/lab.ts';
import type { NamespaceNode } from '../lab/support/network.ts';
import { startProbe } from '../lab/support/tools.ts';
import { type Bench, type BenchContext, Collected, intervalText, type Program, shuffled } from './bench.ts';
import { Pair } from './pair.ts';
import { VIP } from './program.ts';
import type { Measured } from './report.ts';
import { median } from './statistics.ts';

const INTERVALS = [1_000, 100, 10];
const STOPPING = 200;
const SUCCESSOR = 100;
/** How long the probe goes on after the successor's announcement. */
const AFTERMATH = 500;

const COUPLES = [
  { subject: 'vipward', stops: 'vipward', follows: 'vipward' },
  { subject: 'vipward, then keepalived', stops: 'vipward', follows: 'keepalived' },
  { subject: 'keepalived', stops: 'keepalived', follows: 'keepalived' },
] as const satisfies readonly { subject: string; stops: Program; follows: Program }[];

type Couple = (typeof COUPLES)[number];

interface Lane {
  readonly couple: Couple;
  readonly pair: Pair;
  readonly client: NamespaceNode;
}

export const cleanStop: Bench = {
  name: 'clean-stop',
  title: 'Clean stop under a 1 ms probe of the VIP',
  run,
};

async function run({ quick, note }: BenchContext): Promise<Measured> {
  await using lab = await Lab.create();
  const unanswered = new Collected();
  const lanes: Lane[] = [];
  for (const [i, couple] of COUPLES.entries()) {
    const pair = await Pair.create(lab, `c${i}`);
    const ports = [{ on: pair.lan, addresses: ['10.1.1.100/24'] }];
    lanes.push({ couple, pair, client: await lab.addHost(`c${i}-client`, { ports }) });
  }
  for (const interval of INTERVALS) {
    const runs = quick ? 2 : 5;
    for (let i = 1; i <= runs; i++) {
      await Promise.all(lanes.map((lane) => prepare(lane, interval)));
      note(`${intervalText(interval)}: run ${i} of ${runs}`);
      for (const lane of shuffled(lanes))
        unanswered.add(`${interval} ${lane.couple.subject}`, await stopOnce(lane, interval));
    }
  }
  for (const { pair } of lanes) for (const director of pair.directors) await director.clear();
  return evaluate(unanswered);
}

/** The first director becomes active, then the second its backup. */
async function prepare({ couple, pair }: Lane, interval: number): Promise<void> {
  const [stopping, successor] = pair.directors;
  await successor.clear();
  const since = pair.observer.events.mark;
  await stopping.start(couple.stops, { interval, priority: STOPPING });
  await pair.advertOf(stopping, since);
  await successor.start(couple.follows, { interval, priority: SUCCESSOR });
  const started = Date.now();
  // Until its start is over, and longer by far than a fresh ARP entry needs.
  for (;;) if ((await pair.advertOf(stopping)).time >= started + 500) return;
}

async function stopOnce({ pair, client }: Lane, interval: number): Promise<number> {
  const [stopping] = pair.directors;
  const probe = await startProbe(client, { address: VIP, interval: 1 });
  await delay(100 + Math.random() * interval);
  const { events } = pair.observer;
  const since = events.mark;
  const sample = await pair.advertOf(stopping, 0);
  stopping.stop();
  await pair.announcementAfter(sample, since);
  await stopping.ended();
  await delay(AFTERMATH);
  const { gaps } = await probe.stop();
  return Math.max(0, ...gaps.map(({ from, to }) => to - from));
}

function evaluate(unanswered: Collected): Measured {
  const series = INTERVALS.flatMap((interval) =>
    COUPLES.map(({ subject }) => ({
      what: `adverts every ${intervalText(interval)}: longest time unanswered`,
      subject,
      unit: 'ms' as const,
      values: unanswered.get(`${interval} ${subject}`),
    })),
  );
  const aims = INTERVALS.flatMap((interval) =>
    COUPLES.filter(({ stops }) => stops === 'vipward').map(({ subject }) => ({
      what: `${intervalText(interval)}: median of ${subject}`,
      measured: median(unanswered.get(`${interval} ${subject}`)),
      limit: 5,
      unit: 'ms' as const,
    })),
  );
  return { series, facts: [], aims };
}
