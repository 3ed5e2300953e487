import { describe, expect, it } from 'vitest';
import { decodeIpv4 } from '../../../src/packet/ipv4.ts';

// An advert of keepalived 2.2.7 as a raw socket delivers it: VRID 51, priority 100, interval 1 s, VIP 10.1.1.254.
const PACKET = Uint8Array.from(
  Buffer.from('45c0002000010000ff70cf8e0a01010be000001231336401006472cd0a0101fe', 'hex'),
);

describe('IPv4 header', () => {
  it('gives the addresses, the TTL and what follows it', () => {
    expect(decodeIpv4(PACKET)).toEqual({
      source: '10.1.1.11',
      destination: '224.0.0.18',
      ttl: 255,
      protocol: 112,
      payload: PACKET.subarray(20),
    });
  });

  it('skips options, and leaves what lies behind the packet out', () => {
    const withOptions = Buffer.concat([
      PACKET.subarray(0, 20),
      Buffer.alloc(4),
      PACKET.subarray(20),
      Buffer.alloc(9),
    ]);
    withOptions[0] = 0x46;
    withOptions.writeUInt16BE(36, 2);
    expect(decodeIpv4(withOptions)?.payload).toEqual(Buffer.from(PACKET.subarray(20)));
  });

  it.each([
    ['nothing', new Uint8Array(0)],
    ['less than a header', PACKET.subarray(0, 19)],
    ['a packet that was cut short', PACKET.subarray(0, 31)],
    ['another version', altered(0, 0x65)],
    ['a header shorter than it can be', altered(0, 0x44)],
    ['a header longer than the packet', altered(0, 0x4f)],
    ['a total length within the header', altered(3, 19)],
  ])('refuses %s', (_what, bytes) => {
    expect(decodeIpv4(bytes)).toBeUndefined();
  });
});

function altered(at: number, value: number): Uint8Array {
  const bytes = Uint8Array.from(PACKET);
  bytes[at] = value;
  return bytes;
}
