/** A director of the story: a kernel of its own with the daemon and its own web server for the sorry page. */
import { EventLog } from '../support/event-log.ts';
import type { Kernel } from '../support/kernel.ts';
import { recordLastWords, writeLogLine } from '../support/last-words.ts';
import { followLines } from '../support/lines.ts';
import { CHECKOUT, type ExecResult } from '../support/node.ts';
import type { LabProcess, ProcessEnd } from '../support/process.ts';
import { startRealServer } from '../support/tools.ts';
import { CONFIG_PATH, configuration, PATIENCE, VIP, type Weights } from './configuration.ts';

/** A line of the daemon's log. */
export interface LogLine {
  readonly message: string;
  readonly level: string;
  /** When it was read, ms since the epoch: what it tells had happened by then. */
  readonly arrived: number;
  /** MASTER, BACKUP or FAULT where it tells of a virtual router. */
  readonly state?: string;
  /** The real server that a verdict is about, and the verdict's words. */
  readonly server?: string;
  readonly detail?: string;
}

export class Director {
  readonly kernel: Kernel;
  readonly priority: number;
  /** The whole log, over all starts of the daemon. */
  readonly history: LogLine[] = [];
  /** Of eth0. */
  mac = '';
  #log = new EventLog<LogLine>();
  #daemon: LabProcess | undefined;

  constructor(kernel: Kernel, priority: number) {
    this.kernel = kernel;
    this.priority = priority;
  }

  get name(): string {
    return this.kernel.name;
  }

  get sorryPage(): string {
    return `sorry from ${this.name}`;
  }

  /** The log of the daemon that was started last; it ends with it. */
  get log(): EventLog<LogLine> {
    return this.#log;
  }

  /** How often it became MASTER since then, ms since the epoch. */
  timesMaster(since: number): number {
    const became = ({ state, message, arrived }: LogLine): boolean =>
      state === 'MASTER' && !message.includes('handing over') && arrived >= since;
    return this.history.filter(became).length;
  }

  /** For how long it says that it stood still since then, in ms: no work of the daemon's. */
  stoodStill(since: number): number {
    const told = this.history.flatMap(({ message, arrived }) =>
      arrived >= since ? (/ stood still for ([\d.]+) s/.exec(message)?.[1] ?? []) : [],
    );
    return told.reduce((sum, seconds) => sum + Number(seconds) * 1000, 0);
  }

  /** Boots the kernel, and prepares it as an administrator would prepare the machine. */
  async boot(weights?: Weights): Promise<void> {
    await this.kernel.boot();
    this.mac = (await this.kernel.readFile('/sys/class/net/eth0/address')).trim();
    await this.kernel.run(['ln', '-sf', `${CHECKOUT}/src/vipward`, '/usr/local/bin/vipward']);
    await this.configure(weights);
    await startRealServer(this.kernel, { body: this.sorryPage });
  }

  /** Writes the file; nobody reads it yet. */
  async configure(weights?: Weights): Promise<void> {
    await this.kernel.writeFile(CONFIG_PATH, configuration(this.priority, weights));
  }

  /** Starts the daemon; it has much to do before it is ready. */
  async start(): Promise<void> {
    const daemon = await this.kernel.spawn(['vipward', 'run']);
    const log = new EventLog<LogLine>();
    this.#daemon = daemon;
    this.#log = log;
    recordLastWords({ name: `vipward on ${this.name}`, log, write: writeLogLine, node: this.kernel });
    followLines(daemon, (text) => {
      const line: LogLine = { ...JSON.parse(text), arrived: Date.now() };
      this.history.push(line);
      log.push(line);
    });
    daemon.exit.then(({ code, lost }) => {
      log.end(`${lost ?? `the daemon ended with ${code}`}\n${daemon.stderr.all.join('\n')}`);
    });
  }

  /** SIGTERM; resolves when the daemon is gone. */
  async stop(): Promise<ProcessEnd> {
    if (this.#daemon === undefined) throw new Error(`${this.name}: no daemon was started`);
    this.#daemon.kill('SIGTERM');
    return await this.#daemon.exit;
  }

  /** Resolves when the log says that its virtual router is in `state`, from place `since` on. */
  becomes(state: 'MASTER' | 'BACKUP', since = 0): Promise<LogLine> {
    const what = `${this.name}: ${state}`;
    return this.#log.waitFor((line) => line.state === state, { since, timeout: PATIENCE, what });
  }

  /** Resolves once its virtual router is in `state`, whatever it was in before. */
  async settles(state: 'MASTER' | 'BACKUP'): Promise<void> {
    const settled = (): boolean =>
      this.#log.all.findLast((line) => line.state !== undefined)?.state === state;
    await this.#log.waitFor(settled, { timeout: PATIENCE, what: `${this.name}: ${state}` });
  }

  /** Resolves when `address` has come into the table, or left it, from place `since` of the log on. */
  tableHas(change: 'add' | 'remove', address: string, since = 0): Promise<LogLine> {
    const beginning = `${change} real server ${address}:80 `;
    return this.#log.waitFor((line) => line.message.startsWith(beginning), {
      since,
      timeout: PATIENCE,
      what: `${this.name}: ${beginning}`,
    });
  }

  /** What the check said last of `address`. */
  verdictOn(address: string): string {
    const line = this.history.findLast(({ server }) => server === `${address}:80`);
    return line?.detail ?? 'nothing';
  }

  vipward(...args: readonly string[]): Promise<ExecResult> {
    return this.kernel.exec(['vipward', ...args]);
  }

  /** The table as ipvsadm saves it: virtual servers, real servers and weights, no counters. */
  table(): Promise<string> {
    return this.kernel.run(['ipvsadm', '-Sn']);
  }

  /** Connections that the kernel has counted for each entry: the virtual server by its VIP, real ones by address. */
  async connectionCounts(): Promise<ReadonlyMap<string, number>> {
    const rows = (await this.kernel.run(['ipvsadm', '-Ln', '--stats', '--exact'])).split('\n');
    const found = rows.flatMap((row) => {
      const match = /(?:TCP|->)\s+([\d.]+):80\s+(\d+)/.exec(row);
      return match === null ? [] : [[match[1] ?? '', Number(match[2])] as const];
    });
    return new Map(found);
  }

  async holdsVip(): Promise<boolean> {
    return (await this.kernel.run('ip -4 -o address show dev eth0')).includes(`${VIP}/`);
  }
}
