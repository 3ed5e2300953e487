/** What the bench of big tables found, and what of it is an aim. */
import { Collected, PROGRAMS, type Program } from './bench.ts';
import { fileOf, REAL_SERVERS_EACH } from './big-table-files.ts';
import type { Aim, Fact, Measured, Series } from './report.ts';
import { median } from './statistics.ts';

export interface Size {
  readonly services: number;
  /**
   * Ms in which everything that follows a change is over, whichever program; so few that the next reload comes before
   * vipward verifies its table, 10 s after the last one: all reloads would meet that.
   */
  readonly rest: number;
  /** For the changed weight, in ms. */
  readonly limit: number;
}

export const SIZES: readonly Size[] = [
  { services: 100, rest: 3_000, limit: 100 },
  { services: 1_000, rest: 3_000, limit: 500 },
];
const DUMP_LIMIT = 50;
/** As many real servers as the largest table has, in as many virtual servers as the smallest one. */
export const FLAT = { services: 100, realServersEach: 100 } as const;

export const sizeText = (services: number): string => `${services} × ${REAL_SERVERS_EACH}`;
const FLAT_TEXT = `${FLAT.services} × ${FLAT.realServersEach}`;

export class Results {
  readonly #values = new Collected();
  readonly #details = new Map<string, string>();

  add(program: Program, size: string, what: string, ...values: readonly number[]): void {
    this.#values.add(`${program} ${size} ${what}`, ...values);
  }

  of(program: Program, size: string, what: string): readonly number[] {
    return this.#values.get(`${program} ${size} ${what}`);
  }

  /** With `value`, the last of its detail. */
  addDetailed(program: Program, size: string, what: string, value: number, detail: string): void {
    this.add(program, size, what, value);
    this.#details.set(`${program} ${size} ${what}`, detail);
  }

  detailOf(program: Program, size: string, what: string): string {
    return this.#details.get(`${program} ${size} ${what}`) ?? '';
  }

  /** Over all sizes. */
  sum(program: Program, what: string): number {
    return SIZES.flatMap(({ services }) => this.of(program, sizeText(services), what)).reduce(
      (sum, value) => sum + value,
      0,
    );
  }
}

const TITLES = [
  ['bare', 'exec to exit of a Node without a program'],
  ['start', 'exec to whole table, the first start ever'],
  ['reboot', 'exec to whole table, every other start with this file'],
  ['weight', 'file with one other weight to table with it'],
  ['first weight', 'the same, the first time after a start'],
  ['checked weight', 'the same, with a check for each real server'],
  ['verdict', 'reset on the wire to table without that real server'],
  ['gap at rest', 'longest gap between adverts, nothing done'],
  ['gap', 'longest gap between adverts, one other weight'],
  ['first gap', 'the same, the first time after a start'],
  ['dump', 'listing of the whole table'],
  ['dump floor', 'the system calls of that listing alone'],
] as const;

const COUNTS = [
  ['start messages', 'netlink messages sent for the first table'],
  ['weight messages', 'netlink messages sent for one other weight'],
  ['checked weight messages', 'the same, with a check for each real server'],
] as const;

const SUMS = [
  ['lost', 'held connections lost'],
  ['reset', 'counters of unchanged virtual servers lost'],
  ['needless', 'changes of the table beside the wanted ones'],
] as const;

export function evaluate(results: Results): Measured {
  const sizes = [...SIZES.map(({ services }) => sizeText(services)), FLAT_TEXT];
  const series = sizes.flatMap((size) =>
    TITLES.flatMap(([what, title]) =>
      PROGRAMS.map(
        (program): Series => ({
          what: `${size}: ${title}`,
          subject: program,
          unit: 'ms',
          values: results.of(program, size, what),
        }),
      ),
    ),
  );
  const counts = sizes.flatMap((size) =>
    COUNTS.flatMap(([what, title]) =>
      PROGRAMS.flatMap((program): Fact[] => {
        const values = results.of(program, size, what);
        if (values.length === 0) return [];
        const detail = results.detailOf(program, size, what);
        return [{ what: `${size}: ${title}`, subject: program, value: median(values), detail }];
      }),
    ),
  );
  const sums = SUMS.flatMap(([what, title]) =>
    PROGRAMS.map((program): Fact => ({ what: title, subject: program, value: results.sum(program, what) })),
  );
  return {
    series: series.filter(({ values }) => values.length > 0),
    facts: [...counts, ...sums],
    aims: aims(results),
  };
}

function aims(results: Results): readonly Aim[] {
  const own = (services: number, what: string): number =>
    median(results.of('vipward', sizeText(services), what));
  const [small, big] = [SIZES[0]?.services ?? 0, SIZES.at(-1)?.services ?? 0];
  const growth = own(big, 'weight') / own(small, 'weight');
  const flat = (what: string): number => median(results.of('vipward', FLAT_TEXT, what));
  const calls = (ms: number): string => `its system calls alone take ${Math.round(ms)} ms here`;
  return [
    ...SIZES.flatMap((size) => aimsOf(size, results)),
    {
      what: 'one other weight grows, with the file',
      measured: growth,
      limit: Math.round((lengthOf(big) / lengthOf(small)) * 10) / 10,
      unit: 'x',
    },
    {
      what: `listing of ${sizeText(big)} (${calls(own(big, 'dump floor'))})`,
      measured: own(big, 'dump'),
      limit: DUMP_LIMIT,
      unit: 'ms',
    },
    {
      what: `listing of ${FLAT_TEXT} (${calls(flat('dump floor'))})`,
      measured: flat('dump'),
      limit: DUMP_LIMIT,
      unit: 'ms',
    },
    ...SUMS.map(
      ([what, title]): Aim => ({ what: title, measured: results.sum('vipward', what), limit: 0, unit: '' }),
    ),
  ];
}

function aimsOf({ services, limit }: Size, results: Results): readonly Aim[] {
  const name = sizeText(services);
  const own = (what: string): number => median(results.of('vipward', name, what));
  const theirs = (what: string): number => median(results.of('keepalived', name, what));
  const rest = Math.max(...results.of('vipward', name, 'gap at rest'));
  return [
    { what: `${name}: one other weight`, measured: own('weight'), limit, unit: 'ms' },
    {
      what: `${name}: one other weight, the first time after a start`,
      measured: own('first weight'),
      limit,
      unit: 'ms',
    },
    {
      what: `${name}: one other weight, with a check for each real server`,
      measured: own('checked weight'),
      limit,
      unit: 'ms',
    },
    {
      what: `${name}: first table, times keepalived's`,
      measured: own('start') / theirs('start'),
      limit: 1,
      unit: 'x',
    },
    {
      what: `${name}: the same, after a reboot with the same file`,
      measured: own('reboot') / theirs('reboot'),
      limit: 1,
      unit: 'x',
    },
    {
      what: `${name}: median of the longest gaps with a reload, against the longest at rest`,
      measured: own('gap'),
      limit: Math.ceil(rest),
      unit: 'ms',
    },
    {
      what: `${name}: the same, the first time after a start`,
      measured: own('first gap'),
      limit: Math.ceil(rest),
      unit: 'ms',
    },
  ];
}

const lengthOf = (services: number): number =>
  fileOf('vipward', { services, lastWeight: 1, checks: 'none' }).length;
