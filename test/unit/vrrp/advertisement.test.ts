/** The codec against real packets, in both directions. */
import { describe, expect, it } from 'vitest';
import { familyOf } from '../../../src/model/address.ts';
import { centiseconds } from '../../../src/model/units.ts';
import {
  type Advertisement,
  addressesThatFit,
  authDataOf,
  authTypeOf,
  checksummedBytes,
  decode,
  type EncodeOptions,
  encode,
  MAX_ADVERTISEMENT_BYTES,
} from '../../../src/vrrp/advertisement.ts';
import { passwordBytes } from '../../../src/vrrp/authentication/text.ts';
import { advertisementChecksum, verifiedForm } from '../../../src/vrrp/checksum.ts';
import {
  advertOf,
  bytes,
  credentialOf,
  DATE,
  GROUP,
  GROUP6,
  hex,
  ip,
  KEY,
  PEER,
  PEER6,
  VECTORS,
} from './wire.ts';

const captured = VECTORS[0]?.message ?? '';
const signedWith = { type: 'hmac', key: KEY, sequence: { seconds: DATE / 1000, fraction: 7 } } as const;

describe('an advertisement', () => {
  it.each(VECTORS)('decoded: $name', (vector) => {
    const message = bytes(vector.message);
    const { source, destination, length, advertisement } = vector;
    expect(decode(message, familyOf(source))).toEqual({ kind: 'advert', advertisement, length });
    const covered = checksummedBytes(message, familyOf(source), length);
    expect(verifiedForm(covered, source, destination)).toBe(vector.checksum);
    const checksum = advertisementChecksum(covered, source, destination, vector.checksum);
    expect(checksum).toBe(Buffer.from(message).readUInt16BE(6));
  });

  it.each(VECTORS)('encoded: $name', (vector) => {
    const { checksum, advertisement, source, destination } = vector;
    const message = encode(advertisement, source, destination, {
      checksum,
      credential: credentialOf(vector),
    });
    expect(hex(message)).toBe(vector.message);
  });

  it('ignores the reserved bits and what stands behind the last address', () => {
    const message = bytes(`${captured}ffff`);
    message[4] = 0xf0;
    expect(decode(message, 'ipv4').advertisement).toEqual(VECTORS[0]?.advertisement);
  });

  it.each([
    ['nothing', '', 'length'],
    ['version 1', `11${captured.slice(2)}`, 'version'],
    ['version 4', `41${captured.slice(2)}`, 'version'],
    ['an unknown type', `34${captured.slice(2)}`, 'type'],
    ['a presence of version 2', `22${captured.slice(2)}`, 'type'],
    ['half a header', captured.slice(0, 14), 'length'],
    ['an address cut short', captured.slice(0, -2), 'length'],
    ['version 2 without authentication data', `21${captured.slice(2)}`, 'length'],
    ['a count beyond the end', `313396ff${captured.slice(8)}`, 'length'],
  ])('%s is a fault', (_name, message, fault) => {
    expect(decode(bytes(message), 'ipv4')).toEqual({ fault });
  });

  it('is not of version 2 over IPv6', () => {
    expect(decode(bytes(`21${captured.slice(2)}`), 'ipv6')).toEqual({ fault: 'version' });
  });

  it.each([
    ['presence', 2],
    ['request', 3],
  ] as const)('may be a %s, type %i of version 3', (kind, type) => {
    const advertisement = advertOf({ addresses: [] });
    const message = encode(advertisement, PEER, GROUP, { kind });
    expect(message[0]).toBe((3 << 4) | type);
    expect(decode(message, 'ipv4')).toEqual({ kind, advertisement, length: 8 });
  });

  it('carries 255 addresses of either family', () => {
    const v4 = Array.from({ length: 255 }, (_, i) => ip(`10.2.0.${i}`));
    const many = advertOf({ addresses: v4 });
    expect(decode(encode(many, PEER, GROUP), 'ipv4').advertisement).toEqual(many);
    const old = { ...many, version: 2 } as const;
    expect(decode(encode(old, PEER, GROUP), 'ipv4').advertisement).toEqual(old);
    const v6 = Array.from({ length: 255 }, (_, i) => ip(`2001:db8::${(i + 1).toString(16)}`));
    const wide = advertOf({ addresses: v6 });
    const message = encode(wide, PEER6, GROUP6, { credential: signedWith });
    expect(message.length).toBe(MAX_ADVERTISEMENT_BYTES);
    expect(decode(message, 'ipv6').advertisement).toEqual(wide);
    expect(verifiedForm(message, PEER6, GROUP6)).toBe('pseudo-header');
  });

  it('of version 2 says the interval in whole seconds and ends with the password', () => {
    const old = advertOf({ version: 2, maxAdvertiseInterval: centiseconds(300) });
    const message = encode(old, PEER, GROUP, {
      credential: { type: 'text', password: passwordBytes('1234') },
    });
    expect([...message.subarray(4, 6)]).toEqual([1, 3]);
    expect(authTypeOf(message)).toBe(1);
    expect(hex(authDataOf(message, 20))).toBe('3132333400000000');
  });

  it('has a checksum that is always judged: in both forms over IPv4, in one of version 2 and over IPv6', () => {
    const message = encode(advertOf(), PEER, GROUP);
    for (let bit = 0; bit < message.length * 8; bit++) {
      const altered = Uint8Array.from(message);
      altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(verifiedForm(altered, PEER, GROUP)).toBeUndefined();
    }
    expect(verifiedForm(encode(advertOf(), PEER, GROUP, { checksum: 'plain' }), PEER, GROUP)).toBe('plain');
    const plain = withChecksum(Uint8Array.of(0x31, ...new Array(23).fill(7)), 'plain', PEER6, GROUP6);
    expect(verifiedForm(plain, PEER6, GROUP6)).toBeUndefined();
    const old = withChecksum(encode(advertOf({ version: 2 }), PEER, GROUP), 'pseudo-header', PEER, GROUP);
    expect(verifiedForm(old, PEER, GROUP)).toBeUndefined();
  });

  it('covers the trailer with its checksum over IPv6 only', () => {
    const signed = encode(advertOf(), PEER, GROUP, { credential: signedWith });
    expect(hex(signed).slice(0, 24)).toBe(hex(encode(advertOf(), PEER, GROUP)));
    const six = advertOf({ addresses: [ip('fe80::254')] });
    const message = encode(six, PEER6, GROUP6, { credential: signedWith });
    expect(checksummedBytes(message, 'ipv6', 24)).toHaveLength(52);
    message[51] = (message[51] ?? 0) ^ 1;
    expect(verifiedForm(message, PEER6, GROUP6)).toBeUndefined();
  });

  it('refuses to encode what does not fit', () => {
    const refused =
      (changes: Partial<Advertisement>, options: EncodeOptions = {}) =>
      () =>
        encode(advertOf(changes), PEER, GROUP, options);
    expect(refused({ vrid: 256 })).toThrow('vrid is 256, must be a whole number from 0 to 255');
    expect(refused({ priority: -1 })).toThrow(RangeError);
    expect(refused({ maxAdvertiseInterval: centiseconds(4096) })).toThrow(RangeError);
    expect(refused({ maxAdvertiseInterval: centiseconds(0.5) })).toThrow(RangeError);
    expect(refused({ version: 2, maxAdvertiseInterval: centiseconds(150) })).toThrow('in seconds is 1.5');
    expect(refused({ addresses: [ip('2001:db8::1')] })).toThrow('2001:db8::1 is not ipv4');
    expect(refused({ addresses: Array.from({ length: 256 }, () => ip('10.1.1.1')) })).toThrow(RangeError);
    expect(refused({ version: 2 }, { kind: 'presence' })).toThrow('version 2 knows no presence');
    expect(() => encode(advertOf({ version: 2, addresses: [] }), PEER6, GROUP6)).toThrow('over ipv6');
    const credential = { type: 'text', password: passwordBytes('1234') } as const;
    expect(refused({}, { credential })).toThrow('only version 2 has text authentication');
  });
});

describe('the room for addresses', () => {
  it.each([
    ['ipv4', 3, 1500, {}, 255],
    ['ipv4', 3, 576, {}, 137],
    ['ipv4', 2, 576, {}, 135],
    ['ipv6', 3, 1500, {}, 90],
    ['ipv6', 3, 1280, { hmac: true, udp: true }, 74],
    ['ipv6', 3, 9000, {}, 255],
    ['ipv4', 2, 20, {}, 0],
  ] as const)('%s version %i, MTU %i, %o: %i', (family, version, mtu, envelope, count) => {
    expect(addressesThatFit(family, version, mtu, envelope)).toBe(count);
  });

  it('is what just fits', () => {
    const addresses = Array.from({ length: 74 }, (_, i) => ip(`2001:db8::${i + 1}`));
    const message = encode(advertOf({ addresses }), PEER6, GROUP6, { credential: signedWith });
    expect(40 + 8 + message.length).toBeLessThanOrEqual(1280);
    expect(40 + 8 + message.length + 16).toBeGreaterThan(1280);
  });
});

function withChecksum(
  message: Uint8Array,
  form: 'plain' | 'pseudo-header',
  source = PEER,
  destination = GROUP,
): Uint8Array {
  const sum = advertisementChecksum(message, source, destination, form);
  message.set([sum >> 8, sum & 0xff], 6);
  return message;
}
