/**
 * A table of 100 and of 1,000 virtual servers with 10 real servers each, on one embedded kernel that runs vipward and
 * keepalived in turn, with a virtual router of the same daemon that advertises every 100 ms. All times are by that
 * kernel's clock, to when it had answered the last change of its table: from exec to the whole table; from the edit of
 * the file, and a SIGHUP, to the table with one changed weight; from the reset that answers a failing check to the table
 * without that real server. Messages are counted as the kernel hands them to its netlink monitor, for both alike, until
 * the change is there; what a look at the table afterwards takes is told beside it. The longest gap between adverts is
 * that on the switch, in equal times with nothing done and with a reload. A connection through an unchanged virtual
 * server is held over all reloads.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Lab } from '../lab/support/lab.ts';
import { type Bench, type BenchContext, Collected, PROGRAMS, type Program, shuffled } from './bench.ts';
import { BigTableDirector, createStage, HeldConnection, type Stage } from './big-table-director.ts';
import { fileOf, REAL_SERVERS_EACH, type Variant } from './big-table-files.ts';
import type { Aim, Fact, Measured, Series } from './report.ts';
import { median } from './statistics.ts';

interface Size {
  readonly services: number;
  /** Ms in which everything that follows a change is over, whichever program. */
  readonly rest: number;
  /** For the changed weight, in ms. */
  readonly limit: number;
}

const SIZES: readonly Size[] = [
  { services: 100, rest: 3_000, limit: 100 },
  { services: 1_000, rest: 5_000, limit: 500 },
];
const DUMP_LIMIT = 50;

export const bigTable: Bench = {
  name: 'big-table',
  title: 'Tables of 1,000 and 10,000 real servers',
  run,
};

class Results {
  readonly values = new Collected();
  /** Of connections, and of counters, over the reloads of each program. */
  readonly lost = new Map<Program, number>();
  readonly reset = new Map<Program, number>();
  readonly details = new Map<string, string>();
}

const keyOf = (program: Program, services: number, what: string): string => `${program} ${services} ${what}`;

async function run({ quick, note }: BenchContext): Promise<Measured> {
  await using lab = await Lab.create();
  const stage = await createStage(lab);
  const results = new Results();
  const rounds = quick ? 1 : 3;
  for (let round = 1; round <= rounds; round++)
    for (const size of SIZES)
      for (const program of shuffled(PROGRAMS)) {
        note(`round ${round} of ${rounds}: ${program} with ${size.services} virtual servers`);
        await measure(stage, program, size, quick ? 1 : 3, results);
      }
  return evaluate(results);
}

/** One life of the program. */
async function measure(
  stage: Stage,
  program: Program,
  { services, rest }: Size,
  repeats: number,
  results: Results,
): Promise<void> {
  const key = (what: string): string => keyOf(program, services, what);
  const { values } = results;
  const director = new BigTableDirector(stage, program, rest);
  const variant: Variant = { services, lastWeight: 1, checked: false };
  const servers = services * REAL_SERVERS_EACH;
  const first = await director.start(variant, ({ changes }) => changes['add real server'] === servers);
  values.add(key('start'), (first.report.changedAt ?? Number.NaN) - first.at);
  values.add(key('start messages'), first.report.untilChanged.messages);
  results.details.set(key('start messages'), detailOf(first.report));
  const held = await HeldConnection.open(stage);
  for (let i = 0; i < repeats; i++) {
    values.add(key('gap at rest'), (await director.idle()).longestGap);
    const before = await held.counters();
    if (before.packets === 0) throw new Error('the held connection is not counted');
    const { at, report, longestGap } = await director.reload({ ...variant, lastWeight: 2 + i });
    values.add(key('weight'), (report.changedAt ?? Number.NaN) - at);
    values.add(key('weight messages'), report.untilChanged.messages);
    results.details.set(key('weight messages'), detailOf(report));
    values.add(key('gap'), longestGap);
    const survived = await held.answers();
    const after = await held.counters();
    // Its counters are brought up to date every two seconds (ip_vs_est.c): what they had they must keep.
    const kept = after.connections >= before.connections && after.packets >= before.packets;
    results.lost.set(program, (results.lost.get(program) ?? 0) + (survived ? 0 : 1));
    results.reset.set(program, (results.reset.get(program) ?? 0) + (kept ? 0 : 1));
  }
  await held.close();
  if (program === 'vipward') values.add(key('dump'), ...(await dumps(stage, servers)));
  await director.reload({ ...variant, checked: true });
  for (let i = 0; i < repeats; i++) {
    await delay(Math.random() * 1_000);
    values.add(key('verdict'), await director.refuse());
  }
  await director.end();
}

/** As in the manager, whose memory is bounded alike. */
async function dumps(stage: Stage, servers: number): Promise<readonly number[]> {
  const program = `${import.meta.dirname}/table-dump.ts`;
  const text = await stage.kernel.run(['node', '--max-semi-space-size=1', program, '15']);
  const listed = JSON.parse(text) as { ms: number; realServers: number }[];
  if (listed.some(({ realServers }) => realServers !== servers))
    throw new Error(`a listing is short: ${text}`);
  return listed.map(({ ms }) => ms);
}

const detailOf = ({
  messages,
  sends,
  untilChanged,
  changes,
}: {
  readonly messages: number;
  readonly sends: number;
  readonly untilChanged: { readonly messages: number; readonly sends: number };
  readonly changes: object;
}): string =>
  `in ${untilChanged.sends} sends; ${Object.entries(changes)
    .map(([change, count]) => `${count} to ${change}`)
    .join(', ')}; ${messages - untilChanged.messages} more in ${sends - untilChanged.sends} sends afterwards`;

const TITLES = [
  ['start', 'exec to whole table'],
  ['weight', 'file with one other weight to table with it'],
  ['verdict', 'reset on the wire to table without that real server'],
  ['gap at rest', 'longest gap between adverts, nothing done'],
  ['gap', 'longest gap between adverts, one other weight'],
] as const;

const sizeText = (services: number): string => `${services} × ${REAL_SERVERS_EACH}`;

function evaluate(results: Results): Measured {
  const { values, details } = results;
  const series: Series[] = SIZES.flatMap(({ services }) => [
    ...TITLES.flatMap(([what, title]) =>
      PROGRAMS.map((program) => ({
        what: `${sizeText(services)}: ${title}`,
        subject: program,
        unit: 'ms' as const,
        values: values.get(keyOf(program, services, what)),
      })),
    ),
    {
      what: `${sizeText(services)}: listing of the whole table`,
      subject: 'vipward',
      unit: 'ms' as const,
      values: values.get(keyOf('vipward', services, 'dump')),
    },
  ]);
  const facts: Fact[] = SIZES.flatMap(({ services }) =>
    (
      [
        ['start messages', 'netlink messages sent for the first table'],
        ['weight messages', 'netlink messages sent for one other weight'],
      ] as const
    ).flatMap(([what, title]) =>
      PROGRAMS.map((program) => {
        const key = keyOf(program, services, what);
        const detail = details.get(key) ?? '';
        return {
          what: `${sizeText(services)}: ${title}`,
          subject: program,
          value: median(values.get(key)),
          detail,
        };
      }),
    ),
  );
  for (const [what, counts] of [
    ['held connections lost', results.lost],
    ['counters of unchanged virtual servers lost', results.reset],
  ] as const)
    facts.push(...PROGRAMS.map((program) => ({ what, subject: program, value: counts.get(program) ?? 0 })));
  return { series, facts, aims: aims(results) };
}

function aims(results: Results): readonly Aim[] {
  const of = (program: Program, services: number, what: string): readonly number[] =>
    results.values.get(keyOf(program, services, what));
  const own = (services: number, what: string): number => median(of('vipward', services, what));
  const size = (services: number): number =>
    fileOf('vipward', { services, lastWeight: 1, checked: false }).length;
  const each = SIZES.flatMap(({ services, limit }): Aim[] => {
    const name = sizeText(services);
    const ratio = own(services, 'start') / median(of('keepalived', services, 'start'));
    const rest = Math.max(...of('vipward', services, 'gap at rest'));
    return [
      { what: `${name}: one other weight`, measured: own(services, 'weight'), limit, unit: 'ms' },
      { what: `${name}: first table, times keepalived's`, measured: ratio, limit: 1, unit: 'x' },
      {
        what: `${name}: median of the longest gaps with a reload, against the longest at rest`,
        measured: own(services, 'gap'),
        limit: Math.ceil(rest),
        unit: 'ms',
      },
    ];
  });
  const [small, big] = [SIZES[0]?.services ?? 0, SIZES.at(-1)?.services ?? 0];
  const growth = own(big, 'weight') / own(small, 'weight');
  return [
    ...each,
    {
      what: 'one other weight grows, with the file',
      measured: growth,
      limit: Math.round((size(big) / size(small)) * 10) / 10,
      unit: 'x',
    },
    { what: `listing of ${sizeText(big)}`, measured: own(big, 'dump'), limit: DUMP_LIMIT, unit: 'ms' },
    { what: 'held connections lost', measured: results.lost.get('vipward') ?? 0, limit: 0, unit: '' },
    { what: 'counters lost', measured: results.reset.get('vipward') ?? 0, limit: 0, unit: '' },
  ];
}
