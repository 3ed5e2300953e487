/**
 * `npm run faults`: what becomes of the VIP when something breaks, for vipward and for Debian's keepalived on the same
 * machines (see stage.ts). For each fault: for how long two directors owned the VIP, for how long none, and how many
 * replies a client missed that asks every 10 ms.
 *
 *     npm run faults -- [--only NAME[,NAME]] [--daemon vipward|keepalived] [--list] [--json FILE] [--logs DIRECTORY]
 *                       [--program FILE] [--lanes N]
 *
 * Exit code 0: no cell of vipward's is worse than keepalived's or has two owners for longer than the lease; 1: some
 * is; 2: some could not be played. Where vipward was worse, both programs play the fault once more, with nothing else
 * beside them, and that counts.
 *
 * - A director owns the VIP while its kernel holds it on an interface that is up and has a carrier, whoever can reach
 *   it: on both sides of a partition there is an owner. A machine that is lost or stands still owns nothing.
 * - Every fault falls 0.3 s after an advert of the active director, and is measured for the same time with both.
 * - Nobody starts a daemon again that has ended, as a service manager would.
 * - What needs IPVS, another clock or a true loss of the machine is played between two kernels (User Mode Linux);
 *   everything else in network namespaces, where keepalived runs without its checkers, which need IPVS.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PROGRAMS, type Program } from '../bench/bench.ts';
import { VIPWARD } from '../lab/support/daemon.ts';
import { optionsOrUsage } from '../support/options.ts';
import { FAULTS } from './catalogue.ts';
import { type Cell, guardsOf, planOf, playCell } from './cell.ts';
import { explainMarks, marksOf } from './compare.ts';
import { GUARDS, type Guard } from './configuration.ts';
import type { Fault } from './fault.ts';
import { runAll } from './schedule.ts';
import { type Row, tableOf } from './table.ts';

interface Options {
  readonly faults: readonly Fault[];
  readonly programs: readonly Program[];
  readonly list: boolean;
  readonly json: string | undefined;
  readonly logs: string | undefined;
  readonly vipward: string;
  readonly lanes: number;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      daemon: { type: 'string' },
      list: { type: 'boolean', default: false },
      json: { type: 'string' },
      logs: { type: 'string' },
      program: { type: 'string', default: VIPWARD },
      lanes: { type: 'string', default: '6' },
    },
  });
  const only = values.only?.split(',');
  const unknown = only?.find((name) => !FAULTS.some((fault) => fault.name === name));
  if (unknown !== undefined) throw new Error(`--only ${unknown}: --list shows the names`);
  const programs = PROGRAMS.filter((program) => values.daemon === undefined || program === values.daemon);
  if (programs.length === 0)
    throw new Error(`--daemon ${values.daemon}: there are ${PROGRAMS.join(' and ')}`);
  const lanes = Number(values.lanes);
  if (!Number.isInteger(lanes) || lanes < 1)
    throw new Error(`--lanes ${values.lanes}: not a whole number from 1`);
  return {
    faults: FAULTS.filter(({ name }) => only === undefined || only.includes(name)),
    programs,
    list: values.list,
    json: values.json,
    logs: values.logs,
    vipward: values.program,
    lanes,
  };
}

/** How often a cell is tried that cannot be played: the machine may have stood still. */
const ATTEMPTS = 2;

type Played = Cell | { readonly fault: string; readonly daemon: Program; readonly problem: string };

class Matrix {
  readonly #options: Options;
  readonly #guards: readonly Guard[];
  readonly #begun = performance.now();

  constructor(options: Options, guards: readonly Guard[]) {
    this.#options = options;
    this.#guards = guards;
  }

  /** `apart`: each fault by itself, so that only the two programs share the machine. */
  async play(faults: readonly Fault[], apart: boolean): Promise<readonly Played[]> {
    const { lanes, programs } = this.#options;
    const works = faults.flatMap((fault) =>
      programs.map((program) => ({
        load: fault.alone === true ? lanes : apart ? lanes / 2 : fault.place === 'kernels' ? 2 : 1,
        run: () => this.#play(fault, program),
      })),
    );
    // Those that need the whole machine come last, or the others would wait for them.
    return await runAll(
      [...works].sort((one, other) => one.load - other.load),
      lanes,
    );
  }

  rowOf(fault: Fault, played: readonly Played[]): Row {
    const cellOf = (program: Program): Cell | undefined =>
      played.find(
        (cell): cell is Cell => cell.fault === fault.name && cell.daemon === program && 'lost' in cell,
      );
    const [vipward, keepalived] = [cellOf('vipward'), cellOf('keepalived')];
    const { interval } = planOf(fault, this.#guards);
    return {
      fault: fault.name,
      title: fault.title,
      cells: { ...(vipward && { vipward }), ...(keepalived && { keepalived }) },
      marks: vipward === undefined ? new Map() : marksOf(vipward, keepalived, interval),
    };
  }

  async #play(fault: Fault, program: Program, attempt = 1): Promise<Played> {
    try {
      const cell = await playCell(fault, { program, vipward: this.#options.vipward }, this.#guards);
      const owners = cell.owners.join(' and ') || 'nobody';
      this.#note(`${fault.name}, ${program}: ${figures(cell)}; ${cell.moves} moves, at the end ${owners}`);
      this.#keep(cell);
      return cell;
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      const again = attempt < ATTEMPTS;
      this.#note(`not played: ${again ? `${problem.split('\n')[0]}: once more` : problem}`);
      if (again) return await this.#play(fault, program, attempt + 1);
      return { fault: fault.name, daemon: program, problem };
    }
  }

  #note(text: string): void {
    process.stderr.write(
      `${((performance.now() - this.#begun) / 1_000).toFixed(0).padStart(4)} s  ${text}\n`,
    );
  }

  #keep({ fault, daemon, changes, logs }: Cell): void {
    const directory = this.#options.logs;
    if (directory === undefined) return;
    mkdirSync(directory, { recursive: true });
    const text = ['--- owners', ...changes, '--- a', ...logs.a, '--- b', ...logs.b].join('\n');
    writeFileSync(join(directory, `${fault}.${daemon}.txt`), `${text}\n`);
  }
}

const figures = ({ twoOwners, noOwner, lost }: Cell): string =>
  `two owners ${twoOwners.toFixed(3)} s, none ${noOwner.toFixed(3)} s, ${lost} lost`;

const jsonOf = (rows: readonly Row[]): string => {
  const round = (seconds: number): number => Math.round(seconds * 1_000) / 1_000;
  const cells = rows.flatMap(({ cells: of }) => PROGRAMS.flatMap((program) => of[program] ?? []));
  const document = cells.map(({ fault, daemon, twoOwners, noOwner, lost }) => ({
    ...{ fault, daemon, twoOwners: round(twoOwners), noOwner: round(noOwner), lost },
  }));
  return `${JSON.stringify(document, null, 2)}\n`;
};

function guardsText(faults: readonly Fault[], has: readonly Guard[]): string {
  const lines = faults.flatMap(({ name, guards = [] }) => {
    const used = guards.filter((guard) => has.includes(guard));
    return used.length > 0 ? [`  ${name}: ${used.join(', ')}`] : [];
  });
  const missing = GUARDS.filter((guard) => !has.includes(guard));
  if (missing.length > 0) lines.push(`  which this vipward does not have: ${missing.join(', ')}`);
  return ["vipward's guards beyond VRRP (see configuration.ts):", ...lines].join('\n');
}

async function main(): Promise<number> {
  const usage =
    'npm run faults [-- [--only NAME[,NAME]] [--daemon NAME] [--list] [--json FILE] [--logs DIRECTORY] [--program FILE] [--lanes N]]';
  const options = optionsOrUsage(usage, readOptions);
  if (options.list) {
    for (const { name, title } of options.faults) process.stdout.write(`${name.padEnd(26)}${title}\n`);
    return 0;
  }
  const guards = await guardsOf(options.vipward);
  const matrix = new Matrix(options, guards);
  let played = await matrix.play(options.faults, false);
  // Owners that stay two for seconds are no noise.
  const marked = options.faults.filter((fault) =>
    [...matrix.rowOf(fault, played).marks.values()].includes('worse'),
  );
  if (marked.length > 0) {
    process.stderr.write(`once more, one after the other: ${marked.map(({ name }) => name).join(', ')}\n`);
    const again = await matrix.play(marked, true);
    // In front: what is looked for is found there first.
    played = [...again, ...played];
  }
  const rows = options.faults.map((fault) => matrix.rowOf(fault, played));
  process.stdout.write(`${tableOf(rows)}\n\n${explainMarks(1_000)}\n`);
  process.stdout.write(`${guardsText(options.faults, guards)}\n`);
  if (options.json !== undefined) writeFileSync(options.json, jsonOf(rows));
  const cells = rows.flatMap(({ cells: of }) => Object.values(of)).length;
  if (cells < rows.length * options.programs.length) return 2;
  return rows.some(({ marks }) => marks.size > 0) ? 1 : 0;
}

process.exitCode = await main();
