/** The advertisement's codec and the receive checks against whatever a network can bring. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressFromBytes } from '../../src/model/address.ts';
import { centiseconds } from '../../src/model/units.ts';
import { type Advertisement, decode, encode } from '../../src/vrrp/advertisement.ts';
import { verifiedForm } from '../../src/vrrp/checksum.ts';
import { judge, type LocalRouter, RECEIVE_CHECKS } from '../../src/vrrp/receive-checks.ts';

const addressOf = (length: 4 | 16) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => addressFromBytes(bytes));
const family = fc.constantFrom('ipv4' as const, 'ipv6' as const);
const byte = fc.nat(255);

/** An advertisement with the addresses of the packet that carries it, all of one family. */
const carried = family.chain((name) => {
  const address = addressOf(name === 'ipv4' ? 4 : 16);
  const advertisement: fc.Arbitrary<Advertisement> = fc.record({
    version: fc.constant(3 as const),
    vrid: byte,
    priority: byte,
    maxAdvertiseInterval: fc.nat(4095).map(centiseconds),
    addresses: fc.array(address, { maxLength: 255 }),
  });
  return fc.record({ family: fc.constant(name), advertisement, source: address, destination: address });
});

const local: LocalRouter = {
  vrid: 51,
  isOwner: false,
  addresses: [{ address: addressFromBytes(Uint8Array.of(10, 1, 1, 254)) }],
  source: addressFromBytes(Uint8Array.of(10, 1, 1, 11)),
};

describe('the codec of advertisements', () => {
  it('gives back what was encoded, with a checksum that holds', () => {
    fc.assert(
      fc.property(carried, ({ family: name, advertisement, source, destination }) => {
        const message = encode(advertisement, source, destination);
        expect(decode(message, name)).toEqual({ advertisement });
        expect(verifiedForm(message, source, destination)).toBeDefined();
      }),
      { numRuns: 500 },
    );
  });

  it('re-encodes any message that it can read, but for reserved bits, checksum and what follows', () => {
    fc.assert(
      fc.property(carried, fc.uint8Array({ maxLength: 40 }), (sample, behind) => {
        const message = encode(sample.advertisement, sample.source, sample.destination);
        const read = decode(Uint8Array.from([...message, ...behind]), sample.family).advertisement;
        expect(read && encode(read, sample.source, sample.destination)).toEqual(message);
      }),
      { numRuns: 300 },
    );
  });

  it('names the length as the fault of every message that is cut', () => {
    fc.assert(
      fc.property(carried, fc.nat(), (sample, cut) => {
        const message = encode(sample.advertisement, sample.source, sample.destination);
        expect(decode(message.subarray(0, cut % message.length), sample.family)).toEqual({ fault: 'length' });
      }),
      { numRuns: 500 },
    );
  });

  it('reads or refuses any bytes, and never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), family, (bytes, name) => {
        const { advertisement, fault } = decode(bytes, name);
        expect(advertisement === undefined).toBe(fault !== undefined);
        expect(advertisement?.addresses.length ?? 0).toBeLessThanOrEqual(bytes.length / 4);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the receive checks', () => {
  const reasons: readonly string[] = RECEIVE_CHECKS.map(({ reason }) => reason);
  const header = fc.tuple(fc.constantFrom(0x31, 0x21, 0x32, 0x41), fc.constantFrom(51, 52), byte, fc.nat(3));
  const message = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc
      .tuple(header, fc.uint8Array({ maxLength: 24 }))
      .map(([front, rest]) => Uint8Array.from([...front, ...rest])),
  );
  const packet = fc.record({
    source: fc.oneof(addressOf(4), addressOf(16)),
    destination: fc.oneof(addressOf(4), addressOf(16)),
    ttl: fc.oneof(fc.constant(255), byte),
    message,
  });
  const routerFor = (vrid: number) => (vrid === 51 ? local : undefined);

  it('accept or give a reason, for any packet', () => {
    fc.assert(
      fc.property(packet, (received) => {
        const verdict = judge(received, routerFor);
        if (!verdict.accepted) expect(reasons).toContain(verdict.reason);
      }),
      { numRuns: 3000 },
    );
  });

  it('accept nothing of which one byte was altered', () => {
    const ours = carried.filter(({ family: name, source }) => name === 'ipv4' && source !== local.source);
    fc.assert(
      fc.property(ours, fc.nat(), fc.integer({ min: 1, max: 255 }), (sample, at, mask) => {
        const advertisement = { ...sample.advertisement, vrid: 51 };
        const altered = encode(advertisement, sample.source, sample.destination);
        const index = at % altered.length;
        altered[index] = (altered[index] ?? 0) ^ mask;
        const verdict = judge({ ...sample, ttl: 255, message: altered }, routerFor);
        // The sum without the pseudo-header is a second value that an altered checksum may hit; nothing else may.
        const plain = verifiedForm(altered, sample.source, sample.destination) === 'plain';
        expect(verdict.accepted && !plain).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });
});
