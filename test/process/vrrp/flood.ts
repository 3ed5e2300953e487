/**
 * flood.ts INTERFACE COUNT: as fast as it can, COUNT adverts each of a wrong VRID, TTL, checksum and version, of the
 * highest priority, then `done`. What anybody on the network can send.
 */
import { readFileSync } from 'node:fs';
import type { IpAddress } from '../../../src/model/address.ts';
import { centiseconds } from '../../../src/model/units.ts';
import { isSystemError } from '../../../src/sys/errors.ts';
import { openRawSocket } from '../../../src/sys/raw-socket.ts';
import { encode, VRRP_GROUP, VRRP_PROTOCOL } from '../../../src/vrrp/advertisement.ts';

const [name = '', count = '0', source = ''] = process.argv.slice(2);
const index = Number(readFileSync(`/sys/class/net/${name}/ifindex`, 'utf8'));
const open = (ttl: number) =>
  openRawSocket({
    protocol: VRRP_PROTOCOL,
    family: 'ipv4',
    interface: { index, name },
    ttl,
  });
const advert = (vrid: number): Uint8Array =>
  encode(
    {
      version: 3,
      vrid,
      priority: 254,
      maxAdvertiseInterval: centiseconds(10),
      addresses: ['10.1.1.254' as IpAddress],
    },
    source as IpAddress,
    VRRP_GROUP.ipv4,
  );
const altered = (at: number, value: number): Uint8Array => advert(51).with(at, value);

const near = open(255);
const far = open(254);
const packets = [
  { socket: near, bytes: advert(52) },
  { socket: far, bytes: advert(51) },
  { socket: near, bytes: altered(6, 0xaa) },
  { socket: near, bytes: altered(0, 0x21) },
];
for (let i = 0; i < Number(count); i++) {
  for (const { socket, bytes } of packets) {
    try {
      socket.send(bytes, VRRP_GROUP.ipv4, source as IpAddress);
    } catch (error) {
      // The own queue is full: that is fast enough.
      if (!isSystemError(error, 'ENOBUFS', 'EAGAIN')) throw error;
    }
  }
}
process.stdout.write('done\n');
