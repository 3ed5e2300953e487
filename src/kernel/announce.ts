import { readFileSync } from 'node:fs';
import { familyOf, type IpAddress, type MacAddress } from '../model/address.ts';
import { BROADCAST_MAC, ETHERTYPE_ARP, encodeArp, gratuitousArp } from '../packet/arp.ts';
import { ALL_NODES, ETHERTYPE_IPV6, groupMac } from '../packet/icmpv6.ts';
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
  close(): void;
}

const ALL_NODES_MAC = groupMac(ALL_NODES);

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
  if (mac === undefined) return { announce: () => undefined, close: () => undefined };
  const socket = openPacketSender(link.index);
  return {
    announce(addresses) {
      const hasIpv6 = addresses.some((address) => familyOf(address) === 'ipv6');
      const router = hasIpv6 && isRouter(link.name);
      socket.send(addresses.map((address) => announcement(address, mac, router)));
    },
    close: () => socket.close(),
  };
}

const announcement = (address: IpAddress, mac: MacAddress, router: boolean): Frame =>
  familyOf(address) === 'ipv4'
    ? {
        etherType: ETHERTYPE_ARP,
        destination: BROADCAST_MAC,
        payload: encodeArp(gratuitousArp(address, mac)),
      }
    : {
        etherType: ETHERTYPE_IPV6,
        destination: ALL_NODES_MAC,
        payload: unsolicitedAdvertisement(address, mac, router),
      };

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
