import { describe, expect, it } from 'vitest';
import { Attributes } from '../../../src/netlink/attribute.ts';
import { AttributeWriter } from '../../../src/netlink/attribute-writer.ts';
import { Malformed, Reader } from '../../../src/netlink/reader.ts';

const read = (bytes: Uint8Array): Attributes => Attributes.from(new Reader(bytes, 'test'));

describe('a payload', () => {
  it('grows past what there was room for, whatever is written at the edge', () => {
    // The edge is met at another kind of value with each length before it.
    for (let before = 1; before <= 80; before++) {
      const writer = new AttributeWriter();
      for (let type = 1; type <= before; type++) writer.u32(type, type);
      writer
        .u8(100, 0xab)
        .u16(101, 0xabcd)
        .u16be(102, 0xabcd)
        .u32(103, 0xabcdef01)
        .string(104, 'a name of some length')
        .nested(105, (inner) => inner.attribute(1, Array(300).fill(7)));
      const attributes = read(writer.finish());
      expect(attributes.u32(before)).toBe(before);
      expect(attributes.u8(100)).toBe(0xab);
      expect(attributes.u16(101)).toBe(0xabcd);
      expect(attributes.u16be(102)).toBe(0xabcd);
      expect(attributes.u32(103)).toBe(0xabcdef01);
      expect(attributes.string(104)).toBe('a name of some length');
      expect([...attributes.nested(105).value(1)]).toEqual(Array(300).fill(7));
    }
  });

  it('is padded with zeros, whatever was in its memory before', () => {
    for (let i = 0; i < 200; i++) Buffer.allocUnsafe(64).fill(0xff);
    for (let length = 0; length <= 8; length++) {
      const bytes = new AttributeWriter().attribute(1, Array(length).fill(0xee)).finish();
      expect(bytes.length % 4).toBe(0);
      expect([...bytes.subarray(4 + length)].every((byte) => byte === 0)).toBe(true);
    }
  });

  it('is written to its end once', () => {
    const writer = new AttributeWriter().u8(1, 1);
    const bytes = writer.finish();
    expect(() => writer.u8(2, 2)).toThrow('the payload is finished');
    expect([...bytes]).toEqual([5, 0, 1, 0, 1, 0, 0, 0]);
  });
});

describe('attributes', () => {
  it('of the same type: the last counts', () =>
    expect(read(new AttributeWriter().u8(1, 1).u8(2, 5).u8(1, 3).finish()).u8(1)).toBe(3));

  it('lie in the middle of other memory', () => {
    const bytes = new AttributeWriter().u32(1, 7).finish();
    const memory = new Uint8Array(64).fill(0xff);
    memory.set(bytes, 9);
    const reader = new Reader(memory.subarray(9, 9 + bytes.length), 'test');
    expect(Attributes.from(reader).u32(1)).toBe(7);
    expect(reader.finish('fine')).toBe('fine');
  });

  it('are read by one object, one after the other, and nothing of the former is left', () => {
    const nest = (fill: (inner: AttributeWriter) => void) => new AttributeWriter().nested(1, fill).finish();
    const reader = new Reader(new Uint8Array(0), 'test');
    const outer = Attributes.reusable(reader, 1);
    const inner = Attributes.reusable(reader, 3);
    const open = (bytes: Uint8Array) => {
      reader.begin(bytes);
      outer.take(reader);
      inner.takeNested(outer, 1);
    };
    open(nest((first) => first.u32(2, 20).u8(3, 30).u8(9, 1).u8(3, 31)));
    expect([inner.has(1), inner.u32(2), inner.u8(3), inner.has(9)]).toEqual([false, 20, 31, false]);
    open(nest((second) => second.u8(1, 10)));
    expect([inner.u8(1), inner.has(2), inner.has(3)]).toEqual([10, false, false]);
    expect(reader.finish('fine')).toBe('fine');
    open(new AttributeWriter().u8(2, 1).finish());
    expect(inner.has(1)).toBe(false);
    expect(reader.finish('fine')).toEqual(new Malformed('test: attribute 1 is missing'));
    open(nest((last) => last.u8(1, 11)));
    expect(reader.finish(inner.u8(1))).toBe(11);
  });
});
