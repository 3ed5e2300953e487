/**
 * A lab: switches, hosts and kernels that nobody else sees, and that vanish with the process that made them, even
 * when that is killed.
 *
 *   await using lab = await Lab.create()                     or lab.close() in afterAll
 *   const lan = await lab.addSwitch('lan')                   see network.ts
 *   const client = await lab.addHost('client', { ports: [{ on: lan, addresses: ['10.1.1.100/24'] }] })
 *   const lvs1 = await lab.addKernel('lvs1', { ports: [{ on: lan, addresses: ['10.1.1.10/24'] }] })
 *   await lvs1.boot()                                        see kernel.ts
 *   lab.scratch                                              a directory of this machine, gone with the lab
 *
 * Network namespaces are named vw<pid>-<n>-<name>. No interface of this machine is touched, no frame leaves.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kernel, type KernelOptions } from './kernel.ts';
import { LocalMachine } from './local.ts';
import { Topology } from './network.ts';
import { ENVIRONMENT } from './node.ts';

let count = 0;

export class Lab extends Topology {
  /** All names of namespaces begin with it. */
  readonly prefix: string;
  readonly scratch: string;
  readonly #watcher: ChildProcess;
  readonly #kernels: Kernel[] = [];
  /** Kernels that were asked for; some may still be in the making. */
  #kernelCount = 0;

  private constructor(prefix: string, scratch: string, watcher: ChildProcess) {
    super(new LocalMachine('this machine', scratch), prefix);
    this.prefix = prefix;
    this.scratch = scratch;
    this.#watcher = watcher;
  }

  static async create(): Promise<Lab> {
    const prefix = `vw${process.pid}-${count++}-`;
    const scratch = await mkdtemp(join(tmpdir(), `${prefix}`));
    // The watcher's only tie to us is the pipe: when we end, however, it reads the end of file and clears up.
    const watcher = spawn('sh', [join(import.meta.dirname, 'clear-up'), prefix, scratch], {
      cwd: '/',
      env: ENVIRONMENT,
      detached: true,
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    await once(watcher, 'spawn');
    watcher.unref();
    return new Lab(prefix, scratch, watcher);
  }

  /** Prepares a kernel of its own; `boot` it then. */
  async addKernel(name: string, options: KernelOptions): Promise<Kernel> {
    // Taken at once: kernels that are added side by side must differ.
    const number = this.#kernelCount++;
    const room = await this.switchRoom();
    const place = { scratch: this.scratch, number };
    const kernel = await Kernel.create(name, options, room, () => this.nextPort(), place);
    this.#kernels.push(kernel);
    return kernel;
  }

  /** Ends every process of the lab and removes everything it made. */
  async close(): Promise<void> {
    if (this.#watcher.exitCode !== null || this.#watcher.signalCode !== null) return;
    for (const kernel of this.#kernels) kernel.kill();
    this.#watcher.ref();
    this.#watcher.stdin?.end();
    const [code] = await once(this.#watcher, 'exit');
    if (code !== 0) throw new Error(`lab ${this.prefix}: clear-up ended with ${code}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
