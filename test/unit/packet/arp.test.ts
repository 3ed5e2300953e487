import { describe, expect, it } from 'vitest';
import type { IpAddress, MacAddress } from '../../../src/model/address.ts';
import { arpRequest, decodeArp, encodeArp, gratuitousArp } from '../../../src/packet/arp.ts';

// Taken with tcpdump off keepalived 2.2.7 as it took 10.1.1.254 over.
const KEEPALIVED_GRATUITOUS = Buffer.from('0001080006040001024200000a0b0a0101feffffffffffff0a0101fe', 'hex');
const vip = '10.1.1.254' as IpAddress;
const mac = '02:42:00:00:0a:0b' as MacAddress;

describe('ARP', () => {
  it('announces an address with the bytes that keepalived sends', () => {
    expect(Buffer.from(encodeArp(gratuitousArp(vip, mac))).toString('hex')).toBe(
      KEEPALIVED_GRATUITOUS.toString('hex'),
    );
  });

  it('reads them back', () => {
    expect(decodeArp(KEEPALIVED_GRATUITOUS)).toEqual(gratuitousArp(vip, mac));
  });

  it('reads a reply, and leaves the padding of a short frame out', () => {
    const reply = { ...gratuitousArp(vip, mac), operation: 'reply' as const };
    expect(decodeArp(Buffer.concat([encodeArp(reply), Buffer.alloc(18)]))).toEqual(reply);
  });

  it.each([
    ['hardware that is not Ethernet', 1, 6],
    ['a protocol that is not IPv4', 2, 0x86],
    ['Ethernet addresses of another length', 4, 8],
    ['protocol addresses of another length', 5, 16],
    ['an operation that is neither request nor reply', 7, 3],
    ['an operation beyond one byte', 6, 1],
  ])('refuses %s', (_what, at, value) => {
    const bytes = Uint8Array.from(KEEPALIVED_GRATUITOUS);
    bytes[at] = value;
    expect(decodeArp(bytes)).toBeUndefined();
  });

  it('has nothing for IPv6', () => {
    expect(() => encodeArp(gratuitousArp('2001:db8::1' as IpAddress, mac))).toThrow(RangeError);
  });

  it('asks from an address, and as a probe from none', () => {
    const from = (source: string | undefined) =>
      Buffer.from(encodeArp(arpRequest(vip, mac, source as IpAddress | undefined))).toString('hex');
    expect(from('10.1.1.10')).toBe('0001080006040001024200000a0b0a01010a0000000000000a0101fe');
    expect(from(undefined)).toBe('0001080006040001024200000a0b000000000000000000000a0101fe');
  });
});
