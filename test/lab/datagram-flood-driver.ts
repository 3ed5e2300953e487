/**
 * Sends datagrams to `ADDRESS` as fast as it can, each of them the first of a flow: to one port after the other. Prints a
 * line once the first of them are on their way, and ends when it is killed.
 */
import { createSocket } from 'node:dgram';

const [address = ''] = process.argv.slice(2);
const LAST_PORT = 65_535;
/** Sent between two rests, in which what was sent is told. */
const BURST = 64;

const socket = createSocket('udp4');
let port = 0;
let told = false;

function burst(): void {
  for (let count = 0; count < BURST; count++) {
    port = (port % LAST_PORT) + 1;
    // Where the device is full, the next one is as good.
    socket.send('x', port, address, count === BURST - 1 ? next : () => undefined);
  }
}

function next(): void {
  if (!told) console.log('sending');
  told = true;
  setImmediate(burst);
}

burst();
