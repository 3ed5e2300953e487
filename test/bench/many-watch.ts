/**
 * many-watch.ts INTERFACE: keeps, with the kernel's time stamps, every VRRP advert with a priority and every gratuitous
 * ARP on this interface, and prints them as one JSON line when a line comes on standard input, to begin anew. Nothing
 * is printed before, and its receive buffer holds many thousands: with hundreds of virtual routers an observer that
 * prints each packet would take more CPU than what it observes, and miss some.
 */
import { FrameSocket } from '../lab/support/frames.ts';

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
/** In bytes. */
const RECEIVE_BUFFER = 32 * 1024 * 1024;

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
const socket = new FrameSocket(device, RECEIVE_BUFFER);
let seen: ManySeen[] = [];
process.stdin.on('data', () => {
  readFor(0);
  const report: ManyReport = { seen, lost: socket.lost() };
  seen = [];
  process.stdout.write(`${JSON.stringify(report)}\n`);
});
process.stdout.write('ready\n');
for (;;) {
  readFor(20);
  await new Promise((resolve) => setImmediate(resolve));
}

function readFor(ms: number): void {
  for (const { frame, time } of socket.within(ms)) {
    const event = decode(frame, time);
    if (event !== undefined) seen.push(event);
  }
}
