/** sockets-tool.ts: opens every kind of socket on `lo`, and says `opened` when all of them can be had. */
import { NETLINK_ROUTE, openNetlinkSocket } from '../../../src/sys/netlink-socket.ts';
import { openPacketListener, openPacketSender } from '../../../src/sys/packet-socket.ts';
import { openRawSocket } from '../../../src/sys/raw-socket.ts';

const LOOPBACK = { index: 1, name: 'lo' };
const sockets = [
  openRawSocket({ protocol: 112, family: 'ipv4', interface: LOOPBACK, ttl: 255 }),
  openRawSocket({ protocol: 112, family: 'ipv6', interface: LOOPBACK, ttl: 255 }),
  openPacketSender(LOOPBACK.index),
  openPacketListener(0x0806, LOOPBACK.index, [[0x06, 0, 0, 0]]),
  openNetlinkSocket(NETLINK_ROUTE, { receiveBuffer: 4 * 1024 * 1024 }),
];
for (const socket of sockets) socket.close();
process.stdout.write('opened\n');
