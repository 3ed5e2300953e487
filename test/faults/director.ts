/** A director of a stage: a node with the program under test on it, and what faults do to the two. */
import { join } from 'node:path';
import type { Program } from '../bench/bench.ts';
import type { Kernel } from '../lab/support/kernel.ts';
import type { NamespaceNode } from '../lab/support/network.ts';
import type { LabProcess } from '../lab/support/process.ts';
import { configurationFor, type Plan } from './configuration.ts';
import type { Name } from './timeline.ts';

/** In keepalived's words: parent, vrrp child, checker child. */
export const ROLES = ['manager', 'vrrp', 'checker'] as const;
export type Role = (typeof ROLES)[number];

export interface Subject {
  readonly program: Program;
  /** vipward's executable. */
  readonly vipward: string;
}

export interface StartOptions {
  /** Where its log goes; kept by the stage otherwise. */
  readonly log?: string;
  /** Run by the shell from which the program then starts, in its session. */
  readonly before?: string;
}

export class Director {
  readonly name: Name;
  readonly node: NamespaceNode | Kernel;
  readonly address: string;
  readonly subject: Subject;
  #process: LabProcess | undefined;

  constructor(name: Name, node: NamespaceNode | Kernel, address: string, subject: Subject) {
    this.name = name;
    this.node = node;
    this.address = address;
    this.subject = subject;
  }

  get process(): LabProcess {
    if (this.#process === undefined) throw new Error(`director ${this.name}: nothing was started`);
    return this.#process;
  }

  get #directory(): string {
    return join(this.node.scratch, this.subject.program);
  }

  get #file(): string {
    return join(this.#directory, 'configuration');
  }

  async configure(plan: Plan): Promise<void> {
    await this.node.writeFile(this.#file, configurationFor(this.subject.program, plan));
  }

  async start(plan: Plan, { log, before = '' }: StartOptions = {}): Promise<void> {
    await this.configure(plan);
    const redirection = log === undefined ? '' : `>${log} 2>&1`;
    const line = `${before}\nexec "$@" ${redirection}`;
    this.#process = await this.node.spawn(['sh', '-c', line, 'sh', ...this.#command(plan)]);
  }

  /** Its log, for people. */
  get log(): readonly string[] {
    return this.#process?.output.all ?? [];
  }

  async pidOf(role: Role): Promise<number> {
    if (role === 'manager') return this.process.pid;
    const pid = await (this.subject.program === 'vipward'
      ? this.#vipwardChild(role)
      : this.#keepalivedChild(role));
    if (!(pid > 0)) throw new Error(`director ${this.name}: ${this.subject.program} has no ${role} process`);
    return pid;
  }

  async allPids(): Promise<readonly number[]> {
    const main = this.process.pid;
    return [main, ...(await this.#childrenOf(main))];
  }

  /** All at once; `signals` one after the other. */
  async signal(pids: readonly number[], ...signals: readonly string[]): Promise<void> {
    const line = signals.map((signal) => `kill -${signal} ${pids.join(' ')}`).join('; ');
    await this.node.run(line);
  }

  #command(plan: Plan): readonly string[] {
    const directory = this.#directory;
    if (this.subject.program === 'vipward') {
      const places = ['--runtime-dir', join(directory, 'run'), '--state-dir', join(directory, 'state')];
      return [this.subject.vipward, 'run', '--config', this.#file, ...places];
    }
    return [
      ...[
        'keepalived',
        '--dont-fork',
        '--log-console',
        '-f',
        this.#file,
        '-p',
        join(directory, 'parent.pid'),
      ],
      ...['-r', join(directory, 'vrrp.pid'), '-c', join(directory, 'checkers.pid')],
      // Its checkers need IPVS, and it ends without them.
      ...(plan.service ? [] : ['--vrrp']),
    ];
  }

  async #childrenOf(pid: number): Promise<readonly number[]> {
    const list = await this.node.run(`cat /proc/${pid}/task/*/children`);
    return list
      .trim()
      .split(/\s+/)
      .map(Number)
      .filter((child) => child > 0);
  }

  async #vipwardChild(role: Role): Promise<number> {
    for (const pid of await this.#childrenOf(this.process.pid)) {
      if ((await this.node.readFile(`/proc/${pid}/cmdline`)).startsWith(`vipward ${role}`)) return pid;
    }
    return 0;
  }

  async #keepalivedChild(role: Role): Promise<number> {
    const file = role === 'vrrp' ? 'vrrp.pid' : 'checkers.pid';
    return Number(await this.node.readFile(join(this.#directory, file)));
  }
}
