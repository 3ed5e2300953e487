/** The lab's end of the serial line to the agent in a kernel. */
import type { Readable, Writable } from 'node:stream';
import { LabProcess, type SpawnOptions } from './process.ts';
import { encodeFrame, type Frame, FrameReader, type SpawnRequest } from './wire.ts';

/**
 * Bytes that may be on their way to the agent at once. The kernel's terminal layer holds 4096 and throttles the line
 * when it is nearly full; a line of User Mode Linux that was throttled once never hears again.
 */
const WINDOW = 2_048;

interface Pending {
  readonly options: SpawnOptions;
  readonly resolve: (process: LabProcess) => void;
  readonly reject: (error: Error) => void;
}

export class AgentLine {
  /** Resolves when the agent has spoken. */
  readonly ready: Promise<undefined>;
  readonly #node: string;
  readonly #output: Writable;
  readonly #input: Readable;
  readonly #reader = new FrameReader();
  readonly #pending = new Map<number, Pending>();
  readonly #processes = new Map<number, LabProcess>();
  readonly #greeted: () => void;
  #next = 1;
  #queue: Buffer[] = [];
  #underway = 0;
  #closed: string | undefined;

  constructor(node: string, output: Writable, input: Readable) {
    this.#node = node;
    this.#output = output;
    this.#input = input;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.ready = promise;
    this.#greeted = () => resolve(undefined);
    input.on('data', (bytes: Buffer) => {
      for (const frame of this.#reader.push(bytes)) this.#take(frame);
    });
    // The kernel may be killed at any moment: that is told by its exit.
    for (const stream of [output, input]) stream.on('error', () => undefined);
  }

  async spawn(request: SpawnRequest, options: SpawnOptions): Promise<LabProcess> {
    if (this.#closed !== undefined) throw new Error(this.#closed);
    const id = this.#next++;
    return await new Promise<LabProcess>((resolve, reject) => {
      this.#pending.set(id, { options, resolve, reject });
      this.#send(encodeFrame('spawn', id, request));
    });
  }

  /** The kernel is gone, and with it all its processes. */
  close(why: string): void {
    if (this.#closed !== undefined) return;
    this.#closed = why;
    this.#output.destroy();
    this.#input.destroy();
    for (const pending of this.#pending.values()) pending.reject(new Error(why));
    for (const process of this.#processes.values()) process.finish({ code: 128 + 9, lost: why });
    this.#pending.clear();
    this.#processes.clear();
  }

  #send(frame: Buffer): void {
    this.#queue.push(frame);
    this.#flush();
  }

  #flush(): void {
    while (this.#underway < WINDOW) {
      const first = this.#queue.shift();
      if (first === undefined) return;
      const piece = first.subarray(0, WINDOW - this.#underway);
      if (piece.length < first.length) this.#queue.unshift(first.subarray(piece.length));
      this.#underway += piece.length;
      this.#output.write(piece);
    }
  }

  #take({ kind, id, payload }: Frame): void {
    switch (kind) {
      case 'hello':
        this.#greeted();
        break;
      case 'taken':
        this.#underway -= payload.readUInt32BE(0);
        this.#flush();
        break;
      case 'started':
        this.#started(id, JSON.parse(payload.toString()).pid);
        break;
      case 'failed':
        this.#pending.get(id)?.reject(new Error(`${this.#node}: ${JSON.parse(payload.toString()).message}`));
        this.#pending.delete(id);
        break;
      case 'stdout':
      case 'stderr':
        this.#processes.get(id)?.deliver(kind, payload);
        break;
      case 'exit':
        this.#processes.get(id)?.finish({ code: JSON.parse(payload.toString()).code });
        this.#processes.delete(id);
        break;
      case 'spawn':
      case 'stdin':
      case 'end':
      case 'signal':
        throw new Error(`${this.#node}: a ${kind} frame came from the agent`);
      default:
        kind satisfies never;
    }
  }

  #started(id: number, pid: number): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    const control = {
      write: (bytes: Uint8Array): void => void this.#send(encodeFrame('stdin', id, bytes)),
      end: (): void => void this.#send(encodeFrame('end', id)),
      signal: (signal: NodeJS.Signals, group: boolean): void =>
        void this.#send(encodeFrame('signal', id, { signal, group })),
    };
    const process = new LabProcess(pid, control, pending.options);
    this.#processes.set(id, process);
    pending.resolve(process);
  }
}
