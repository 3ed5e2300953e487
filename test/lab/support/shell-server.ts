/**
 * Interactive shells on a kernel, from any terminal of this machine: a unix socket on which each connection is a
 * shell with a terminal of its own inside. shell.ts is the other end.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { CHECKOUT, type Node } from './node.ts';

export interface ShellRequest {
  readonly rows: number;
  readonly columns: number;
  /** The command to run; bash when empty. */
  readonly command: readonly string[];
}

export class ShellServer {
  /** The command line to type on this machine; a command to run inside may follow it. */
  readonly command: string;
  readonly #node: Node;
  readonly #path: string;
  #server: Server | undefined;

  constructor(node: Node, path: string) {
    this.#node = node;
    this.#path = path;
    this.command = `${CHECKOUT}/node_modules/.bin/node ${import.meta.dirname}/shell.ts ${path}`;
  }

  async listen(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((socket) => void this.#serve(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#path, resolve);
    });
    server.unref();
    this.#server = server;
  }

  async #serve(socket: Socket): Promise<void> {
    socket.on('error', () => socket.destroy());
    try {
      const request = await readRequest(socket);
      const { rows, columns, command } = request;
      const line = command.length > 0 ? command.map(quote).join(' ') : 'bash';
      const inside = `stty rows ${rows} cols ${columns}; exec ${line}`;
      const shell = await this.#node.spawn(['script', '-qfc', inside, '/dev/null'], {
        cwd: '/root',
        lines: false,
      });
      shell.onData('stdout', (bytes) => socket.write(bytes));
      shell.onData('stderr', (bytes) => socket.write(bytes));
      socket.on('data', (bytes: Buffer) => shell.write(bytes));
      socket.once('close', () => shell.killAll('SIGHUP'));
      socket.resume();
      await shell.exit;
      socket.end();
    } catch (error) {
      socket.end(`${error instanceof Error ? error.message : String(error)}\r\n`);
    }
  }
}

/** The first line of a connection. What was typed since may come along with it, and is left in the socket. */
function readRequest(socket: Socket): Promise<ShellRequest> {
  return new Promise((resolve, reject) => {
    let seen = Buffer.alloc(0);
    const take = (bytes: Buffer): void => {
      seen = Buffer.concat([seen, bytes]);
      const end = seen.indexOf('\n');
      if (end < 0) return;
      socket.off('data', take);
      socket.pause();
      socket.unshift(seen.subarray(end + 1));
      resolve(JSON.parse(seen.subarray(0, end).toString()));
    };
    socket.once('close', () => reject(new Error('the terminal went away')));
    socket.on('data', take);
  });
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
