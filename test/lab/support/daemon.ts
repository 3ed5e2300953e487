/**
 * vipward on a node, as an administrator runs it:
 *
 *   const daemon = await startDaemon(node, yaml)          src/vipward run; resolves when it is ready
 *   await daemon.log.waitFor((line) => line.message === 'virtual router web: MASTER: ...')
 *   const status = await daemon.status()                  the document that `vipward status --json` prints
 *   const { code, stderr } = await daemon.command('reload')
 *   const { changes } = await daemon.reload()             the document that `vipward reload --json` prints
 *   await daemon.configure(newYaml)                       writes the file; nothing is reloaded
 *   daemon.pidOf('vrrp')                                  by the last status; kill it with `node.run(['kill', ...])`
 *   await daemon.stop()                                   SIGTERM to the manager
 *   await daemon.crash()                                  SIGKILL to all processes
 */
import { join } from 'node:path';
import type { ProcessStatus, ReloadDocument, StatusDocument } from '../../../src/model/status.ts';
import { EventLog } from './event-log.ts';
import { recordLastWords, writeLogLine } from './last-words.ts';
import { followLines } from './lines.ts';
import { CHECKOUT, type ExecResult, type Node } from './node.ts';
import type { LabProcess, ProcessEnd } from './process.ts';

export const VIPWARD = join(CHECKOUT, 'src/vipward');

/** A line of the daemon's log. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** ISO 8601, with milliseconds. */
  readonly time: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

export class Daemon {
  readonly node: Node;
  readonly file: string;
  readonly runtimeDir: string;
  readonly process: LabProcess;
  readonly log = new EventLog<LogLine>();

  constructor(node: Node, file: string, runtimeDir: string, process: LabProcess) {
    this.node = node;
    this.file = file;
    this.runtimeDir = runtimeDir;
    this.process = process;
    recordLastWords({ name: `vipward on ${node.name}`, log: this.log, write: writeLogLine, node });
    followLines(process, (line) => this.log.push(JSON.parse(line)));
    void process.exit.then(({ code, lost }) => {
      this.log.end(
        `vipward on ${node.name}: ${lost ?? `ended with ${code}`}\n${process.stderr.all.join('\n')}`,
      );
    });
  }

  /** Waits for a line whose message has `part` in it; only lines after `since` when that is given. */
  said(part: string, options: { readonly since?: number; readonly timeout?: number } = {}): Promise<LogLine> {
    const what = `vipward on ${this.node.name} to say "${part}"`;
    return this.log.waitFor((line) => line.message.includes(part), { what, ...options });
  }

  /** Runs a command of the command line against this daemon. */
  command(...args: readonly string[]): Promise<ExecResult> {
    return this.node.exec([VIPWARD, ...args, '--runtime-dir', this.runtimeDir]);
  }

  /** By the socket itself: a command of vipward's takes half a second of processor, where a test may ask often. */
  async status(): Promise<StatusDocument> {
    return (await this.#ask('status')) as StatusDocument;
  }

  /** What `vipward reload --json` prints, by the socket as well. */
  async reload(): Promise<ReloadDocument> {
    return (await this.#ask('reload', '-X', 'POST')) as ReloadDocument;
  }

  async pidOf(name: ProcessStatus['name']): Promise<number> {
    const pid = (await this.status()).processes.find((process) => process.name === name)?.pid;
    if (pid === undefined) throw new Error(`vipward on ${this.node.name} has no ${name} process now`);
    return pid;
  }

  /** Ends every process of it at once, with no farewell. */
  async crash(): Promise<void> {
    const { processes } = await this.status();
    // The manager is one of them, too.
    const pids = new Set([this.process.pid, ...processes.flatMap(({ pid }) => pid ?? [])]);
    // Otherwise one hears of another's end, and hands over.
    for (const signal of ['-STOP', '-KILL']) await this.node.run(['kill', signal, ...[...pids].map(String)]);
    await this.process.exit;
  }

  async #ask(what: string, ...how: readonly string[]): Promise<unknown> {
    const socket = ['--unix-socket', join(this.runtimeDir, 'control.sock')];
    return JSON.parse(
      await this.node.run(['curl', '-sSf', '--max-time', '60', ...how, ...socket, `http://_/v1/${what}`]),
    );
  }

  configure(yaml: string): Promise<void> {
    return this.node.writeFile(this.file, yaml);
  }

  async stop(): Promise<ProcessEnd> {
    this.process.kill('SIGTERM');
    return this.process.exit;
  }
}

export interface StartOptions {
  /** Tells several on one node apart. */
  readonly instance?: string;
  /** Milliseconds until it must be ready; 60,000 unless given. */
  readonly patience?: number;
}

/** Starts vipward with `yaml` as its file. Rejects when it does not start. */
export async function startDaemon(
  node: Node,
  yaml: string,
  { instance = 'vipward', patience = 60_000 }: StartOptions = {},
): Promise<Daemon> {
  const directory = join(node.scratch, instance);
  const file = join(directory, 'vipward.yaml');
  await node.writeFile(file, yaml);
  const process = await node.spawn(
    [VIPWARD, 'run', '--config', file, '--runtime-dir', directory, '--state-dir', join(directory, 'state')],
    { lines: true },
  );
  const daemon = new Daemon(node, file, directory, process);
  await daemon.said('vipward is ready', { timeout: patience });
  return daemon;
}
