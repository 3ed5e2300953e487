/** What a network card does by itself, as ethtool(8) tells it (linux/ethtool.h). */
import { AF_INET, Arena, check, closeDescriptor, libc, openSocket, SOCK_DGRAM } from './libc.ts';

const SIOCETHTOOL = 0x8946;
const ETHTOOL_GFLAGS = 0x25;
/** Bits of the flags: tags of VLANs put in by the card, packets joined by it. */
const ETH_FLAG = { txvlan: 1 << 7, lro: 1 << 15 } as const;
export type Offload = keyof typeof ETH_FLAG;
/** struct ifreq: a name, and a union of 24 bytes with a pointer in it. */
const REQUEST_SIZE = 40;
const NAME_SIZE = 16;

/** Which of them are on. Throws SystemError: ENODEV for no such link, EOPNOTSUPP for one that has none. */
export function readOffloads(link: string): ReadonlySet<Offload> {
  const name = new TextEncoder().encode(link);
  if (name.length >= NAME_SIZE) throw new Error(`${link} is too long for the name of a link`);
  // struct ethtool_value: the command, and what it gives.
  const value = new Arena(8);
  const view = new DataView(value.bytes.buffer, value.bytes.byteOffset, 8);
  view.setUint32(0, ETHTOOL_GFLAGS, true);
  const request = new Uint8Array(REQUEST_SIZE);
  request.set(name);
  request.set(new Uint8Array(BigUint64Array.of(value.address).buffer), NAME_SIZE);
  const socket = openSocket(AF_INET, SOCK_DGRAM, 0, 'IPv4 datagram');
  try {
    check(libc.ioctl(socket, SIOCETHTOOL, request), 'SIOCETHTOOL', link);
  } finally {
    closeDescriptor(socket);
  }
  const flags = view.getUint32(4, true);
  return new Set((Object.keys(ETH_FLAG) as Offload[]).filter((offload) => (flags & ETH_FLAG[offload]) !== 0));
}
