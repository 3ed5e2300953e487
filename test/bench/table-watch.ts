/**
 * table-watch.ts PORT ADDRESS...: looks at the IPVS table of its own network namespace every 2 ms, and whenever the real
 * servers in it have changed sends them as UDP datagrams, which are given their time where they arrive: so all times
 * of a bench are of one clock. Real servers as in /proc/net/ip_vs, `0A010102:0050`, separated by spaces.
 */
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';

/** How often it looks, in ms: the error of what is measured with it. */
export const LOOK_INTERVAL = 2;

const [port = '', ...addresses] = process.argv.slice(2);
const socket = createSocket('udp4');
let last: string | undefined;
setInterval(() => {
  const table = readFileSync('/proc/net/ip_vs', 'latin1');
  const servers = [...table.matchAll(/-> ([0-9A-F]{8}:[0-9A-F]{4})/g)]
    .map(([, server = '']) => server)
    .join(' ');
  if (servers === last) return;
  last = servers;
  for (const address of addresses) socket.send(servers, Number(port), address);
}, LOOK_INTERVAL);
