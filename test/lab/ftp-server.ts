/**
 * `node ftp-server.ts NAME`: as much of an FTP server (RFC 959) as it takes to send one file, whose text is NAME, over a
 * data connection of either kind. Prints `ready`.
 */
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

const CONTROL = 21;
const DATA = 20;
const name = process.argv[2] ?? '';

const commas = (address: string, port: number): string =>
  [...address.replace('::ffff:', '').split('.'), port >> 8, port & 255].join(',');

function passive(control: Socket): void {
  const server = createServer((data) => {
    server.close();
    data.on('error', () => undefined).end(name);
  }).listen(0, () => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('it has no port');
    control.write(`227 Entering Passive Mode (${commas(control.localAddress ?? '', address.port)}).\r\n`);
  });
}

/** `place`: four bytes of the client's address, two of its port. */
function active(control: Socket, place: string): void {
  const [a, b, c, d, high = 0, low = 0] = place.split(',').map(Number);
  const data = connect({ host: `${a}.${b}.${c}.${d}`, port: high * 256 + low, localPort: DATA });
  data.on('error', ({ message }) => control.write(`425 ${message}\r\n`));
  data.on('connect', () => {
    control.write('200 PORT command successful.\r\n');
    data.end(name);
  });
}

createServer((control) => {
  control.on('error', () => undefined).write('220 ready\r\n');
  createInterface(control).on('line', (line) => {
    const [command, argument = ''] = line.split(' ');
    if (command === 'PASV') passive(control);
    else if (command === 'PORT') active(control, argument);
    else control.write('230 logged in\r\n');
  });
}).listen(CONTROL, () => console.log('ready'));
