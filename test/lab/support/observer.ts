/**
 * An observer: observer.ts INTERFACE. Prints every VRRP and ARP packet that passes, as a JSON line with the time at
 * which the kernel received it. Its decoding is its own, so that it can bear witness about the project's.
 */
import { FrameSocket, printFrames } from './frames.ts';

export interface VrrpSeen {
  readonly kind: 'vrrp';
  /** Ms since the epoch, by the kernel. */
  readonly time: number;
  readonly sourceMac: string;
  readonly source: string;
  readonly destination: string;
  readonly ttl: number;
  readonly version: number;
  readonly vrid: number;
  readonly priority: number;
  /** Advertisement interval in ms. */
  readonly interval: number;
  readonly addresses: readonly string[];
}

export interface ArpSeen {
  readonly kind: 'arp';
  readonly time: number;
  readonly sourceMac: string;
  readonly operation: 'request' | 'reply';
  readonly sender: string;
  readonly senderMac: string;
  readonly target: string;
  /** Whether it announces its sender: sender and target address are the same. */
  readonly gratuitous: boolean;
}

export type Seen = VrrpSeen | ArpSeen;

function ip(bytes: Buffer, at: number): string {
  return [...bytes.subarray(at, at + 4)].join('.');
}

function mac(bytes: Buffer, at: number): string {
  return [...bytes.subarray(at, at + 6)].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** RFC 826, after 14 bytes of Ethernet. */
function decodeArp(frame: Buffer, time: number): ArpSeen | undefined {
  if (frame.length < 42) return undefined;
  const sender = ip(frame, 28);
  const target = ip(frame, 38);
  return {
    kind: 'arp',
    time,
    sourceMac: mac(frame, 6),
    operation: frame.readUInt16BE(20) === 1 ? 'request' : 'reply',
    sender,
    senderMac: mac(frame, 22),
    target,
    gratuitous: sender === target,
  };
}

/** RFC 9568 section 5 (version 3, IPv4) or RFC 3768 (version 2). */
function decodeVrrp(frame: Buffer, time: number): VrrpSeen | undefined {
  if (frame.length < 34 || frame[23] !== 112) return undefined;
  const vrrp = frame.subarray(14 + ((frame[14] ?? 0) & 15) * 4);
  if (vrrp.length < 8) return undefined;
  const version = vrrp.readUInt8(0) >> 4;
  const count = Math.min(vrrp.readUInt8(3), Math.floor((vrrp.length - 8) / 4));
  return {
    kind: 'vrrp',
    time,
    sourceMac: mac(frame, 6),
    source: ip(frame, 26),
    destination: ip(frame, 30),
    ttl: frame.readUInt8(22),
    version,
    vrid: vrrp.readUInt8(1),
    priority: vrrp.readUInt8(2),
    interval: version === 2 ? vrrp.readUInt8(5) * 1_000 : (vrrp.readUInt16BE(4) & 0xfff) * 10,
    addresses: Array.from({ length: count }, (_, index) => ip(vrrp, 8 + index * 4)),
  };
}

function decode(frame: Buffer, time: number): Seen | undefined {
  if (frame.length < 14) return undefined;
  switch (frame.readUInt16BE(12)) {
    case 0x0806:
      return decodeArp(frame, time);
    case 0x0800:
      return decodeVrrp(frame, time);
    default:
      return undefined;
  }
}

const [device = 'eth0'] = process.argv.slice(2);
const socket = new FrameSocket(device);
process.stdout.write('{"kind":"ready"}\n');
await printFrames(socket, decode);
