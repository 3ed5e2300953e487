/** One supervised child process: started, listened to, restarted when it dies, killed when it no longer answers. */
import { type ChildProcess, fork } from 'node:child_process';
import { type Log, MESSAGE_VERSION } from '../model/messages.ts';
import { reasonOf } from '../model/reason.ts';
import type { ProcessStatus } from '../model/status.ts';
import { type Milliseconds, milliseconds } from '../model/units.ts';
import { patiently } from '../sys/patience.ts';

export interface ChildOptions<FromChild> {
  readonly name: 'vrrp' | 'checker';
  readonly nodeOptions: readonly string[];
  /** Beside the manager's own; undefined takes a variable away. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Silence of this length, once it is ready, is a hang: the child is killed and started again. */
  readonly silenceLimit: Milliseconds;
  readonly log: Log;
  onMessage(message: FromChild): void;
  /** The child is ready for its configuration, at the first start and after each restart. */
  onReady(): void;
  /**
   * The child died although nobody asked it to; it will be started again. `silence`: for how long it has done nothing,
   * which is more than no time when it had to be killed.
   */
  onLost(silence: Milliseconds): void;
}

/** Waits between restarts: the first is immediate, since the usual crash is a single one. */
const BACK_OFF = [0, 250, 1_000, 2_000, 5_000].map(milliseconds);
/** For a child that is coming up. */
const START_LIMIT = milliseconds(30_000);
/**
 * How often the time that a silent child has is doubled, each time that one was killed for its silence: on a machine
 * that is too busy for the usual limits no child would ever come up otherwise, and each start is work for it.
 */
const MOST_DOUBLINGS = 2;
/** A child that lived this long has its earlier crashes forgiven. */
const FORGIVEN_AFTER = milliseconds(60_000);

export class Child<ToChild extends object, FromChild extends { readonly type: string }> {
  readonly #options: ChildOptions<FromChild>;
  #process: ChildProcess | undefined;
  #state: ProcessStatus['state'] = 'stopped';
  #restarts = 0;
  #crashes = 0;
  #stopping = false;
  #startedAt = 0;
  #heardAt = 0;
  #hung = false;
  /** How many were killed for their silence, one after the other. */
  #hangs = 0;
  #lost: ProcessStatus['lost'];
  /** Ends the wait for a sign of life. */
  #relent: () => void = () => undefined;
  #restart: NodeJS.Timeout | undefined;
  #ended = Promise.withResolvers<void>();

  constructor(options: ChildOptions<FromChild>) {
    this.#options = options;
  }

  get status(): ProcessStatus {
    return {
      name: this.#options.name,
      pid: this.#process?.pid,
      state: this.#state,
      restarts: this.#restarts,
      ...(this.#lost !== undefined && { lost: this.#lost }),
    };
  }

  get running(): boolean {
    return this.#state === 'running';
  }

  start(): void {
    const { name, log } = this.#options;
    this.#state = this.#restarts === 0 ? 'starting' : 'restarting';
    this.#startedAt = performance.now();
    this.#hung = false;
    let child: ChildProcess;
    try {
      child = this.#fork();
    } catch (cause) {
      // No memory, say: to come back later is all that can be done.
      this.#failed(cause);
      return;
    }
    this.#process = child;
    child.on('message', (message) => this.#receive(child, message as FromChild & { v?: number }));
    child.on('error', (cause) => {
      // Without a process there is no 'exit' either: no process is left to this user, no descriptor, no executable.
      if (child.pid === undefined && child === this.#process) this.#failed(cause);
      else log('error', `${name} process: ${cause.message}`);
    });
    child.once('exit', (code, signal) => {
      const ended = () => this.#exited(child, code, signal);
      // What it said last is still in the channel, and may be that it holds an address.
      if (child.connected) child.once('disconnect', ended);
      else ended();
    });
    this.#heard();
  }

  #fork(): ChildProcess {
    const { name, nodeOptions, environment } = this.#options;
    return fork(mainModule(), [name], {
      execArgv: [...nodeOptions],
      // The service manager listens to the manager alone.
      env: { ...process.env, NOTIFY_SOCKET: undefined, WATCHDOG_USEC: undefined, ...environment },
      // Standard output is the manager's log alone; a crash report of Node's may use standard error.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
  }

  /** False when the child is not there to hear it; it gets everything anew when it comes back. */
  send(message: ToChild): boolean {
    if (this.#process?.connected !== true) return false;
    this.#process.send({ ...message, v: MESSAGE_VERSION }, (error) => {
      if (error !== null) this.#options.log('warn', `${this.#options.name} process: ${error.message}`);
    });
    return true;
  }

  /** Sends `farewell` and resolves when the process is gone; kills it after `limit`. */
  async stop(farewell: ToChild, limit: Milliseconds): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    this.#relent();
    if (this.#process === undefined) return;
    if (!this.send(farewell)) this.#process.kill('SIGTERM');
    const relent = patiently(limit, () => {
      this.#options.log('error', `${this.#options.name} process did not stop within ${limit} ms: killed`);
      this.#process?.kill('SIGKILL');
    });
    await this.#ended.promise;
    relent();
  }

  #receive(child: ChildProcess, message: FromChild & { v?: number }): void {
    if (child !== this.#process) return;
    if (message.v !== MESSAGE_VERSION) {
      this.#options.log('error', `${this.#options.name} process speaks version ${message.v}: killed`, {
        want: MESSAGE_VERSION,
      });
      child.kill('SIGKILL');
      return;
    }
    if (message.type === 'ready') {
      this.#state = 'running';
      this.#lost = undefined;
    }
    this.#heard();
    if (message.type === 'ready') this.#options.onReady();
    else this.#options.onMessage(message);
  }

  /** A sign of life. */
  #heard(): void {
    this.#relent();
    this.#heardAt = performance.now();
    if (this.#stopping) return;
    this.#relent = patiently(this.#silenceLimit, () => this.#killSilent());
  }

  /** One that is only coming up may take its time: on a machine that is busy with booting, seconds. */
  get #silenceLimit(): Milliseconds {
    const limit = this.#state === 'running' ? this.#options.silenceLimit : START_LIMIT;
    const forgiven = performance.now() - this.#startedAt >= FORGIVEN_AFTER;
    return milliseconds(forgiven ? limit : limit * 2 ** Math.min(this.#hangs, MOST_DOUBLINGS));
  }

  #killSilent(): void {
    const { name, log } = this.#options;
    log('error', `${name} process has been silent for ${this.#silenceLimit} ms: killed`, { process: name });
    this.#hung = true;
    this.#process?.kill('SIGKILL');
  }

  #exited(child: ChildProcess, code: number | null, signal: string | null): void {
    if (child !== this.#process) return;
    const { name, log } = this.#options;
    this.#gone((wait) =>
      log('error', `${name} process died: started again${wait === 0 ? '' : ` in ${wait} ms`}`, {
        process: name,
        exitCode: code,
        signal,
      }),
    );
  }

  #failed(cause: unknown): void {
    const { name, log } = this.#options;
    const reason = reasonOf(cause);
    this.#crashes = Math.max(1, this.#crashes);
    this.#gone((wait) =>
      log('error', `${name} process cannot be started: ${reason}; tried again in ${wait} ms`, {
        process: name,
      }),
    );
  }

  /** `tell` says what happened, after the start of the next process, which is more urgent. */
  #gone(tell: (wait: Milliseconds) => void): void {
    this.#relent();
    this.#process = undefined;
    this.#state = this.#stopping ? 'stopped' : 'restarting';
    if (this.#stopping) {
      this.#ended.resolve();
      return;
    }
    const lived = performance.now() - this.#startedAt;
    if (lived >= FORGIVEN_AFTER) {
      this.#crashes = 0;
      this.#hangs = 0;
    }
    if (this.#hung) this.#hangs++;
    const wait = BACK_OFF[Math.min(this.#crashes, BACK_OFF.length - 1)] ?? milliseconds(0);
    this.#crashes++;
    this.#restarts++;
    const now = Date.now();
    this.#lost = { at: this.#lost?.at ?? now, nextAt: now + wait };
    this.#options.onLost(milliseconds(this.#hung ? performance.now() - this.#heardAt : 0));
    if (wait === 0) this.start();
    else this.#restart = setTimeout(() => this.start(), wait);
    tell(wait);
  }
}

/** src/main.ts in a checkout under development; dist/main.js once compiled, where everything lies beside it. */
const mainModule = (): URL =>
  new URL(import.meta.url.endsWith('.ts') ? '../main.ts' : 'main.js', import.meta.url);
