/**
 * Who serves whom, connection by connection:
 *
 *   await startNamingServer(node, 'a', ['tcp/80', 'udp/0.0.0.0/80'])      naming-server.ts
 *   const caller = await startCaller(client)                              caller.ts
 *   const held = await caller.open({ to: vip, port: 80, from: '10.3.3.1' })   held.name, or held.error; held.close()
 *   await caller.datagrams({ to: vip, port: 80, from: '10.3.3.1' }, ['x'])    the names that answered
 *
 * Every connection has a port of its own, so that no director takes it for one that it knows.
 */
import { join } from 'node:path';
import type { CallerAnswer, CallerRequest, Target } from './caller.ts';
import type { Node } from './node.ts';
import type { LabProcess } from './process.ts';

/** Below the ports that Linux gives by itself. */
const FIRST_PORT = 16_384;

/** Resolves when it listens. */
export async function startNamingServer(
  node: Node,
  name: string,
  places: readonly string[],
): Promise<LabProcess> {
  const server = await node.spawn(['node', join(import.meta.dirname, 'naming-server.ts'), name, ...places]);
  await server.stdout.waitFor((line) => line === 'listening', { what: `${name} to listen` });
  return server;
}

export type Call = Omit<Target, 'localPort'> & { readonly localPort?: number };

export interface Held {
  /** The real server that it leads to, or the errno without one: ECONNREFUSED. */
  readonly name: string;
  readonly localPort: number;
  /** The name once more, over the same connection. */
  ask(): Promise<string>;
  close(): Promise<void>;
}

export class Caller {
  readonly #process: LabProcess;
  #asked = 0;
  #next = 0;

  constructor(process: LabProcess) {
    this.#process = process;
  }

  async open(call: Call): Promise<Held> {
    const id = this.#next++;
    const localPort = call.localPort ?? FIRST_PORT + id;
    const name = first(await this.#send({ call: 'open', id, ...call, localPort }));
    return {
      name,
      localPort,
      ask: async () => first(await this.#send({ call: 'ask', id })),
      close: async () => void (await this.#send({ call: 'close', id })),
    };
  }

  async datagrams(call: Call, texts: readonly string[]): Promise<readonly string[]> {
    const localPort = call.localPort ?? FIRST_PORT + this.#next++;
    const { names, error } = await this.#send({ call: 'datagrams', ...call, localPort, texts });
    return names ?? [error ?? ''];
  }

  async #send(request: CallerRequest): Promise<CallerAnswer> {
    const place = this.#asked++;
    this.#process.write(`${JSON.stringify(request)}\n`);
    const { stdout } = this.#process;
    const what = `an answer to ${JSON.stringify(request)}`;
    const line = await stdout.waitFor(() => true, { since: place, what });
    return JSON.parse(line) as CallerAnswer;
  }
}

const first = ({ names, error }: CallerAnswer): string => names?.[0] ?? error ?? '';

export async function startCaller(node: Node): Promise<Caller> {
  return new Caller(await node.spawn(['node', join(import.meta.dirname, 'caller.ts')]));
}
