/**
 * A table of 100 and of 1,000 virtual servers with 10 real servers each, on one embedded kernel that runs vipward and
 * keepalived in turn, with a virtual router of the same daemon that advertises every 100 ms. All times are by that
 * kernel's clock, to when it had answered the last change of its table: from exec to the whole table; from the edit of
 * the file, and a SIGHUP, to the table with one changed weight; from the reset that answers a failing check to the table
 * without that real server. Messages are counted as the kernel hands them to its netlink monitor, for both alike, until
 * the change is there; what a look at the table afterwards takes is told beside it. The longest gap between adverts is
 * that on the switch, in equal times with nothing done and with a reload. A connection through an unchanged virtual
 * server is held over all reloads, and over a verdict. One life of each has a TCP check for every real server. The table
 * is listed by vipward's own means; 10,000 real servers once more in fewer virtual servers, since each of these is a
 * request to the kernel of its own.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Lab } from '../lab/support/lab.ts';
import { type Bench, type BenchContext, PROGRAMS, type Program, shuffled } from './bench.ts';
import { BigTableDirector, createStage, type Done, type Stage } from './big-table-director.ts';
import { portOf, REAL_SERVERS_EACH, type Variant } from './big-table-files.ts';
import { evaluate, FLAT, Results, SIZES, type Size, sizeText } from './big-table-report.ts';
import { HeldConnection } from './held-connection.ts';
import type { WatchReport } from './netlink-watch.ts';
import { VIP } from './program.ts';
import type { Measured } from './report.ts';

export const bigTable: Bench = {
  name: 'big-table',
  title: 'Tables of 1,000 and 10,000 real servers',
  run,
};

async function run({ quick, note }: BenchContext): Promise<Measured> {
  await using lab = await Lab.create();
  const stage = await createStage(lab);
  const results = new Results();
  const rounds = quick ? 1 : 3;
  for (let round = 1; round <= rounds; round++)
    for (const size of SIZES)
      for (const program of shuffled(PROGRAMS)) {
        note(`round ${round} of ${rounds}: ${program} with ${size.services} virtual servers`);
        await new Life(stage, program, size, results).run(quick ? 2 : 3);
        await new Life(stage, program, size, results).runTwice();
      }
  for (const size of SIZES)
    for (const program of shuffled(PROGRAMS)) {
      note(`${program} with ${size.services} virtual servers, all real servers checked`);
      await new Life(stage, program, size, results).runChecked(quick ? 1 : 3);
    }
  note('a listing of fewer virtual servers');
  await listFlat(stage, results);
  return evaluate(results);
}

/** Of one life. */
const VERDICTS = 2;
/** In ms: until each real server has been checked once, 10,000 of them as fast as they can be. */
const FIRST_CHECKS = 10_000;
/** Times of rest in which vipward surely verifies its table, every 10 s, once. */
const VERIFICATION_LIMIT = 4;

/** One life of the program. */
class Life {
  readonly #stage: Stage;
  readonly #program: Program;
  readonly #services: number;
  readonly #results: Results;
  readonly #director: BigTableDirector;

  constructor(stage: Stage, program: Program, { services, rest }: Size, results: Results) {
    this.#stage = stage;
    this.#program = program;
    this.#services = services;
    this.#results = results;
    this.#director = new BigTableDirector(stage, program, rest);
  }

  async run(repeats: number): Promise<void> {
    const variant = await this.#start('none');
    const held = await HeldConnection.open(this.#stage);
    for (let i = 0; i < repeats; i++) {
      this.#add('gap at rest', (await this.#director.idle()).longestGap);
      const what = i === 0 ? 'first ' : '';
      const { longestGap } = await this.#changeWeight(
        held,
        { ...variant, lastWeight: 2 + i },
        `${what}weight`,
      );
      this.#add(`${what}gap`, longestGap);
    }
    if (this.#program === 'vipward')
      await list(this.#stage, this.#services * REAL_SERVERS_EACH, this.#results, sizeText(this.#services));
    await this.#unharmed(held, async () => {
      const { report } = await this.#director.reload({ ...variant, lastWeight: 1 + repeats, checks: 'one' });
      this.#needless(report, { 'add virtual server': 1, 'add real server': 1 });
      for (let i = 0; i < VERDICTS; i++) {
        await delay(Math.random() * 1_000);
        this.#add('verdict', await this.#director.refuse());
      }
    });
    await held.close();
    await this.#director.end();
  }

  /** A start with what the one before has kept. */
  async runTwice(): Promise<void> {
    if (this.#program === 'vipward') this.#add('bare', await bareNode(this.#stage));
    await this.#start('none');
    const { at, report } = await this.#director.reboot(this.#isWhole);
    this.#add('reboot', (report.changedAt ?? Number.NaN) - at);
    await this.#director.end();
  }

  readonly #isWhole = ({ changes }: WatchReport): boolean =>
    changes['add real server'] === this.#services * REAL_SERVERS_EACH;

  /** With a check for each real server: one changed weight, and no more. */
  async runChecked(repeats: number): Promise<void> {
    const variant = await this.#start('all');
    const held = await HeldConnection.open(this.#stage);
    await delay(FIRST_CHECKS);
    for (let i = 0; i < repeats; i++) {
      await this.#changeWeight(held, { ...variant, lastWeight: 2 + i }, 'checked weight');
    }
    await held.close();
    await this.#director.end();
  }

  /** What comes next does not meet the next one, which would be counted with it; keepalived has none. */
  async #awaitVerification(): Promise<void> {
    for (let i = 0; i < VERIFICATION_LIMIT; i++)
      if ((await this.#director.idle()).report.messages > 0) return;
  }

  async #start(checks: 'none' | 'all'): Promise<Variant> {
    const variant: Variant = { services: this.#services, lastWeight: 1, checks };
    const { at, report } = await this.#director.start(variant, this.#isWhole);
    if (checks === 'none') {
      this.#add('start', (report.changedAt ?? Number.NaN) - at);
      this.#addMessages('start messages', report);
    }
    return variant;
  }

  async #changeWeight(held: HeldConnection, variant: Variant, what: string): Promise<Done> {
    if (this.#program === 'vipward') await this.#awaitVerification();
    const done = await this.#unharmed(held, () =>
      this.#director.reload(variant, ({ changes }) => changes['change real server'] !== undefined),
    );
    const { at, report } = done;
    this.#add(what, (report.changedAt ?? Number.NaN) - at);
    this.#addMessages(variant.checks === 'all' ? 'checked weight messages' : 'weight messages', report);
    this.#needless(report, { 'change real server': 1 });
    return done;
  }

  /** What `work` gives; what it costs the held connection is counted. */
  async #unharmed<Result>(held: HeldConnection, work: () => Promise<Result>): Promise<Result> {
    const before = await held.counters();
    const result = await work();
    const { lost, reset } = await held.since(before);
    this.#add('lost', Number(lost));
    this.#add('reset', Number(reset));
    return result;
  }

  /** Changes of the table that nobody asked for. */
  #needless({ changes }: WatchReport, wanted: WatchReport['changes']): void {
    const sum = (counts: WatchReport['changes']): number =>
      Object.values(counts).reduce((total, count) => total + count, 0);
    this.#add('needless', sum(changes) - sum(wanted));
  }

  #addMessages(what: string, report: WatchReport): void {
    const { messages } = report.untilChanged;
    this.#results.addDetailed(this.#program, sizeText(this.#services), what, messages, detailOf(report));
  }

  #add(what: string, value: number): void {
    this.#results.add(this.#program, sizeText(this.#services), what, value);
  }
}

/** Ms from exec to exit of a Node that has nothing to do: no program on it has a table sooner. */
async function bareNode({ kernel }: Stage): Promise<number> {
  const script = 'from=$EPOCHREALTIME; node --max-semi-space-size=1 --eval 0; echo $from $EPOCHREALTIME';
  const [from = Number.NaN, to = Number.NaN] = (await kernel.run(['bash', '-c', script]))
    .split(' ')
    .map(Number);
  return (to - from) * 1_000;
}

/** How often the table is listed. */
const LISTINGS = 30;

/** As in the manager: src/vipward gives it this young generation for a file of such a table. */
async function list(stage: Stage, servers: number, results: Results, size: string): Promise<void> {
  const program = `${import.meta.dirname}/table-dump.ts`;
  const command = ['node', '--max-semi-space-size=16', program, String(LISTINGS)];
  const text = await stage.kernel.run(command);
  const listed = JSON.parse(text) as { ms: number; floor: number; realServers: number }[];
  if (listed.some(({ realServers }) => realServers !== servers))
    throw new Error(`a listing is short: ${text}`);
  results.add('vipward', size, 'dump', ...listed.map(({ ms }) => ms));
  results.add('vipward', size, 'dump floor', ...listed.map(({ floor }) => floor));
}

async function listFlat({ kernel, ...stage }: Stage, results: Results): Promise<void> {
  const { services, realServersEach } = FLAT;
  const lines = Array.from({ length: services }, (_, service) => {
    const name = `-t ${VIP}:${portOf(service)}`;
    const servers = Array.from(
      { length: realServersEach },
      (_, i) => `-a ${name} -r 10.3.${service}.${i} -g`,
    );
    return [`-A ${name} -s wrr`, ...servers].join('\n');
  });
  const file = `${kernel.scratch}/flat`;
  await kernel.writeFile(file, `${lines.join('\n')}\n`);
  await kernel.run(`ipvsadm -C && ipvsadm -R < ${file}`);
  await list({ kernel, ...stage }, services * realServersEach, results, `${services} × ${realServersEach}`);
  await kernel.run('ipvsadm -C');
}

const detailOf = ({ messages, sends, untilChanged, changes }: WatchReport): string =>
  `in ${untilChanged.sends} sends; ${Object.entries(changes)
    .map(([change, count]) => `${count} to ${change}`)
    .join(', ')}; ${messages - untilChanged.messages} more in ${sends - untilChanged.sends} sends afterwards`;
