/**
 * `node ftp-client.ts passive|active HOST`: fetches what ftp-server.ts sends, and prints it with the address that the
 * data connection is with. What keeps it from that is on stderr, with exit code 1.
 */
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

const [, , mode, host = ''] = process.argv;
const LIMIT_MS = 20_000;

function fail(error: Error): void {
  console.error(error.message);
  process.exit(1);
}

function receive(data: Socket): void {
  let text = '';
  data.on('error', fail);
  data.on('data', (bytes: Buffer) => {
    text += bytes.toString();
  });
  data.on('end', () => {
    console.log(`${text} ${data.remoteAddress?.replace('::ffff:', '')}`);
    process.exit(0);
  });
}

function listen(control: Socket): void {
  const server = createServer(receive).listen(0, () => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('it has no port');
    const own = control.localAddress?.replaceAll('.', ',');
    control.write(`PORT ${own},${address.port >> 8},${address.port & 255}\r\n`);
  });
}

/** `line`: of an answer 227. */
function call(line: string): void {
  const [a, b, c, d, high = 0, low = 0] = (/\((.*)\)/.exec(line)?.[1] ?? '').split(',').map(Number);
  receive(connect(high * 256 + low, `${a}.${b}.${c}.${d}`));
}

setTimeout(() => fail(new Error('no data connection in time')), LIMIT_MS);
const control = connect(21, host).on('error', fail);
createInterface(control).on('line', (line) => {
  const code = line.slice(0, 3);
  if (code === '220') control.write('USER anonymous\r\n');
  else if (code === '227') call(line);
  else if (code === '425') fail(new Error(line));
  else if (code === '230' && mode === 'passive') control.write('PASV\r\n');
  else if (code === '230') listen(control);
});
