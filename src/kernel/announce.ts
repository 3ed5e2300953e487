import type { IpAddress, MacAddress } from '../model/address.ts';
import { BROADCAST_MAC, ETHERTYPE_ARP, encodeArp, gratuitousArp } from '../packet/arp.ts';
import { openPacketSocket } from '../sys/packet-socket.ts';

/** Tells the neighbours on one link where an address now lives. */
export interface Announcer {
  /** One gratuitous ARP for an IPv4 address. Throws SystemError: ENETDOWN while the link is down, and the like. */
  announce(address: IpAddress): void;
  close(): void;
}

/** A link without an Ethernet address has no ARP: nothing is announced there. Throws SystemError. */
export function openAnnouncer(link: {
  readonly index: number;
  readonly mac: MacAddress | undefined;
}): Announcer {
  const { mac } = link;
  if (mac === undefined) return { announce: () => undefined, close: () => undefined };
  const socket = openPacketSocket(ETHERTYPE_ARP, link.index);
  return {
    announce: (address) => socket.send(encodeArp(gratuitousArp(address, mac)), BROADCAST_MAC),
    close: () => socket.close(),
  };
}
