import fc from 'fast-check';
import { describe, it } from 'vitest';
import { addressFromBytes, macFromBytes } from '../../src/model/address.ts';
import { type Arp, decodeArp, encodeArp } from '../../src/packet/arp.ts';
import { findLinkAddress, TARGET_LINK_ADDRESS } from '../../src/packet/icmpv6.ts';
import { decodeIpv4 } from '../../src/packet/ipv4.ts';
import {
  decodeNeighbourAdvertisement,
  encodeNeighbourAdvertisement,
  type NeighbourAdvertisement,
} from '../../src/packet/neighbour-advertisement.ts';

const mac = fc.uint8Array({ minLength: 6, maxLength: 6 }).map(macFromBytes);
const address = fc.uint8Array({ minLength: 4, maxLength: 4 }).map(addressFromBytes);
const arp: fc.Arbitrary<Arp> = fc.record({
  operation: fc.constantFrom('request', 'reply'),
  senderMac: mac,
  senderAddress: address,
  targetMac: mac,
  targetAddress: address,
});
const advertisement: fc.Arbitrary<NeighbourAdvertisement> = fc.record({
  router: fc.boolean(),
  solicited: fc.boolean(),
  override: fc.boolean(),
  target: fc.uint8Array({ minLength: 16, maxLength: 16 }).map(addressFromBytes),
  mac: fc.option(mac, { nil: undefined }),
});
/** Headers that are nearly right, which random bytes hardly ever are. */
const nearlyIpv4 = fc
  .tuple(fc.uint8Array({ minLength: 1, maxLength: 128 }), fc.integer({ min: 0, max: 15 }), fc.nat(140))
  .map(([bytes, headerWords, total]) => {
    bytes[0] = 0x40 | headerWords;
    if (bytes.length > 3) bytes.set([0, total], 2);
    return bytes;
  });

describe('packets from random bytes', () => {
  it('never throws on ARP, and what it accepts encodes to the same bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const decoded = decodeArp(bytes);
        return decoded === undefined || Buffer.compare(encodeArp(decoded), bytes.subarray(0, 28)) === 0;
      }),
    );
  });

  it('reads back every ARP packet, and none that is cut', () => {
    fc.assert(
      fc.property(arp, fc.nat(27), (packet, length) => {
        const bytes = encodeArp(packet);
        return (
          JSON.stringify(decodeArp(bytes)) === JSON.stringify(packet) &&
          decodeArp(bytes.subarray(0, length)) === undefined
        );
      }),
    );
  });

  it('never reads an IPv4 payload from outside of the packet', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 128 }), nearlyIpv4), (bytes) => {
        const decoded = decodeIpv4(bytes);
        if (decoded === undefined) return true;
        const { payload } = decoded;
        const end = payload.byteOffset + payload.length;
        return payload.byteOffset >= bytes.byteOffset + 20 && end <= bytes.byteOffset + bytes.length;
      }),
      { numRuns: 2000 },
    );
  });

  it('never throws on neighbour advertisements, nor loops in their options', () => {
    const nearly = fc
      .uint8Array({ minLength: 24, maxLength: 128 })
      .map((bytes) => Uint8Array.of(136, 0, ...bytes.subarray(2)));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 128 }), nearly), (bytes) => {
        const decoded = decodeNeighbourAdvertisement(bytes);
        return decoded === undefined || bytes[0] === 136;
      }),
      { numRuns: 2000 },
    );
  });

  it('reads back every neighbour advertisement, behind any other options, and none that is cut', () => {
    fc.assert(
      fc.property(advertisement, fc.nat(23), fc.nat(3), (packet, length, others) => {
        const bytes = encodeNeighbourAdvertisement(packet);
        const before = Uint8Array.from({ length: others * 8 }, (_, i) =>
          i % 8 === 0 ? 14 : i % 8 === 1 ? 1 : 0,
        );
        const longer = Buffer.concat([bytes.subarray(0, 24), before, bytes.subarray(24)]);
        return (
          JSON.stringify(decodeNeighbourAdvertisement(longer)) === JSON.stringify(packet) &&
          decodeNeighbourAdvertisement(bytes.subarray(0, length)) === undefined
        );
      }),
    );
  });

  it('finds no Ethernet address that reaches beyond the options', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (options) => {
        const found = findLinkAddress(options, TARGET_LINK_ADDRESS);
        return (
          found === undefined || Buffer.from(options).includes(Buffer.from(found.replaceAll(':', ''), 'hex'))
        );
      }),
      { numRuns: 2000 },
    );
  });
});
