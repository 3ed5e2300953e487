/**
 * A real server that tells its name: naming-server.ts NAME PLACE... Each PLACE is tcp/PORT, silent/PORT or ticking/PORT,
 * on every address, or udp/ADDRESS/PORT or ticking-udp/ADDRESS/PORT. A connection of tcp is told NAME, and NAME again for
 * each line that it sends; with silent only the latter; with ticking NAME again and again without being asked. Each
 * datagram is answered by NAME and a newline; with ticking-udp its sender is told NAME again and again from then on.
 * Prints `listening` when it does, on all.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** Milliseconds. */
const TICK = 1_000;
type Manner = 'tcp' | 'silent' | 'ticking';

const [name = '', ...places] = process.argv.slice(2);

function serve(socket: Socket, manner: Manner): void {
  const lines = createInterface({ input: socket });
  // A client that is gone without a farewell is no error here.
  for (const end of [socket, lines]) end.on('error', () => undefined);
  if (manner !== 'silent') socket.write(`${name}\n`);
  if (manner === 'ticking') {
    const timer = setInterval(() => socket.write(`${name}\n`), TICK);
    socket.on('close', () => clearInterval(timer));
  }
  lines.on('line', () => void socket.write(`${name}\n`));
}

async function listen(place: string): Promise<void> {
  const [protocol, ...where] = place.split('/');
  const port = Number(where.at(-1));
  if (protocol === 'tcp' || protocol === 'silent' || protocol === 'ticking') {
    const server = createServer((socket) => serve(socket, protocol));
    await once(server.listen({ port, backlog: 1_000 }), 'listening');
    return;
  }
  const address = where[0] ?? '';
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const told = new Set<string>();
  socket.on('message', (_text, { address: to, port: toPort }) => {
    const tell = (): void => socket.send(`${name}\n`, toPort, to);
    tell();
    if (protocol === 'udp' || told.has(`${to} ${toPort}`)) return;
    told.add(`${to} ${toPort}`);
    setInterval(tell, TICK);
  });
  socket.bind(port, address);
  await once(socket, 'listening');
}

await Promise.all(places.map(listen));
console.log('listening');
