import { describe, expect, it } from 'vitest';
import { seconds } from '../../../src/model/units.ts';
import { AttributeWriter } from '../../../src/netlink/attribute-writer.ts';
import { encodeOperation } from '../../../src/netlink/ipvs/command.ts';
import { encodeMessage, splitDatagram } from '../../../src/netlink/message.ts';
import { encodeNewAddress, encodeRemoveAddress } from '../../../src/netlink/route/address.ts';
import { PLAIN, real, tcp } from '../../support/ipvs-contract.ts';
import { ADD_SERVICE, DESTINATION } from './vectors.ts';

const prefix = (address: string, length: number) => ({ address: address as never, length });

describe('what we send', () => {
  it('a virtual server, byte for byte as ipvsadm does', () =>
    expect(
      encodeOperation({
        op: 'add-virtual-server',
        key: tcp('10.1.1.254', 81),
        settings: { ...PLAIN, scheduler: 'rr' },
      }),
    ).toEqual(ADD_SERVICE));

  it('a real server by its name only when it is removed', () => {
    const key = tcp('10.1.1.254', 80);
    const realServer = real('10.1.1.2');
    const added = encodeOperation({ op: 'add-real-server', key, realServer });
    const removed = encodeOperation({ op: 'remove-real-server', key, realServer });
    const address = Buffer.from(DESTINATION.subarray(8, 36));
    expect(Buffer.from(added).includes(address)).toBe(true);
    expect(Buffer.from(removed).includes(address)).toBe(true);
    expect(added.length - removed.length).toBe(4 * 8);
  });

  it('an address with its lifetime, as `ip addr` does', () =>
    expect(Buffer.from(encodeNewAddress(3, prefix('10.1.1.254', 24), seconds(5))).toString('hex')).toBe(
      '0218000003000000080002000a0101fe080001000a0101fe1400060005000000050000000000000000000000',
    ));

  it('an IPv6 address that does not wait for duplicates to show', () => {
    const bytes = Buffer.from(encodeNewAddress(3, prefix('fd00::fe', 64), 'forever'));
    expect(bytes.includes(Buffer.from('1400060000000000ffffffff', 'hex'))).toBe(true);
    expect(bytes.includes(Buffer.from('0800080002000000', 'hex'))).toBe(true);
  });

  it('refuses numbers that do not fit: our own mistakes', () => {
    expect(() => encodeRemoveAddress(3, prefix('10.1.1.254', 33))).toThrow(RangeError);
    expect(() => encodeNewAddress(3, prefix('10.1.1.254', 24), seconds(1.5))).toThrow(RangeError);
    expect(() => encodeNewAddress(-1, prefix('10.1.1.254', 24), seconds(1))).toThrow(RangeError);
    expect(() =>
      encodeOperation({
        op: 'add-real-server',
        key: tcp('10.1.1.254', 80),
        realServer: real('10.1.1.2', 65536),
      }),
    ).toThrow(RangeError);
    expect(() => new AttributeWriter().attribute(1, new Uint8Array(0x10000))).toThrow(RangeError);
    expect(() =>
      new AttributeWriter().nested(1, (writer) =>
        writer.attribute(1, new Uint8Array(40_000)).attribute(2, new Uint8Array(40_000)),
      ),
    ).toThrow(RangeError);
  });
});

describe('several messages in a datagram', () => {
  const first = encodeMessage(20, 5, 1, new Uint8Array([1, 2, 3, 4, 5]));
  const second = encodeMessage(21, 5, 0xffffffff, new Uint8Array(0));
  const packed = new Uint8Array(Buffer.concat([first, second]));

  it('are taken apart in their order, padding left out', () => {
    const { messages, problem } = splitDatagram(packed);
    expect(problem).toBeUndefined();
    expect(messages).toMatchObject([
      { type: 20, flags: 5, sequence: 1, payload: new Uint8Array([1, 2, 3, 4, 5]) },
      { type: 21, sequence: 0xffffffff, payload: new Uint8Array(0) },
    ]);
  });

  it('cut short, those before the cut count and the rest is a problem', () => {
    const { messages, problem } = splitDatagram(packed.subarray(0, packed.length - 1));
    expect(messages).toHaveLength(1);
    expect(problem).toMatch(/offset 24/);
  });

  it('a length of zero, or beyond the end, ends it', () => {
    for (const length of [0, 15, 41, 255]) {
      const { messages, problem } = splitDatagram(new Uint8Array(first).with(0, length));
      expect(messages).toEqual([]);
      expect(problem).toContain(`claims ${length}`);
    }
  });
});
