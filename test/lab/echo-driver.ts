/**
 * Bytes there and back over one connection, or datagrams to one client. `serve PORT` sends back what comes; `talk FROM PORT TO PORT` reads numbers,
 * one a line, sends so many bytes each time, and says `ok NUMBER` when all of them are back. `tell PORT` says
 * `heard PORT` when a datagram has come from there, and sends each line that it reads back to where the first came from.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

const [mode, ...rest] = process.argv.slice(2);
if (mode === 'serve') serve(Number(rest[0]));
else if (mode === 'tell') await tell(Number(rest[0]));
else talk(rest);

function serve(port: number): void {
  createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  }).listen(port, () => console.log('ready'));
}

async function tell(own: number): Promise<void> {
  const socket = createSocket('udp4');
  await once(socket.bind(own), 'listening');
  console.log('ready');
  // What comes back of an address that nobody has at the moment.
  socket.on('error', () => undefined);
  const [, { address, port }] = await once(socket, 'message');
  console.log(`heard ${port}`);
  createInterface({ input: process.stdin }).on('line', (line) => socket.send(`${line}\n`, port, address));
}

function talk([localAddress = '', localPort, host = '', port]: readonly string[]): void {
  const socket = connect({ localAddress, localPort: Number(localPort), host, port: Number(port) });
  let wanted = 0;
  let missing = 0;
  socket.on('connect', () => console.log('connected'));
  socket.on('data', ({ length }) => {
    missing -= length;
    if (missing === 0) console.log(`ok ${wanted}`);
  });
  createInterface({ input: process.stdin }).on('line', (line) => {
    wanted = Number(line);
    missing = wanted;
    socket.write(Buffer.alloc(wanted));
  });
}
