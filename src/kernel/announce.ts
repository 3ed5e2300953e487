import { readFileSync } from 'node:fs';
import { familyOf, type IpAddress, type MacAddress } from '../model/address.ts';
import { BROADCAST_MAC, ETHERTYPE_ARP, encodeArp, gratuitousArp } from '../packet/arp.ts';
import { groupMac } from '../packet/group-mac.ts';
import { ALL_NODES, ETHERTYPE_IPV6 } from '../packet/icmpv6.ts';
import { unsolicitedAdvertisement } from '../packet/neighbour-advertisement.ts';
import { type Frame, openPacketSender } from '../sys/packet-socket.ts';

/** Tells the neighbours on one link where addresses now live. */
export interface Announcer {
  /**
   * One gratuitous ARP for each IPv4 address and one unsolicited neighbour advertisement for each IPv6 address, in
   * this order and many with each system call. Throws SystemError: ENETDOWN while the link is down, and the like;
   * where only some found no room (ENOBUFS), the others were sent.
   */
  announce(addresses: readonly IpAddress[]): void;
  /** Makes ahead of time what `announce` will send for these. */
  makeReady(addresses: readonly IpAddress[]): void;
  close(): void;
}

const ALL_NODES_MAC = groupMac(ALL_NODES);
/** How many addresses' announcements are kept ready. */
const MOST_READY = 4096;

/**
 * Announces from the link's own Ethernet address: for a virtual one the link is its macvlan. A link without any has no
 * neighbours: nothing is announced there. Throws SystemError.
 */
export function openAnnouncer(link: {
  readonly index: number;
  readonly name: string;
  readonly mac: MacAddress | undefined;
}): Announcer {
  const { mac } = link;
  if (mac === undefined)
    return { announce: () => undefined, makeReady: () => undefined, close: () => undefined };
  const socket = openPacketSender(link.index);
  const arpFor = ready((address) => gratuitousFrame(address, mac));
  const framesFor = (addresses: readonly IpAddress[]): readonly Frame[] => {
    const hasIpv6 = addresses.some((address) => familyOf(address) === 'ipv6');
    const router = hasIpv6 && isRouter(link.name);
    return addresses.map((address) =>
      familyOf(address) === 'ipv4' ? arpFor(address) : advertisementFrame(address, mac, router),
    );
  };
  return {
    announce: (addresses) => socket.send(framesFor(addresses)),
    makeReady: (addresses) => socket.makeReady(framesFor(addresses)),
    close: () => socket.close(),
  };
}

/** Each is announced several times, and the first must not wait. */
function ready(make: (address: IpAddress) => Frame): (address: IpAddress) => Frame {
  const frames = new Map<IpAddress, Frame>();
  return (address) => {
    const known = frames.get(address);
    if (known !== undefined) return known;
    if (frames.size >= MOST_READY) frames.clear();
    const frame = make(address);
    frames.set(address, frame);
    return frame;
  };
}

const gratuitousFrame = (address: IpAddress, mac: MacAddress): Frame => ({
  etherType: ETHERTYPE_ARP,
  destination: BROADCAST_MAC,
  payload: encodeArp(gratuitousArp(address, mac)),
});

const advertisementFrame = (address: IpAddress, mac: MacAddress, router: boolean): Frame => ({
  etherType: ETHERTYPE_IPV6,
  destination: ALL_NODES_MAC,
  payload: unsolicitedAdvertisement(address, mac, router),
});

/**
 * Whether the link forwards IPv6, which may change at any time. Hosts that hear from their router that it is none take
 * it off their list (RFC 4861 section 7.2.5).
 */
function isRouter(name: string): boolean {
  try {
    return readFileSync(`/proc/sys/net/ipv6/conf/${name}/forwarding`, 'latin1').trim() !== '0';
  } catch {
    // The link has just gone, and nobody will hear this.
    return false;
  }
}
