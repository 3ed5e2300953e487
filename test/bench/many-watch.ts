/**
 * many-watch.ts INTERFACE: keeps, with the kernel's time stamps, every VRRP advert with a priority and every gratuitous
 * ARP on this interface, and prints them as one JSON line when a line comes on standard input, to begin anew. Nothing
 * is printed before, and its receive buffer holds many thousands: with hundreds of virtual routers an observer that
 * prints each packet would take more CPU than what it observes, and miss some.
 */
import koffi from 'koffi';
import {
  AF_PACKET,
  bindSocket,
  lastStamp,
  openSocket,
  packetAddress,
  receive,
  SOCK_RAW,
  setReceiveBuffer,
  waitReadable,
} from '../lab/support/libc.ts';

/** An advert or a gratuitous ARP. `time` in ms since the epoch, `from` the Ethernet address in hexadecimal digits. */
export type ManySeen =
  | readonly [time: number, kind: 'advert', from: string, vrid: number]
  | readonly [time: number, kind: 'announcement', from: string, address: string];

export interface ManyReport {
  readonly seen: readonly ManySeen[];
  /** Frames for which the kernel found no room. */
  readonly lost: number;
}

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_ARP = 0x0806;
const VRRP = 112;
const SOL_PACKET = 263;
const PACKET_STATISTICS = 6;
const RECEIVE_BUFFER = 32 * 1024 * 1024;

const libc = koffi.load('libc.so.6');
const getOption = libc.func('int getsockopt(int fd, int level, int name, void *value, void *size)');

/** Frames lost since the last call (struct tpacket_stats of linux/if_packet.h: packets, drops). */
function lostFrames(fd: number): number {
  const statistics = new Uint32Array(2);
  const result: number = getOption(fd, SOL_PACKET, PACKET_STATISTICS, statistics, new Uint32Array([8]));
  if (result !== 0) throw new Error('getsockopt PACKET_STATISTICS failed');
  return statistics[1] ?? 0;
}

function decode(frame: Buffer, time: number): ManySeen | undefined {
  if (frame.length < 42) return undefined;
  const from = frame.toString('hex', 6, 12);
  const type = frame.readUInt16BE(12);
  if (type === ETHERTYPE_ARP) {
    const [sender, target] = [frame.readUInt32BE(28), frame.readUInt32BE(38)];
    return sender === target ? [time, 'announcement', from, frame.subarray(28, 32).join('.')] : undefined;
  }
  if (type !== ETHERTYPE_IPV4 || frame[23] !== VRRP) return undefined;
  const message = 14 + (frame.readUInt8(14) & 15) * 4;
  const priority = frame[message + 2] ?? 0;
  return priority > 0 ? [time, 'advert', from, frame[message + 1] ?? 0] : undefined;
}

const [device = 'eth0'] = process.argv.slice(2);
const fd = openSocket(AF_PACKET, SOCK_RAW, 0);
setReceiveBuffer(fd, RECEIVE_BUFFER);
lastStamp(fd);
bindSocket(fd, packetAddress(device));
const frame = Buffer.alloc(2_048);
let seen: ManySeen[] = [];
process.stdin.on('data', () => {
  readQueue();
  const report: ManyReport = { seen, lost: lostFrames(fd) };
  seen = [];
  process.stdout.write(`${JSON.stringify(report)}\n`);
});
process.stdout.write('ready\n');
for (;;) {
  waitReadable(fd, 20);
  readQueue();
  await new Promise((resolve) => setImmediate(resolve));
}

function readQueue(): void {
  for (let length = receive(fd, frame); length !== undefined; length = receive(fd, frame)) {
    const time = lastStamp(fd);
    const event = time === undefined ? undefined : decode(frame.subarray(0, length), time);
    if (event !== undefined) seen.push(event);
  }
}
