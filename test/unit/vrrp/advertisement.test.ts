/** The codec against real packets, in both directions. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { IpAddress } from '../../../src/model/address.ts';
import { centiseconds } from '../../../src/model/units.ts';
import {
  type Advertisement,
  decode,
  encode,
  MAX_ADVERTISEMENT_BYTES,
} from '../../../src/vrrp/advertisement.ts';
import { advertisementChecksum, verifiedForm } from '../../../src/vrrp/checksum.ts';
import { advertisementOf } from '../../../src/vrrp/machine.ts';
import { ip, parametersOf } from './support.ts';

interface Vector {
  readonly name: string;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly ttl: number;
  readonly message: string;
  readonly checksum: 'pseudo-header' | 'plain';
  readonly advertisement: Advertisement;
}

const VECTORS = JSON.parse(
  readFileSync(new URL('../../vectors/vrrp/adverts.json', import.meta.url), 'utf8'),
) as readonly Vector[];
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const hex = (message: Uint8Array): string => Buffer.from(message).toString('hex');

const captured = VECTORS[0]?.message ?? '';
const group = ip('224.0.0.18');
const source = ip('10.1.1.11');

describe('an advertisement', () => {
  it.each(VECTORS)('$name', (vector) => {
    const message = bytes(vector.message);
    expect(decode(message, 'ipv4')).toEqual({ advertisement: vector.advertisement });
    expect(verifiedForm(message, vector.source, vector.destination)).toBe(vector.checksum);
    const form = advertisementChecksum(message, vector.source, vector.destination, vector.checksum);
    expect(form).toBe(Buffer.from(message).readUInt16BE(6));
  });

  it.each(VECTORS.filter(({ checksum }) => checksum === 'pseudo-header'))('encoded: $name', (vector) => {
    expect(hex(encode(vector.advertisement, vector.source, vector.destination))).toBe(vector.message);
  });

  it('ignores the reserved bits and what stands behind the last address', () => {
    const message = bytes(`${captured}ffff`);
    message[4] = 0xf0;
    expect(decode(message, 'ipv4').advertisement).toEqual(VECTORS[0]?.advertisement);
  });

  it.each([
    ['nothing', '', 'length'],
    ['version 2', `21${captured.slice(2)}`, 'version'],
    ['version 4', `41${captured.slice(2)}`, 'version'],
    ['an unknown type', `32${captured.slice(2)}`, 'type'],
    ['half a header', captured.slice(0, 14), 'length'],
    ['an address cut short', captured.slice(0, -2), 'length'],
    ['a count beyond the end', `313396ff${captured.slice(8)}`, 'length'],
  ])('%s is a fault', (_name, message, fault) => {
    expect(decode(bytes(message), 'ipv4')).toEqual({ fault });
  });

  it('carries 255 addresses of either family', () => {
    const v4 = Array.from({ length: 255 }, (_, i) => ip(`10.2.0.${i}`));
    const advertisement = { ...advertisementOf(parametersOf(), 1), addresses: v4 };
    expect(decode(encode(advertisement, source, group), 'ipv4')).toEqual({ advertisement });
    const v6 = Array.from({ length: 255 }, (_, i) => ip(`2001:db8::${(i + 1).toString(16)}`));
    const wide = { ...advertisement, addresses: v6 };
    const message = encode(wide, ip('fe80::1'), ip('ff02::12'));
    expect(message.length).toBe(MAX_ADVERTISEMENT_BYTES);
    expect(decode(message, 'ipv6')).toEqual({ advertisement: wide });
    expect(verifiedForm(message, ip('fe80::1'), ip('ff02::12'))).toBe('pseudo-header');
  });

  it('takes the checksum in both forms over IPv4, in one over IPv6, and always judges it', () => {
    const message = encode(advertisementOf(parametersOf(), 100), source, group);
    for (let bit = 0; bit < message.length * 8; bit++) {
      const altered = Uint8Array.from(message);
      altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(verifiedForm(altered, source, group)).toBeUndefined();
    }
    const plain = new Uint8Array(24).fill(7);
    const sum = advertisementChecksum(plain, ip('fe80::1'), ip('ff02::12'), 'plain');
    plain.set([sum >> 8, sum & 0xff], 6);
    expect(verifiedForm(plain, ip('fe80::1'), ip('ff02::12'))).toBeUndefined();
  });

  it('refuses to encode what does not fit', () => {
    const fine = advertisementOf(parametersOf(), 100);
    const refused = (changes: Partial<Advertisement>) => () => encode({ ...fine, ...changes }, source, group);
    expect(refused({ vrid: 256 })).toThrow('vrid is 256, must be a whole number from 0 to 255');
    expect(refused({ priority: -1 })).toThrow(RangeError);
    expect(refused({ maxAdvertiseInterval: centiseconds(4096) })).toThrow(RangeError);
    expect(refused({ maxAdvertiseInterval: centiseconds(0.5) })).toThrow(RangeError);
    expect(refused({ addresses: [ip('2001:db8::1')] })).toThrow('2001:db8::1 is not ipv4');
    expect(refused({ addresses: Array.from({ length: 256 }, () => ip('10.1.1.1')) })).toThrow(RangeError);
  });
});
