/** The trailer of keepalived 2.4 against its own packets, and what an altered one is. */
import { describe, expect, it } from 'vitest';
import { familyOf } from '../../../../src/model/address.ts';
import { decode, encode } from '../../../../src/vrrp/advertisement.ts';
import {
  decodeTrailer,
  isKnownTrailer,
  isSignedWith,
  secretKey,
  TRAILER_BYTES,
} from '../../../../src/vrrp/authentication/hmac.ts';
import { advertOf, bytes, GROUP, ip, KEY, NEXT_KEY, PEER, VECTORS } from '../wire.ts';

const SIGNED = VECTORS.flatMap((vector) => (vector.key ? [{ ...vector, key: vector.key }] : []));
const sequence = { seconds: 0x6800_0000, fraction: 0x8000_0001 };
const signed = () => encode(advertOf(), PEER, GROUP, { credential: { type: 'hmac', key: KEY, sequence } });

describe('the trailer of auth_hmac', () => {
  it('was captured in both versions, over both families', () => {
    const seen = SIGNED.map(({ advertisement, source }) => `v${advertisement.version} ${familyOf(source)}`);
    expect(new Set(seen)).toEqual(new Set(['v3 ipv4', 'v3 ipv6', 'v2 ipv4']));
  });

  it.each(SIGNED)('is read and found good: $name', ({ message, length, key, sequence: sent, source }) => {
    const packet = bytes(message);
    const trailer = decodeTrailer(packet.subarray(length));
    expect(trailer).toEqual({ type: 1, keyId: key.id, reserved: 0, sequence: sent });
    expect(trailer && isKnownTrailer(trailer)).toBe(true);
    expect(isSignedWith(packet, source, secretKey(key).secret)).toBe(true);
    expect(isSignedWith(packet, ip('10.9.1.13'), secretKey(key).secret)).toBe(false);
    expect(isSignedWith(packet, source, NEXT_KEY.secret)).toBe(false);
  });

  it('covers every bit but those of the checksum', () => {
    const message = signed();
    for (let bit = 0; bit < message.length * 8; bit++) {
      const altered = Uint8Array.from(message);
      const at = bit >> 3;
      altered[at] = (altered[at] ?? 0) ^ (1 << (bit & 7));
      expect(isSignedWith(altered, PEER, KEY.secret), `bit ${bit}`).toBe(at === 6 || at === 7);
    }
  });

  it('is the same for every destination', () => {
    const credential = { type: 'hmac', key: KEY, sequence } as const;
    const other = encode(advertOf(), PEER, ip('10.1.1.13'), { credential });
    expect(other.subarray(12)).toEqual(signed().subarray(12));
    expect(other.subarray(0, 12)).not.toEqual(signed().subarray(0, 12));
  });

  it('is only what has its length, and known only by its type', () => {
    const message = signed();
    const { length = 0 } = decode(message, 'ipv4');
    expect(message.length - length).toBe(TRAILER_BYTES);
    expect(decodeTrailer(message.subarray(length + 1))).toBeUndefined();
    expect(decodeTrailer(new Uint8Array(TRAILER_BYTES + 1))).toBeUndefined();
    const trailer = { type: 1, keyId: 1, reserved: 0, sequence };
    expect(isKnownTrailer(trailer)).toBe(true);
    expect(isKnownTrailer({ ...trailer, type: 2 })).toBe(false);
    expect(isKnownTrailer({ ...trailer, reserved: 1 })).toBe(false);
  });

  it('is made with keys that keepalived takes too', () => {
    expect(secretKey({ id: 255, secret: 'Ab'.repeat(64) }).secret.symmetricKeySize).toBe(64);
    const refused = (id: number, secret: string) => () => secretKey({ id, secret });
    expect(refused(0, 'ab'.repeat(32))).toThrow('ID of a VRRP key is 0');
    expect(refused(256, 'ab'.repeat(32))).toThrow(RangeError);
    expect(refused(1, 'ab'.repeat(31))).toThrow('VRRP key 1 has 31 bytes, must have 32 to 64');
    expect(refused(1, 'ab'.repeat(65))).toThrow(RangeError);
    expect(refused(1, `${'ab'.repeat(32)}a`)).toThrow('hexadecimal');
    expect(refused(1, 'xy'.repeat(32))).toThrow('hexadecimal');
  });
});
