/**
 * wire-watch.ts INTERFACE PORT: prints, as JSON lines with the kernel's time stamps, each TCP connection that this
 * host refuses (a reset that it sends) and each UDP datagram to PORT, with its text.
 */
import { FrameSocket, printFrames } from '../lab/support/frames.ts';

/** `time` in ms since the epoch. */
export type WireEvent =
  | { readonly kind: 'refused'; readonly time: number; readonly port: number }
  | { readonly kind: 'datagram'; readonly time: number; readonly text: string };

const ETHERTYPE_IPV4 = 0x0800;
const TCP = 6;
const UDP = 17;
const TCP_RESET = 0x04;

function decode(frame: Buffer, time: number, wanted: number): WireEvent | undefined {
  if (frame.length < 42 || frame.readUInt16BE(12) !== ETHERTYPE_IPV4) return undefined;
  const ip = frame.subarray(14);
  const segment = ip.subarray((ip.readUInt8(0) & 15) * 4, ip.readUInt16BE(2));
  if (ip[9] === TCP && segment.length >= 20 && (segment.readUInt8(13) & TCP_RESET) !== 0)
    return { kind: 'refused', time, port: segment.readUInt16BE(0) };
  if (ip[9] === UDP && segment.length >= 8 && segment.readUInt16BE(2) === wanted)
    return { kind: 'datagram', time, text: segment.subarray(8).toString('latin1') };
  return undefined;
}

const [device = 'eth0', port = '9'] = process.argv.slice(2);
const socket = new FrameSocket(device);
process.stdout.write('ready\n');
await printFrames(socket, (frame, time) => decode(frame, time, Number(port)));
