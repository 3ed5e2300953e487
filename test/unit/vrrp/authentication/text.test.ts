import { describe, expect, it } from 'vitest';
import { isPassword, passwordBytes } from '../../../../src/vrrp/authentication/text.ts';

describe('a text password', () => {
  it('is filled up with zeros', () => {
    expect([...passwordBytes('ab')]).toEqual([97, 98, 0, 0, 0, 0, 0, 0]);
    expect([...passwordBytes('12345678')]).toHaveLength(8);
  });

  it('has one to eight bytes', () => {
    expect(() => passwordBytes('')).toThrow(RangeError);
    expect(() => passwordBytes('123456789')).toThrow('1 to 8 bytes, not 9');
    expect(() => passwordBytes('ääääé')).toThrow('not 10');
  });

  it('is itself and no other', () => {
    expect(isPassword(passwordBytes('1234'), passwordBytes('1234'))).toBe(true);
    expect(isPassword(passwordBytes('1235'), passwordBytes('1234'))).toBe(false);
    expect(isPassword(passwordBytes('12345'), passwordBytes('1234'))).toBe(false);
    expect(isPassword(new Uint8Array(4), passwordBytes('1234'))).toBe(false);
  });
});
