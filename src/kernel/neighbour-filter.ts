/** The classic BPF programs that keep all but the claims of some addresses from `neighbours.ts`. */
import { addressToBytes, type IpAddress } from '../model/address.ts';
import { ARP_SENDER_OFFSET } from '../packet/arp.ts';
import { NEIGHBOUR_ADVERTISEMENT, TARGET_OFFSET } from '../packet/neighbour-advertisement.ts';
import { BPF, type FilterInstruction, KEEP_ALL } from '../sys/socket-filter.ts';

/** As many as fit twice, since the old filter leaves after the new one has come, into net.core.optmem_max (20 KiB). */
const MOST_ADDRESSES = 256;

/** <linux/filter.h> SKF_AD_OFF + SKF_AD_PKTTYPE: no place in the packet, but what the kernel knows of it. */
const PACKET_TYPE = 0xfffff000 + 4;
/** <linux/if_packet.h> */
const PACKET_OTHERHOST = 3;

const keep: FilterInstruction = [BPF.return, 0, 0, KEEP_ALL];
const drop: FilterInstruction = [BPF.return, 0, 0, 0];

/**
 * For an ARP socket without the Ethernet header: only packets whose sender's address is among these. A packet socket is
 * also given what is for other hosts, as the kernel counts the frames of VLANs that this host has no link for: those are
 * other networks, where the same addresses may be anybody's.
 */
export const arpFilter = (addresses: readonly IpAddress[]): readonly FilterInstruction[] => [
  [BPF.loadByte, 0, 0, PACKET_TYPE],
  [BPF.jumpIfEqual, 0, 1, PACKET_OTHERHOST],
  drop,
  ...oneOf(
    addresses.map((address) => word(address, 0)),
    ARP_SENDER_OFFSET,
  ),
];

/**
 * For a raw ICMPv6 socket: only neighbour advertisements whose target ends with the last four bytes of one of these.
 * The reader looks at the rest: whole addresses would take four times the room, and nearly no others end alike.
 */
export const advertisementFilter = (addresses: readonly IpAddress[]): readonly FilterInstruction[] => [
  [BPF.loadByte, 0, 0, 0],
  [BPF.jumpIfEqual, 1, 0, NEIGHBOUR_ADVERTISEMENT],
  drop,
  ...oneOf(
    addresses.map((address) => word(address, 12)),
    TARGET_OFFSET + 12,
  ),
];

/** A pair for each, so that no jump is longer than a byte can say. */
function oneOf(words: readonly number[], offset: number): readonly FilterInstruction[] {
  if (words.length > MOST_ADDRESSES) return [keep];
  const pairs = [...new Set(words)].flatMap((value): FilterInstruction[] => [
    [BPF.jumpIfEqual, 0, 1, value],
    keep,
  ]);
  return [[BPF.loadWord, 0, 0, offset], ...pairs, drop];
}

const word = (address: IpAddress, offset: number): number => {
  const bytes = addressToBytes(address);
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset);
};
