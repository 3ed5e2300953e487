/**
 * Bytes there and back over one connection. `serve PORT` sends back what comes; `talk FROM PORT TO PORT` reads numbers,
 * one a line, sends so many bytes each time, and says `ok NUMBER` when all of them are back.
 */
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

const [mode, ...rest] = process.argv.slice(2);
if (mode === 'serve') serve(Number(rest[0]));
else talk(rest);

function serve(port: number): void {
  createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  }).listen(port, () => console.log('ready'));
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
