/**
 * Opens connections and holds them, and sends datagrams, one at a time as it is told: a CallerRequest on each line of
 * standard input, a CallerAnswer on each of standard output, in the same order. Its peer is naming-server.ts.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

export interface Target {
  readonly to: string;
  readonly port: number;
  readonly from: string;
  readonly localPort: number;
}

export type CallerRequest =
  /** A connection, held under the number `id`. */
  | ({ readonly call: 'open'; readonly id: number } & Target)
  /** Asks on the connection `id` for the name once more. */
  | { readonly call: 'ask'; readonly id: number }
  | { readonly call: 'close'; readonly id: number }
  /** Each of `texts` in a datagram of its own, when the one before is answered. */
  | ({ readonly call: 'datagrams'; readonly texts: readonly string[] } & Target);

export interface CallerAnswer {
  /** The name of the real server, or for `datagrams` one for each. */
  readonly names?: readonly string[];
  /** Why there is none: an errno such as ECONNREFUSED, or TIMEOUT. */
  readonly error?: string;
}

/** Far more than any answer takes, in ms. */
const PATIENCE = 30_000;
const held = new Map<number, Socket>();

function nextLine(socket: Socket): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = '';
  const finish = (): void => {
    clearTimeout(timer);
    socket.off('data', take).off('error', fail).off('close', closed);
  };
  const fail = ({ code }: { readonly code?: string }): void => {
    finish();
    reject(new Error(code ?? 'UNKNOWN'));
  };
  const closed = (): void => fail({ code: 'CLOSED' });
  const take = (bytes: Buffer): void => {
    text += bytes.toString();
    if (!text.includes('\n')) return;
    finish();
    resolve(text.trim());
  };
  const timer = setTimeout(() => fail({ code: 'TIMEOUT' }), PATIENCE);
  socket.on('data', take).on('error', fail).on('close', closed);
  return promise;
}

async function open(id: number, { to, port, from, localPort }: Target): Promise<string> {
  const socket = createConnection({ host: to, port, localAddress: from, localPort });
  held.set(id, socket);
  try {
    return await nextLine(socket);
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    // One that breaks while it is held is found out by `ask`.
    socket.on('error', () => undefined);
  }
}

async function ask(id: number): Promise<string> {
  const socket = held.get(id);
  if (socket === undefined) throw new Error(`no connection ${id}`);
  const answer = nextLine(socket);
  socket.write('?\n');
  return await answer;
}

async function close(id: number): Promise<void> {
  const socket = held.get(id);
  if (socket === undefined) throw new Error(`no connection ${id}`);
  held.delete(id);
  socket.end();
  if (!socket.destroyed) await once(socket, 'close');
}

async function datagrams({ to, port, from, localPort }: Target, texts: readonly string[]): Promise<string[]> {
  const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4');
  try {
    socket.bind(localPort, from);
    await once(socket, 'listening');
    // A connected socket is told when its datagram is refused.
    socket.connect(port, to);
    await once(socket, 'connect');
    const names: string[] = [];
    for (const text of texts) {
      const answer = once(socket, 'message', { signal: AbortSignal.timeout(PATIENCE) });
      socket.send(text);
      const [name] = (await answer) as [Buffer];
      names.push(name.toString().trim());
    }
    return names;
  } finally {
    socket.close();
  }
}

async function obey(request: CallerRequest): Promise<CallerAnswer> {
  switch (request.call) {
    case 'open':
      return { names: [await open(request.id, request)] };
    case 'ask':
      return { names: [await ask(request.id)] };
    case 'close':
      await close(request.id);
      return { names: [] };
    case 'datagrams':
      return { names: await datagrams(request, request.texts) };
    default:
      return request satisfies never;
  }
}

function reason(error: unknown): string {
  const { code, name, message } = error as NodeJS.ErrnoException;
  if (name === 'AbortError') return 'TIMEOUT';
  return code ?? message;
}

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await obey(JSON.parse(line) as CallerRequest).catch((error) => ({ error: reason(error) }));
  console.log(JSON.stringify(answer));
}
process.exit();
