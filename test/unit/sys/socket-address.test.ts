import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { IpAddress, MacAddress } from '../../../src/model/address.ts';
import {
  addressInSockaddr6,
  controlMessage,
  findControl,
  internetAddress,
  linkAddress,
} from '../../../src/sys/socket-address.ts';

const hex = (bytes: Uint8Array | undefined): string | undefined =>
  bytes && Buffer.from(bytes).toString('hex');

describe('socket addresses', () => {
  it('are laid out as C has them', () => {
    expect(hex(internetAddress('10.1.1.10' as IpAddress, 7))).toBe('020000000a01010a0000000000000000');
    expect(hex(internetAddress('fe80::1' as IpAddress, 7))).toBe(
      '0a00000000000000fe80000000000000000000000000000107000000',
    );
    expect(hex(linkAddress(0x0806, 7, '02:42:00:00:0a:0b' as MacAddress))).toBe(
      '110008060700000000000006024200000a0b0000',
    );
    expect(hex(linkAddress(0x0806, 7))).toBe('1100080607000000000000000000000000000000');
  });

  it('give the address back', () => {
    expect(addressInSockaddr6(internetAddress('ff02::12' as IpAddress, 7))).toBe('ff02::12');
  });
});

describe('control messages', () => {
  const first = controlMessage(41, 52, Uint8Array.of(255, 0, 0, 0));
  const second = controlMessage(41, 50, new Uint8Array(20).fill(7));

  it('are laid out as C has them, and found again one behind the other', () => {
    expect(hex(first)).toBe('14000000000000002900000034000000ff00000000000000');
    const both = Buffer.concat([first, second]);
    expect(hex(findControl(both, 41, 52))).toBe('ff000000');
    expect(hex(findControl(both, 41, 50))).toBe('07'.repeat(20));
    expect(findControl(both, 0, 50)).toBeUndefined();
  });

  it('are never read from outside of the bytes, whatever their lengths say', () => {
    const lying = fc
      .tuple(fc.uint8Array({ minLength: 24, maxLength: 64 }), fc.nat(80))
      .map(([bytes, length]) =>
        Uint8Array.of(length, 0, 0, 0, 0, 0, 0, 0, 41, 0, 0, 0, 50, 0, 0, 0, ...bytes),
      );
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), lying), (bytes) => {
        const found = findControl(bytes, 41, 50);
        return found === undefined || found.byteOffset + found.length <= bytes.byteOffset + bytes.length;
      }),
      { numRuns: 2000 },
    );
  });
});
