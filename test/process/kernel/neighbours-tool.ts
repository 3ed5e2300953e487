/**
 * neighbours-tool.ts INTERFACE: announces and asks by lines of JSON on standard input; every claim that is heard comes
 * out as a line of JSON.
 */
import { createInterface } from 'node:readline';
import { openAnnouncer } from '../../../src/kernel/announce.ts';
import { type Link, openLinks } from '../../../src/kernel/links.ts';
import { openNeighbours } from '../../../src/kernel/neighbours.ts';
import type { IpAddress } from '../../../src/model/address.ts';
import { BROADCAST_MAC, ETHERTYPE_ARP, encodeArp, gratuitousArp } from '../../../src/packet/arp.ts';
import { openPacketSender } from '../../../src/sys/packet-socket.ts';
import { Reactor } from '../../../src/sys/reactor.ts';

export type Order =
  | { readonly order: 'announce' | 'watch'; readonly addresses: readonly IpAddress[] }
  /** One announcement of the address in a VLAN. */
  | { readonly order: 'announce-tagged'; readonly address: IpAddress; readonly vlan: number }
  | { readonly order: 'ask'; readonly address: IpAddress; readonly source?: IpAddress };

const [name = ''] = process.argv.slice(2);
const say = (value: unknown): boolean => process.stdout.write(`${JSON.stringify(value)}\n`);

/** IEEE 802.1Q: the tag's 16 bits and the EtherType come before what an untagged frame would have. */
function announceTagged({ index, mac }: Link, address: IpAddress, vlan: number): void {
  if (mac === undefined) throw new Error(`${name} is no Ethernet`);
  const tag = [vlan >> 8, vlan & 0xff, ETHERTYPE_ARP >> 8, ETHERTYPE_ARP & 0xff];
  const payload = Uint8Array.of(...tag, ...encodeArp(gratuitousArp(address, mac)));
  const sender = openPacketSender(index);
  sender.send([{ etherType: 0x8100, destination: BROADCAST_MAC, payload }]);
  sender.close();
}

function main(): void {
  const links = openLinks();
  const link = links.list().find((each) => each.name === name);
  links.close();
  if (link === undefined) throw new Error(`there is no ${name}`);
  const announcer = openAnnouncer(link);
  const neighbours = openNeighbours(new Reactor(), link);
  neighbours.onAnswer((claim) => say(claim));
  neighbours.onError((error) => say({ error: String(error) }));
  createInterface({ input: process.stdin }).on('line', (line) => {
    const order: Order = JSON.parse(line);
    try {
      if (order.order === 'ask') neighbours.ask(order.address, order.source);
      else if (order.order === 'announce-tagged') announceTagged(link, order.address, order.vlan);
      else if (order.order === 'watch') neighbours.watch(order.addresses);
      else announcer.announce(order.addresses);
      say({ done: order.order });
    } catch (error) {
      say({ failed: error instanceof Error ? error.message : String(error) });
    }
  });
}

if (import.meta.main) main();
