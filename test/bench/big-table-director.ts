/** A director with a big table on a kernel of its own, and what it does to the table. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EventLog } from '../lab/support/event-log.ts';
import type { Kernel } from '../lab/support/kernel.ts';
import type { Lab } from '../lab/support/lab.ts';
import type { NamespaceNode } from '../lab/support/network.ts';
import type { LabProcess } from '../lab/support/process.ts';
import {
  type Observer,
  observe,
  prepareDirectRouting,
  type RealServer,
  startRealServer,
} from '../lab/support/tools.ts';
import type { Program } from './bench.ts';
import {
  BigTableProgram,
  CHECK_PORT,
  CHECKED,
  portOf,
  REAL_SERVERS,
  type Variant,
} from './big-table-files.ts';
import type { WatchReport } from './netlink-watch.ts';
import { isAdvert } from './pair.ts';
import { VIP } from './program.ts';

const DIRECTOR = '10.1.1.4';
const WEB = '10.1.1.2';
/** How long anything may take before the bench gives up, in ms. */
const LIMIT = 60_000;
/** With the first of them the VIP comes. */
const ADVERTS = 3;

export interface Stage {
  readonly kernel: Kernel;
  readonly client: NamespaceNode;
  readonly observer: Observer;
  readonly watch: Watch;
  /** The one that is checked. */
  readonly checked: RealServer;
}

/** All real servers are one namespace that has all their addresses, but for the checked one. */
export async function createStage(lab: Lab): Promise<Stage> {
  const lan = await lab.addSwitch('lan');
  const web = await lab.addHost('web', { ports: [{ on: lan, addresses: [`${WEB}/24`] }] });
  await web.run(['ip', 'route', 'add', 'local', REAL_SERVERS, 'dev', 'lo']);
  await prepareDirectRouting(web, VIP);
  await startRealServer(web, { body: 'web', port: CHECK_PORT });
  await web.spawn(['socat', `TCP-LISTEN:${portOf(0)},fork,reuseaddr`, 'EXEC:cat']);
  const one = await lab.addHost('one', { ports: [{ on: lan, addresses: [`${CHECKED.address}/24`] }] });
  const checked = await startRealServer(one, { body: 'checked', port: CHECKED.port });
  const client = await lab.addHost('client', { ports: [{ on: lan, addresses: ['10.1.1.100/24'] }] });
  const kernel = await lab.addKernel('lvs', {
    ports: [{ on: lan, addresses: [`${DIRECTOR}/24`] }],
    routes: [`${REAL_SERVERS} via ${WEB}`],
    memory: 2_048,
  });
  await kernel.boot();
  await kernel.run('modprobe nlmon && ip link add nlmon0 type nlmon && ip link set nlmon0 up');
  return { kernel, client, observer: await observe(lan), watch: await Watch.start(kernel), checked };
}

/** What the kernel was asked. */
export class Watch {
  readonly #process: LabProcess;
  readonly #reports = new EventLog<WatchReport>();

  private constructor(process: LabProcess) {
    this.#process = process;
  }

  static async start(kernel: Kernel): Promise<Watch> {
    const process = await kernel.spawn(['node', join(import.meta.dirname, 'netlink-watch.ts')], {
      lines: false,
    });
    const watch = new Watch(process);
    const { promise: ready, resolve } = Promise.withResolvers<void>();
    let partial = '';
    process.onData('stdout', (bytes) => {
      const lines = (partial + bytes.toString()).split('\n');
      partial = lines.pop() ?? '';
      for (const line of lines) {
        if (line === 'ready') resolve();
        else watch.#reports.push(JSON.parse(line));
      }
    });
    let errors = '';
    process.onData('stderr', (bytes) => {
      errors += bytes.toString();
    });
    void process.exit.then(() => watch.#reports.end(errors));
    await Promise.race([
      ready,
      process.exit.then(() => Promise.reject(new Error(`netlink-watch: ${errors}`))),
    ]);
    return watch;
  }

  /** From here on everything is counted anew. */
  async begin(): Promise<void> {
    await this.#ask('new');
  }

  report(): Promise<WatchReport> {
    return this.#ask('');
  }

  async #ask(line: string): Promise<WatchReport> {
    const since = this.#reports.mark;
    this.#process.write(`${line}\n`);
    return await this.#reports.waitFor(() => true, {
      since,
      what: 'what the kernel was asked',
      timeout: LIMIT,
    });
  }
}

/** What became of something that was done. */
export interface Done {
  /** When it was done, ms since the epoch by the director's kernel. */
  readonly at: number;
  readonly report: WatchReport;
  /** The longest time between two adverts from then on until `report`, in ms; Infinity when none came. */
  readonly longestGap: number;
}

export class BigTableDirector {
  readonly #stage: Stage;
  readonly #program: BigTableProgram;
  /** How long it is left alone after anything: what it still does then is counted with it. */
  readonly #rest: number;
  #process: LabProcess | undefined;

  constructor(stage: Stage, program: Program, rest: number) {
    this.#stage = stage;
    this.#program = new BigTableProgram(program, stage.kernel);
    this.#rest = rest;
  }

  /** The first one ever, with an empty table. `whole`: whether what was asked of the kernel was all. */
  async start(variant: Variant, whole: (report: WatchReport) => boolean): Promise<Done> {
    await this.#program.prepare(variant);
    return await this.#launch(whole);
  }

  /** As after a reboot with the same file: an orderly end, an empty table, and a start with the state that is there. */
  async reboot(whole: (report: WatchReport) => boolean): Promise<Done> {
    const { kernel } = this.#stage;
    if (this.#program.program === 'vipward')
      await kernel.run(`timeout 60 sh -c 'until [ -e ${this.#program.kept} ]; do sleep 0.1; done'`);
    this.#process?.kill('SIGTERM');
    await this.#process?.exit;
    await kernel.run('ipvsadm -C');
    return await this.#launch(whole);
  }

  async #launch(whole: (report: WatchReport) => boolean): Promise<Done> {
    const since = this.#stage.observer.events.mark;
    await this.#stage.watch.begin();
    const log = `${this.#stage.kernel.scratch}/big-${this.#program.program}.log`;
    const script = 'echo $EPOCHREALTIME; exec "$@" >"$0" 2>&1';
    const process = await this.#stage.kernel.spawn(['bash', '-c', script, log, ...this.#program.command]);
    this.#process = process;
    const line = await process.stdout.waitFor(() => true, { what: 'the start' });
    const done = await this.#settle(Number(line) * 1_000, whole);
    await this.#holdsAddress(since);
    return done;
  }

  /** The table comes before the VIP, which on a busy machine may be many seconds later. */
  async #holdsAddress(since: number): Promise<void> {
    let adverts = 0;
    await this.#stage.observer.events.waitFor((event) => isAdvert(event, DIRECTOR) && ++adverts === ADVERTS, {
      since,
      what: `${this.#program.program} to advertise ${VIP}`,
      timeout: LIMIT,
    });
  }

  /** As an administrator does it: the new file in the place of the old one, and a SIGHUP. */
  async reload(variant: Variant, whole = hasChanged): Promise<Done> {
    await this.#program.writeNext(variant);
    await this.#stage.watch.begin();
    const script = 'echo $EPOCHREALTIME; "$@" && kill -HUP $0';
    const { place } = this.#program;
    const text = await this.#stage.kernel.run(['bash', '-c', script, String(this.#pid), ...place]);
    return await this.#settle(Number(text) * 1_000, whole);
  }

  /** The same time as anything else with nothing done. */
  async idle(): Promise<Done> {
    await this.#stage.watch.begin();
    return await this.#settle(Number.NaN, () => true);
  }

  /** What becomes of the checked real server: from the reset that answers its failing check to the table without it. */
  async refuse(): Promise<number> {
    const { checked, watch } = this.#stage;
    await watch.begin();
    await checked.change('refuse');
    const { report } = await this.#settle(Number.NaN, ({ changes }) => changes['remove real server'] === 1);
    const reset = report.resets.findLast((time) => time < (report.changedAt ?? 0));
    await watch.begin();
    await checked.change('serve');
    await this.#settle(Number.NaN, ({ changes }) => changes['add real server'] === 1);
    if (reset === undefined || report.changedAt === undefined) throw new Error('removed before it refused');
    return report.changedAt - reset;
  }

  /** At once, and its table with it: nothing of it is measured. */
  async end(): Promise<void> {
    this.#process?.killAll('SIGKILL');
    await this.#process?.exit;
    this.#process = undefined;
    await this.#stage.kernel.run(`ipvsadm -C; ip address delete ${VIP}/24 dev eth0 2>/dev/null; true`);
  }

  get #pid(): number {
    if (this.#process === undefined) throw new Error(`${this.#program.program} is not started`);
    return this.#process.pid;
  }

  async #settle(at: number, whole: (report: WatchReport) => boolean): Promise<Done> {
    const from = performance.timeOrigin + performance.now();
    const begun = this.#stage.observer.events.mark;
    let report: WatchReport;
    do {
      await delay(this.#rest);
      report = await this.#stage.watch.report();
    } while (!whole(report) && performance.timeOrigin + performance.now() - from < LIMIT);
    const times = this.#stage.observer.events.all
      .slice(Math.max(0, begun - 2))
      .filter((event) => isAdvert(event, DIRECTOR))
      .map(({ time }) => time);
    const gaps = times.slice(1).map((time, i) => time - (times[i] ?? time));
    const silent = !times.some((time) => time >= from);
    if (!whole(report)) throw new Error(await this.#story(report, from));
    return { at, report, longestGap: silent ? Number.POSITIVE_INFINITY : Math.max(0, ...gaps) };
  }

  async #story(report: WatchReport, from: number): Promise<string> {
    const { kernel } = this.#stage;
    const seconds = ((performance.timeOrigin + performance.now() - from) / 1_000).toFixed(1);
    const log = await kernel.run(`tail -n 20 ${kernel.scratch}/big-${this.#program.program}.log`);
    return `${this.#program.program}: not done after ${seconds} s: ${JSON.stringify(report)}\n${log}`;
  }
}

const hasChanged = ({ changedAt }: WatchReport): boolean => changedAt !== undefined;
