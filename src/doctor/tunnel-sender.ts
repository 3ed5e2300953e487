/** Wraps an echo request as IPVS wraps a client's packet, and sends it into the tunnel of a real server. */
import { createSocket } from 'node:dgram';
import { addressToBytes, type Family, familyOf, type IpAddress } from '../model/address.ts';
import type { Tunnel } from '../model/virtual-server.ts';
import { internetChecksum } from '../packet/checksum.ts';
import { icmpv6Packet } from '../packet/icmpv6.ts';
import { openRawSocket } from '../sys/raw-socket.ts';

export interface TunnelSender {
  /** An ICMP message from `source` to `address`. Throws SystemError. */
  send(message: Uint8Array): void;
  close(): void;
}

interface OutgoingLink {
  readonly name: string;
  readonly index: number;
}

const TTL = 64;
const IPPROTO_ICMP = 1;
/** linux/in.h; what carries IPv4 and IPv6. */
const CARRIED: Readonly<Record<Family, number>> = { ipv4: 4, ipv6: 41 };
const IPPROTO_GRE = 47;
const ETHER_TYPE: Readonly<Record<Family, readonly number[]>> = { ipv4: [0x08, 0x00], ipv6: [0x86, 0xdd] };

/** The real server has `address`; `source` is ours, and `link` leads there. Throws SystemError: EPERM without root. */
export function openTunnelSender(
  { kind, port }: Tunnel,
  address: IpAddress,
  source: IpAddress,
  link: OutgoingLink,
): TunnelSender {
  const family = familyOf(address);
  const inner = (message: Uint8Array): Uint8Array =>
    family === 'ipv4' ? ipv4Packet(source, address, message) : icmpv6Packet(source, address, message);
  // Without options: version 0, data, and what is carried; draft-ietf-intarea-gue section 3, RFC 2784 section 2.
  const header = { ipip: [], gue: [0, CARRIED[family], 0, 0], gre: [0, 0, ...ETHER_TYPE[family]] }[kind];
  const wrap = (message: Uint8Array) => Uint8Array.of(...header, ...inner(message));
  if (kind === 'gue') {
    const socket = createSocket(family === 'ipv4' ? 'udp4' : 'udp6');
    // What is refused, or cannot be sent, is not answered either.
    socket.on('error', () => undefined);
    return {
      send: (message) => socket.send(wrap(message), port, address, () => undefined),
      close: () => socket.close(),
    };
  }
  const protocol = kind === 'gre' ? IPPROTO_GRE : CARRIED[family];
  const socket = openRawSocket({ protocol, family, interface: link, ttl: TTL, anySource: true });
  return { send: (message) => socket.send(wrap(message), address, source), close: socket.close };
}

/** RFC 791, without options. */
function ipv4Packet(source: IpAddress, destination: IpAddress, payload: Uint8Array): Uint8Array {
  const packet = new Uint8Array(20 + payload.length);
  const view = new DataView(packet.buffer);
  view.setUint8(0, 0x45);
  view.setUint16(2, packet.length);
  view.setUint8(8, TTL);
  view.setUint8(9, IPPROTO_ICMP);
  packet.set(addressToBytes(source), 12);
  packet.set(addressToBytes(destination), 16);
  view.setUint16(10, internetChecksum(packet.subarray(0, 20)));
  packet.set(payload, 20);
  return packet;
}
