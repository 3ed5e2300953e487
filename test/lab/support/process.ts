/**
 * A process on a node, wherever that runs.
 *
 *   process.stdout, process.stderr   EventLog<string> of their lines: `await p.stdout.waitFor((line) => ...)`
 *   process.output                   both, in the order of arrival
 *   process.pid                      as the node's own kernel counts
 *   process.exit                     a promise of { code, lost? }, never rejected
 *   process.kill('SIGHUP')           a signal to this process; killAll: to all of its process group
 *   process.write(text), end(text?)  standard input
 */
import { EventLog } from './event-log.ts';

export interface SpawnOptions {
  readonly cwd?: string;
  /** Added to the environment of all commands. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether output is kept as lines (default). Without it, only `onData` sees the output. */
  readonly lines?: boolean;
}

export interface ProcessEnd {
  /** The exit code; 128 + n when signal n ended it. */
  readonly code: number;
  /** Why nobody knows how it ended: its kernel is gone. */
  readonly lost?: string;
}

export type Stream = 'stdout' | 'stderr';

/** How the side that really holds the process is reached. */
export interface ProcessControl {
  write(bytes: Uint8Array): void;
  end(): void;
  signal(signal: NodeJS.Signals, group: boolean): void;
}

export class LabProcess {
  readonly pid: number;
  readonly stdout = new EventLog<string>();
  readonly stderr = new EventLog<string>();
  readonly output = new EventLog<string>();
  readonly exit: Promise<ProcessEnd>;
  readonly #control: ProcessControl;
  readonly #listeners: { readonly stream: Stream; readonly listener: (bytes: Buffer) => void }[] = [];
  readonly #partial = { stdout: '', stderr: '' };
  readonly #decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  readonly #lines: boolean;
  readonly #resolve: (end: ProcessEnd) => void;
  #early: { readonly stream: Stream; readonly bytes: Buffer }[] = [];
  #isNew = true;
  #ended: ProcessEnd | undefined;

  constructor(pid: number, control: ProcessControl, options: SpawnOptions) {
    this.pid = pid;
    this.#control = control;
    this.#lines = options.lines ?? true;
    const { promise, resolve } = Promise.withResolvers<ProcessEnd>();
    this.exit = promise;
    this.#resolve = resolve;
    // Whoever has awaited its start listens by then, though its first words came with the news of the start.
    setImmediate(() => {
      this.#isNew = false;
      if (this.#lines) this.#early = [];
    });
  }

  /** How it ended, or undefined while it runs. */
  get ended(): ProcessEnd | undefined {
    return this.#ended;
  }

  /** Also hands over what came before anybody listened: if lines are kept, only what came with the start. */
  onData(stream: Stream, listener: (bytes: Buffer) => void): void {
    this.#listeners.push({ stream, listener });
    const early = this.#early.filter((piece) => piece.stream === stream);
    this.#early = this.#early.filter((piece) => piece.stream !== stream);
    for (const piece of early) listener(piece.bytes);
  }

  write(data: string | Uint8Array): void {
    if (this.#ended === undefined) this.#control.write(typeof data === 'string' ? Buffer.from(data) : data);
  }

  end(data: string | Uint8Array = ''): void {
    if (data.length > 0) this.write(data);
    if (this.#ended === undefined) this.#control.end();
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    if (this.#ended === undefined) this.#control.signal(signal, false);
  }

  killAll(signal: NodeJS.Signals = 'SIGTERM'): void {
    if (this.#ended === undefined) this.#control.signal(signal, true);
  }

  /** Ends it, and its group, within `grace` ms of a SIGTERM or by SIGKILL, and resolves when it is gone. */
  async stop(grace = 30_000): Promise<ProcessEnd> {
    this.killAll('SIGTERM');
    const timer = setTimeout(() => this.killAll('SIGKILL'), grace);
    return await this.exit.finally(() => clearTimeout(timer));
  }

  /** For the side that holds the process: output has come. */
  deliver(stream: Stream, bytes: Buffer): void {
    let heard = false;
    for (const entry of this.#listeners) {
      if (entry.stream !== stream) continue;
      heard = true;
      entry.listener(bytes);
    }
    if (this.#lines) this.#deliverLines(stream, this.#decoders[stream].decode(bytes, { stream: true }));
    if (!heard && (!this.#lines || this.#isNew)) this.#early.push({ stream, bytes });
  }

  /** For the side that holds the process: it has ended and all its output was delivered. */
  finish(end: ProcessEnd): void {
    if (this.#ended !== undefined) return;
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.#partial[stream] !== '') this.#deliverLines(stream, '\n');
    }
    this.#ended = end;
    for (const log of [this.stdout, this.stderr, this.output])
      log.end(end.lost ?? `it ended with ${end.code}`);
    this.#resolve(end);
  }

  #deliverLines(stream: Stream, text: string): void {
    const lines = (this.#partial[stream] + text).split('\n');
    this.#partial[stream] = lines.pop() ?? '';
    for (const line of lines) {
      this[stream].push(line);
      this.output.push(line);
    }
  }
}
