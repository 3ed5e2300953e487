/**
 * A node with a Linux kernel of its own, with IPVS and all its schedulers, ipip and dummy, joined to the lab's switches
 * by tap devices. It is User Mode Linux unless nftables is needed as well: see `kind`.
 *
 *   await lvs1.boot()        resolves when commands run inside, interfaces are up (eth0 ...) and modules loaded
 *   lvs1.kill()              the node is lost: SIGKILL, no farewell of any kind; boot() again afterwards
 *   lvs1.pause(), resume()   the machine stands still, and goes on; its clock has gone on meanwhile
 *   await lvs1.powerOff()    an orderly end of the kernel (its processes are not asked)
 *   lvs1.console             EventLog of the kernel's own messages
 *   lvs1.inside              a Topology: switches and hosts inside this kernel (anew after each boot)
 *
 * The root is this machine's file system under a private layer: the checkout is there, what is written inside stays
 * inside and is gone with the kernel. A file that is changed on this machine while the kernel runs may be stale
 * inside; write files with `writeFile`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentLine } from './agent-line.ts';
import { CLOUD_KERNEL } from './cloud-kernel.ts';
import { EventLog } from './event-log.ts';
import type { KernelKind } from './kernel-kind.ts';
import { recordLastWords } from './last-words.ts';
import { signalIfAlive } from './local.ts';
import { interfaceLines, type NamespaceNode, Port, type PortOptions, Topology } from './network.ts';
import { argumentsOf, CHECKOUT, type Command, ENVIRONMENT, Node } from './node.ts';
import type { LabProcess, SpawnOptions } from './process.ts';
import { ShellServer } from './shell-server.ts';
import { USER_MODE_KERNEL } from './user-mode-kernel.ts';

export interface KernelOptions {
  /** `cloud`: the one with IPVS and nftables together, which is several times slower; see cloud-kernel.ts. */
  readonly kind?: 'user-mode' | 'cloud';
  readonly ports: readonly PortOptions[];
  /** As `ip route add` takes them. */
  readonly routes?: readonly string[];
  readonly forward?: boolean;
  /** MB; default 512. Only what is touched is taken from this machine. */
  readonly memory?: number;
  /** Whether systemd is the first process, as on a machine; no module is loaded beforehand then. User mode only. */
  readonly systemd?: boolean;
}

/** Where on this machine the kernel runs. */
export interface KernelPlace {
  readonly scratch: string;
  /** Its place among the lab's kernels, for its own MAC addresses. */
  readonly number: number;
}

/** A boot takes 3 s on an idle machine; a loaded one may take far longer. */
const BOOT_LIMIT = 240_000;

export class Kernel extends Node {
  readonly ports: readonly Port[];
  readonly console = new EventLog<string>();
  readonly #options: KernelOptions;
  readonly #kind: KernelKind;
  readonly #room: NamespaceNode;
  readonly #place: KernelPlace;
  readonly #shells: ShellServer;
  #process: ChildProcess | undefined;
  #line: AgentLine | undefined;
  #inside: Topology | undefined;
  #isRecorded = false;
  /** The end of the host process of the last boot: its tap devices are busy until then. */
  #ended: Promise<unknown> = Promise.resolve();

  private constructor(
    name: string,
    options: KernelOptions,
    room: NamespaceNode,
    ports: readonly Port[],
    place: KernelPlace,
  ) {
    super(name, '/run/lab');
    this.#options = options;
    this.#kind = options.kind === 'cloud' ? CLOUD_KERNEL : USER_MODE_KERNEL;
    this.#room = room;
    this.ports = ports;
    this.#place = place;
    this.#shells = new ShellServer(this, join(place.scratch, `${name}.shell`));
  }

  /** Makes the tap devices; called by Lab.addKernel. */
  static async create(
    name: string,
    options: KernelOptions,
    room: NamespaceNode,
    nextPort: () => string,
    place: KernelPlace,
  ): Promise<Kernel> {
    if (options.kind === 'cloud' && options.systemd === true)
      throw new Error(`${name}: systemd runs in kernels of kind user-mode only`);
    const ports: Port[] = [];
    for (const { on } of options.ports) {
      const device = nextPort();
      await room.run(`ip tuntap add dev ${device} mode tap && ip link set ${device} master ${on.bridge} up`);
      ports.push(new Port(on, device));
    }
    return new Kernel(name, options, room, ports, place);
  }

  get inside(): Topology {
    if (this.#inside === undefined) throw new Error(`${this.name}: not booted: nothing can be built inside`);
    return this.#inside;
  }

  get running(): boolean {
    return this.#line !== undefined;
  }

  async boot(): Promise<void> {
    if (this.#process !== undefined) throw new Error(`${this.name}: boot: it is running already`);
    await this.#ended;
    const runtime = join(this.#place.scratch, 'kernel', this.name);
    await mkdir(runtime, { recursive: true });
    const child = spawn('ip', ['netns', 'exec', this.#room.namespace, ...this.#commandLine(runtime)], {
      cwd: '/',
      env: ENVIRONMENT,
      detached: true,
      stdio: [...this.#kind.stdio],
    });
    this.#process = child;
    this.#ended = once(child, 'exit');
    this.#record(child);
    const { output, input } = this.#kind.line(child);
    const line = new AgentLine(this.name, output, input);
    child.once('exit', () => this.#gone(child, line));
    await this.#awaitAgent(child, line);
    this.#line = line;
    if (!this.#isRecorded)
      recordLastWords({ name: `the kernel of ${this.name}`, log: this.console, write: (text) => text });
    this.#isRecorded = true;
    await this.run(['sh', '-ec', this.#configuration()]);
    this.#inside = new Topology(this, '');
    await this.#shells.listen();
  }

  /** SIGKILL of the kernel and all its host processes: the node is lost this instant. Nothing to do if it is down. */
  kill(): void {
    const pid = this.#process?.pid;
    if (pid !== undefined) signalIfAlive(-pid, 'SIGKILL');
    if (this.#process !== undefined && this.#line !== undefined) this.#gone(this.#process, this.#line);
  }

  /** SIGSTOP of the machine: nothing runs inside and nothing is sent until resume(). */
  pause(): void {
    this.#signalKernel('SIGSTOP');
  }

  resume(): void {
    this.#signalKernel('SIGCONT');
  }

  async powerOff(): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    const ended = once(child, 'exit');
    // The answer of this command may or may not get out any more.
    await this.spawn('echo o >/proc/sysrq-trigger').catch(() => undefined);
    await ended;
  }

  async spawn(command: Command, options: SpawnOptions = {}): Promise<LabProcess> {
    if (this.#line === undefined)
      throw new Error(`${this.name}: ${argumentsOf(command).join(' ')}: it is down`);
    const request = {
      argv: argumentsOf(command),
      cwd: options.cwd ?? CHECKOUT,
      env: { ...ENVIRONMENT, ...options.env },
    };
    return await this.#line.spawn(request, options);
  }

  shellCommand(): string {
    return this.#shells.command;
  }

  #commandLine(runtime: string): readonly string[] {
    const node = join(CHECKOUT, 'node_modules/.bin/node');
    return this.#kind.commandLine({
      runtime,
      memory: this.#options.memory ?? 512,
      taps: this.ports.map(({ device }) => device),
      parameters: this.#options.systemd === true ? ['lab_init=systemd'] : [],
      init: [join(import.meta.dirname, 'guest-init'), node, join(import.meta.dirname, 'agent.ts')],
    });
  }

  #configuration(): string {
    const lines = [`mkdir -p ${this.scratch}`];
    if (this.#options.systemd !== true) lines.push(`modprobe -a ${this.#kind.modules.join(' ')}`);
    lines.push(`hostname ${this.name}`, 'ip link set lo up');
    this.#options.ports.forEach((port, index) => {
      const mac = `02:76:77:00:${hex(this.#place.number)}:${hex(index)}`;
      lines.push(
        `ip link set ${this.#kind.device(index)} name eth${index}`,
        ...interfaceLines(`eth${index}`, { mac, ...port }),
      );
    });
    lines.push(...(this.#options.routes ?? []).map((route) => `ip route add ${route}`));
    if (this.#options.forward === true) lines.push('echo 1 >/proc/sys/net/ipv4/ip_forward');
    return lines.join('\n');
  }

  #record(child: ChildProcess): void {
    for (const stream of [child.stdout, child.stderr]) {
      let partial = '';
      stream?.setEncoding('utf8').on('data', (text: string) => {
        const lines = (partial + text).split(/\r?\n/);
        partial = lines.pop() ?? '';
        for (const line of lines) this.console.push(line);
      });
    }
  }

  async #awaitAgent(child: ChildProcess, line: AgentLine): Promise<void> {
    const stop = new AbortController();
    const ended = once(child, 'exit', { signal: stop.signal }).then(
      ([code, signal]) => `it ended (${signal ?? code})`,
    );
    const { promise: late, resolve } = Promise.withResolvers<string>();
    const timer = setTimeout(() => resolve(`no sign of life after ${BOOT_LIMIT} ms`), BOOT_LIMIT);
    const problem = await Promise.race([line.ready, ended, late]);
    clearTimeout(timer);
    ended.catch(() => undefined);
    stop.abort();
    if (problem === undefined) return;
    this.kill();
    throw new Error(
      `${this.name}: boot: ${problem}; its console:\n${this.console.all.slice(-40).join('\n')}`,
    );
  }

  #gone(child: ChildProcess, line: AgentLine): void {
    line.close(`${this.name}: its kernel is gone`);
    if (this.#process !== child) return;
    this.#process = undefined;
    this.#line = undefined;
    this.#inside = undefined;
  }

  /** Only the kernel's own process: those of its programs are traced by it and cannot go on without it. */
  #signalKernel(signal: NodeJS.Signals): void {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error(`${this.name}: ${signal}: it is down`);
    process.kill(pid, signal);
  }
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
