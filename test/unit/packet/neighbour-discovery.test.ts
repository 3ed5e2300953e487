import { describe, expect, it } from 'vitest';
import type { IpAddress, MacAddress } from '../../../src/model/address.ts';
import { internetChecksum } from '../../../src/packet/checksum.ts';
import { groupMac } from '../../../src/packet/group-mac.ts';
import { ALL_NODES } from '../../../src/packet/icmpv6.ts';
import {
  decodeNeighbourAdvertisement,
  encodeNeighbourAdvertisement,
  unsolicitedAdvertisement,
} from '../../../src/packet/neighbour-advertisement.ts';
import { neighbourSolicitation, solicitedNodeGroup } from '../../../src/packet/neighbour-solicitation.ts';

const vip = 'fd00:1::254' as IpAddress;
const mac = '02:42:00:00:0a:0b' as MacAddress;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

// Taken off keepalived 2.2.7 as it took fd00:1::254 over.
const KEEPALIVED = Uint8Array.from(
  Buffer.from(
    '6000000000203afffd000001000000000000000000000254ff02000000000000000000000000000188004ba720000000fd0000010000000000000000000002540201024200000a0b',
    'hex',
  ),
);

describe('neighbour advertisement', () => {
  it('announces an address with the bytes that keepalived sends', () => {
    expect(hex(unsolicitedAdvertisement(vip, mac, false))).toBe(hex(KEEPALIVED));
  });

  it('reads them back', () => {
    expect(decodeNeighbourAdvertisement(KEEPALIVED.subarray(40))).toEqual({
      router: false,
      solicited: false,
      override: true,
      target: vip,
      mac,
    });
  });

  it('differs in the flag, and so in the checksum, for a router', () => {
    const packet = unsolicitedAdvertisement(vip, mac, true);
    expect([packet[44], hex(packet.subarray(46))]).toEqual([0xa0, hex(KEEPALIVED.subarray(46))]);
    expect(isSound(packet)).toBe(true);
  });

  it.each([
    ['another type', 0, 135],
    ['another code', 1, 1],
  ])('refuses %s', (_what, at, value) => {
    expect(decodeNeighbourAdvertisement(KEEPALIVED.subarray(40).with(at, value))).toBeUndefined();
  });

  it.each([
    ['is of another type', 24, 1],
    ['has a length of 0', 25, 0],
    ['reaches beyond the message', 25, 2],
  ])('knows no Ethernet address where its option %s', (_what, at, value) => {
    expect(decodeNeighbourAdvertisement(KEEPALIVED.subarray(40).with(at, value))?.mac).toBeUndefined();
  });

  it('goes without the option', () => {
    const answer = { router: true, solicited: true, override: false, target: vip, mac: undefined };
    expect(decodeNeighbourAdvertisement(encodeNeighbourAdvertisement(answer))).toEqual(answer);
  });
});

describe('neighbour solicitation', () => {
  // Taken off a Linux 6.18 host that looked for fd00:1::11 from fd00:1::10.
  const LINUX =
    '6000000000203afffd000001000000000000000000000010ff0200000000000000000001ff00001187007d5900000000fd0000010000000000000000000000110101020000000010';

  it('asks with the bytes that Linux sends', () => {
    const sender = { address: 'fd00:1::10' as IpAddress, mac: '02:00:00:00:00:10' as MacAddress };
    expect(hex(neighbourSolicitation('fd00:1::11' as IpAddress, sender))).toBe(LINUX);
  });

  it('without a source it has no option either', () => {
    const packet = neighbourSolicitation(vip, undefined);
    expect([packet.length, hex(packet.subarray(8, 24))]).toEqual([64, '00'.repeat(16)]);
    expect(isSound(packet)).toBe(true);
  });

  it('goes to the group of the last three bytes', () => {
    const group = solicitedNodeGroup('fd00:1::ab12:3456' as IpAddress);
    expect([group, groupMac(group)]).toEqual(['ff02::1:ff12:3456', '33:33:ff:12:34:56']);
    expect(groupMac(ALL_NODES)).toBe('33:33:00:00:00:01');
  });

  it('of IPv4 goes to the last 23 bits of the group', () => {
    expect(groupMac('224.0.0.18' as IpAddress)).toBe('01:00:5e:00:00:12');
    expect(groupMac('239.255.128.1' as IpAddress)).toBe('01:00:5e:7f:80:01');
  });
});

/** A checksum that is right sums up to nothing with what it covers: both addresses, length, protocol, message. */
function isSound(packet: Uint8Array): boolean {
  const rest = Uint8Array.of(0, 0, 0, packet.length - 40, 0, 0, 0, 58);
  return internetChecksum(packet.subarray(8), rest) === 0;
}
