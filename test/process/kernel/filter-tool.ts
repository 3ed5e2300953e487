/**
 * filter-tool.ts INTERFACE ADDRESS...: every packet that the filters for claims of these addresses let through, as a
 * line `arp HEX` or `icmpv6 HEX`; `ready` first.
 */
import { openLinks } from '../../../src/kernel/links.ts';
import { advertisementFilter, arpFilter } from '../../../src/kernel/neighbour-filter.ts';
import { familyOf, type IpAddress } from '../../../src/model/address.ts';
import { ETHERTYPE_ARP } from '../../../src/packet/arp.ts';
import { ALL_NODES, IPPROTO_ICMPV6 } from '../../../src/packet/icmpv6.ts';
import { openPacketListener } from '../../../src/sys/packet-socket.ts';
import { openRawSocket } from '../../../src/sys/raw-socket.ts';
import { READABLE, Reactor } from '../../../src/sys/reactor.ts';

const [name = '', ...addresses] = process.argv.slice(2) as IpAddress[];
const of = (family: string): readonly IpAddress[] => addresses.filter((each) => familyOf(each) === family);
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

const links = openLinks();
const link = links.list().find((each) => each.name === name);
links.close();
if (link === undefined) throw new Error(`there is no ${name}`);
const reactor = new Reactor();
const arp = openPacketListener(ETHERTYPE_ARP, link.index, arpFilter(of('ipv4')));
reactor.add(arp.fd, READABLE, () =>
  arp.receive((packet) => say(`arp ${Buffer.from(packet).toString('hex')}`), 64),
);
const icmpv6 = openRawSocket({ protocol: IPPROTO_ICMPV6, family: 'ipv6', interface: link, ttl: 255 });
icmpv6.setFilter(advertisementFilter(of('ipv6')));
icmpv6.join(ALL_NODES);
reactor.add(icmpv6.fd, READABLE, () =>
  icmpv6.receive((message) => say(`icmpv6 ${Buffer.from(message).toString('hex')}`), 64),
);
say('ready');
