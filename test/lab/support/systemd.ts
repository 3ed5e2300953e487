/**
 * vipward as a service of a kernel whose first process is systemd (`addKernel(name, { ..., systemd: true })`):
 *
 *   await installService(lvs1)                       with the very commands of the README
 *   const service = await watchService(lvs1)
 *   await service.systemctl('start')                 its exit code and what it said
 *   await service.said('Watchdog timeout')           the journal of the unit: systemd's lines about it, and its own
 *   await service.addresses.waitFor(gone)            what becomes of the node's addresses
 *   await service.show('ActiveState', 'Result')      properties of the unit
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProcessStatus, StatusDocument } from '../../../src/model/status.ts';
import { EventLog } from './event-log.ts';
import { recordLastWords } from './last-words.ts';
import { followLines } from './lines.ts';
import { CHECKOUT, type ExecResult, type Node } from './node.ts';

const UNIT = 'vipward';
/** Where the README has the checkout. */
const README_PLACE = '/opt/vipward';
export const CONFIGURATION = '/etc/vipward/vipward.yaml';

/** What hangs is found sooner: nobody has to wait for it so long. */
const HASTE = '[Service]\nWatchdogSec=10s\n';

/** Installs as the README says, in its place; cloning and building are done already. */
export async function installService(node: Node): Promise<void> {
  await node.writeFile(`/etc/systemd/system/${UNIT}.service.d/haste.conf`, HASTE);
  const commands = await installation();
  await node.run(`mkdir -p ${README_PLACE} && mount --bind ${CHECKOUT} ${README_PLACE}`);
  await node.run(['sh', '-ec', commands], { cwd: README_PLACE });
}

/** The commands of the README's step "Install", without those that bring the checkout there. */
async function installation(): Promise<string> {
  const readme = await readFile(join(CHECKOUT, 'README.md'), 'utf8');
  const block = /^\*\*1\. Install.*?^```sh\n(.*?)^```/ms.exec(readme)?.[1];
  if (block === undefined) throw new Error('README.md has no step "**1. Install" with a block of commands');
  return block
    .split('\n')
    .filter((line) => !/^(git clone|npm run build)\b/.test(line))
    .join('\n');
}

/** A line of the journal that concerns the unit. */
export interface JournalLine {
  readonly text: string;
  /** `systemd` or `vipward`. */
  readonly from: string;
  /** syslog(3): 3 is an error, 6 what journald takes a line for that does not say. */
  readonly priority: number;
}

export class Service {
  readonly node: Node;
  readonly journal: EventLog<JournalLine>;
  /** Lines of `ip -o monitor address`. */
  readonly addresses: EventLog<string>;

  constructor(node: Node, journal: EventLog<JournalLine>, addresses: EventLog<string>) {
    this.node = node;
    this.journal = journal;
    this.addresses = addresses;
  }

  systemctl(...verb: readonly string[]): Promise<ExecResult> {
    return this.node.exec(['systemctl', ...verb, UNIT]);
  }

  /** Properties of the unit, by their names. */
  async show(...names: readonly string[]): Promise<Readonly<Record<string, string>>> {
    const lines = await this.node.run(['systemctl', 'show', UNIT, ...names.map((name) => `-p${name}`)]);
    return Object.fromEntries(lines.split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2)));
  }

  /** Waits for a line of the journal with `part` in it; only lines after `since` when that is given. */
  said(part: string, since = 0): Promise<JournalLine> {
    const what = `the journal of ${UNIT} on ${this.node.name} to say "${part}"`;
    return this.journal.waitFor(({ text }) => text.includes(part), { since, what, timeout: 120_000 });
  }

  /** By the socket itself: a command of vipward's takes a second in a kernel of the lab. */
  async status(): Promise<StatusDocument> {
    const url = ['--unix-socket', '/run/vipward/control.sock', 'http://_/v1/status'];
    return JSON.parse(await this.node.run(['curl', '-sSf', ...url])) as StatusDocument;
  }

  async pidOf(name: ProcessStatus['name']): Promise<number> {
    const pid = (await this.status()).processes.find((process) => process.name === name)?.pid;
    if (pid === undefined) throw new Error(`${UNIT} on ${this.node.name} has no ${name} process now`);
    return pid;
  }

  /** Sends a signal to one of the processes, with nobody else told. */
  async signal(name: ProcessStatus['name'], signal: string): Promise<void> {
    await this.node.run(['kill', `-${signal}`, String(await this.pidOf(name))]);
  }
}

/** Follows the unit's journal and the node's addresses from now on. */
export async function watchService(node: Node): Promise<Service> {
  const journal = new EventLog<JournalLine>();
  recordLastWords({ name: `the journal of ${node.name}`, log: journal, write: ({ text }) => text, node });
  const follower = await node.spawn(['journalctl', '-u', UNIT, '-f', '-n', 'all', '-o', 'json']);
  followLines(follower, (line) => {
    const { MESSAGE, SYSLOG_IDENTIFIER, PRIORITY } = JSON.parse(line) as Record<string, unknown>;
    journal.push({ text: String(MESSAGE), from: String(SYSLOG_IDENTIFIER), priority: Number(PRIORITY) });
  });
  void follower.exit.then(({ code, lost }) => journal.end(lost ?? `journalctl ended with ${code}`));
  const monitor = await node.spawn(['ip', '-o', 'monitor', 'address']);
  return new Service(node, journal, monitor.stdout);
}

/** What /proc/PID/status (proc_pid_status(5)) says, by its names. */
export async function processFacts(node: Node, pid: number): Promise<Readonly<Record<string, string>>> {
  const text = await node.readFile(`/proc/${pid}/status`);
  return Object.fromEntries(text.split('\n').map((line) => line.split(/:\s*(.*)/s).slice(0, 2)));
}

/**
 * Makes a Node process busy for ever, as a defect would: its inspector is opened and told to. Its address is what
 * the process then writes to its standard error, `ws://...`.
 */
export async function occupy(node: Node, inspector: string): Promise<void> {
  const expression = 'setImmediate(() => { for (;;); })';
  const script = `
    const socket = new WebSocket(${JSON.stringify(inspector)});
    socket.onmessage = () => process.exit(0);
    socket.onopen = () => socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate',
      params: { expression: ${JSON.stringify(expression)} } }));`;
  await node.run(['node', '-e', script]);
}
