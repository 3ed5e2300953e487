/** Hears from which side, and over how many routers, the answers to our own TCP connections come in. */
import { addressFromBytes, addressToBytes, type Family, familyOf, type IpAddress } from '../model/address.ts';
import { endpoint } from '../model/virtual-server.ts';
import { openPacketListener, type PacketListener } from '../sys/packet-socket.ts';
import { BPF, type FilterInstruction, KEEP_ALL } from '../sys/socket-filter.ts';

/** How an answer came in. */
export interface Reply {
  /** By which link. */
  readonly link: string;
  /** What was left of its TTL or hop limit: each router on the way takes one off. */
  readonly ttl: number;
}

export interface SeenReplies {
  /** Those that have come by now from `port` of `address`, in order. Throws SystemError. */
  of(address: IpAddress, port: number): readonly Reply[];
  close(): void;
}

interface HeardLink {
  readonly name: string;
  readonly index: number;
}

interface Layout {
  readonly etherType: number;
  /** Offsets in bytes, of a header without options. */
  readonly version: number;
  readonly ttl: number;
  readonly protocol: number;
  readonly source: number;
  readonly destination: number;
  readonly tcp: number;
}

/** RFC 791 and RFC 8200. */
const LAYOUT: Readonly<Record<Family, Layout>> = {
  ipv4: { etherType: 0x0800, version: 0x45, ttl: 8, protocol: 9, source: 12, destination: 16, tcp: 20 },
  ipv6: { etherType: 0x86dd, version: 0x60, ttl: 7, protocol: 6, source: 8, destination: 24, tcp: 40 },
};
const IPPROTO_TCP = 6;
/** Of the TCP header (RFC 9293): offset of the flags, and the two that the first answer has one of. */
const FLAGS = 13;
const SYN_OR_RST = 0x06;
const PER_LOOK = 4096;

/**
 * Hears on `links` what is sent to `destination`, one of this host's own addresses: before packet filters and IPVS do
 * anything to it. Throws SystemError: EPERM without CAP_NET_RAW.
 */
export function openSeenReplies(destination: IpAddress, links: readonly HeardLink[]): SeenReplies {
  const layout = LAYOUT[familyOf(destination)];
  const seen = new Map<string, Reply[]>();
  const ears: { readonly name: string; readonly listener: PacketListener }[] = [];
  const close = () => {
    for (const { listener } of ears) listener.close();
  };
  try {
    for (const { name, index } of links)
      ears.push({ name, listener: openPacketListener(layout.etherType, index, replyFilter(destination)) });
  } catch (error) {
    close();
    throw error;
  }
  return {
    of(address, port) {
      for (const { name, listener } of ears) {
        listener.receive((packet) => {
          const reply = decodeReply(packet, layout);
          if (reply === undefined) return;
          const key = endpoint(reply.source, reply.port);
          seen.set(key, [...(seen.get(key) ?? []), { link: name, ttl: reply.ttl }]);
        }, PER_LOOK);
      }
      return seen.get(endpoint(address, port)) ?? [];
    },
    close,
  };
}

function decodeReply(packet: Uint8Array, { ttl, source, destination, tcp }: Layout) {
  if (packet.length < tcp + FLAGS + 1) return undefined;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  return {
    source: addressFromBytes(packet.subarray(source, destination)),
    port: view.getUint16(tcp),
    ttl: view.getUint8(ttl),
  };
}

/**
 * Keeps the first answers (SYN or RST) to `destination`: a director forwards gigabits. What has options or further
 * headers is let go: nothing of ours asks for them.
 */
function replyFilter(destination: IpAddress): readonly FilterInstruction[] {
  const layout = LAYOUT[familyOf(destination)];
  const bytes = addressToBytes(destination);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(i * 4));
  // Each pair: what to load, what it must be.
  const tests: readonly (readonly FilterInstruction[])[] = [
    [
      [BPF.loadByte, 0, 0, 0],
      // The upper half of it is the version; the lower, with IPv6, belongs to the traffic class.
      [BPF.and, 0, 0, layout.version === 0x60 ? 0xf0 : 0xff],
      [BPF.jumpIfEqual, 0, 0, layout.version],
    ],
    [
      [BPF.loadByte, 0, 0, layout.protocol],
      [BPF.jumpIfEqual, 0, 0, IPPROTO_TCP],
    ],
    ...words.map((word, i): readonly FilterInstruction[] => [
      [BPF.loadWord, 0, 0, layout.destination + i * 4],
      [BPF.jumpIfEqual, 0, 0, word],
    ]),
  ];
  const head = tests.flat();
  const tail: readonly FilterInstruction[] = [
    [BPF.loadByte, 0, 0, layout.tcp + FLAGS],
    [BPF.and, 0, 0, SYN_OR_RST],
    [BPF.jumpIfEqual, 0, 1, 0],
    [BPF.return, 0, 0, 0],
    [BPF.return, 0, 0, KEEP_ALL],
  ];
  // Where a comparison fails, on to the `return 0`.
  const drop = head.length + tail.length - 2;
  return [
    ...head.map(
      ([code, , , operand], i): FilterInstruction =>
        code === BPF.jumpIfEqual ? [code, 0, drop - i - 1, operand] : [code, 0, 0, operand],
    ),
    ...tail,
  ];
}
