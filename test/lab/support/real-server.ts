/**
 * A real server: real-server.ts ADDRESS PORT BODY. Answers every HTTP request with BODY and a newline, and closes
 * the connection. A line on standard input switches it, and is answered by the same line once it holds:
 *
 *   serve [STATUS]   answer, with this status (default 200)
 *   refuse           nothing listens: connections are refused; those that are open are reset
 *   hang             connections are accepted and never answered
 *   endless          a good status, then data without end
 */
import { createServer, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';

const [address = '0.0.0.0', port = '80', body = 'real server'] = process.argv.slice(2);
const sockets = new Set<Socket>();
let mode = 'serve';
let status = 200;

function pour(response: ServerResponse): void {
  const chunk = Buffer.alloc(16_384, 'x');
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', more);
  more();
}

const server = createServer((_request, response) => {
  if (mode === 'hang') return;
  response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' });
  if (mode === 'endless') pour(response);
  else response.end(`${body}\n`);
});
server.on('connection', (socket) => {
  sockets.add(socket);
  socket.on('error', () => socket.destroy());
  socket.once('close', () => sockets.delete(socket));
});

function listen(): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(Number(port), address, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function refuse(): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  for (const socket of sockets) socket.resetAndDestroy();
  await closed;
}

async function change(line: string): Promise<void> {
  const [word = '', code = '200'] = line.trim().split(/\s+/);
  if (!['serve', 'refuse', 'hang', 'endless'].includes(word))
    throw new Error(`real server: unknown mode ${line}`);
  mode = word;
  status = Number(code);
  if (word === 'refuse' && server.listening) await refuse();
  if (word !== 'refuse' && !server.listening) await listen();
  process.stdout.write(`${line.trim()}\n`);
}

await change('serve');
for await (const line of createInterface({ input: process.stdin })) await change(line);
