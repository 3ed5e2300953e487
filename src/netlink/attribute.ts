/**
 * Netlink attributes (linux/netlink.h, struct nlattr), each padded to four bytes:
 *
 *    0               16              32
 *    | length, 4 up  | N |O|  type   | length - 4 bytes of value
 *
 * N says that the value is itself attributes, O that it is in network byte order; neither belongs to the type.
 */
import type { Fault, Reader, Span } from './reader.ts';

/** Bytes of the header of an attribute: length and type. */
export const HEADER = 4;
/** N of a type. */
export const NESTED = 0x8000;
/** What is left of a type without N and O. */
export const TYPE_MASK = 0x3fff;
/** With its padding. */
export const align = (length: number): number => (length + 3) & ~3;

/**
 * Attributes by type. A getter for one that is absent or too short reports to the reader's fault and gives zeros. As the
 * kernel's own parser does, the last of several attributes of a type counts.
 *
 * A getter walks along all headers: there are few, and a walk allocates nothing. Where a table has ten thousand entries
 * one object reads them all, and remembers where each type is.
 */
export class Attributes {
  #view: DataView;
  /** Of the first header. */
  #start: number;
  /** Behind the last attribute that is whole. */
  #end: number;
  #fault: Fault;
  /** Behind the first byte of the header of each type; 0: there is none. */
  readonly #places: Int32Array | undefined;

  private constructor({ view, start, end }: Span, fault: Fault, places?: Int32Array) {
    this.#view = view;
    this.#start = start;
    this.#end = checkedEnd(view, start, end, fault, places);
    this.#fault = fault;
    this.#places = places;
  }

  /** Takes everything that is left of `reader` as attributes. */
  static from(reader: Reader): Attributes {
    return new Attributes(reader.rest(), reader.fault);
  }

  /** None yet, for `take` and `takeNested`; of types up to `most`, any others are as if they were not there. */
  static reusable(reader: Reader, most: number): Attributes {
    return new Attributes(reader.rest(), reader.fault, new Int32Array(most + 1));
  }

  /** From now on these are the attributes: everything that is left of `reader`. */
  take(reader: Reader): void {
    const { view, start, end } = reader.rest();
    this.#aim(view, start, end, reader.fault);
  }

  /** From now on these are the attributes: those within the attribute `type` of `outer`. */
  takeNested(outer: Attributes, type: number): void {
    const at = outer.#find(type, 0);
    const start = at < 0 ? outer.#end : at;
    this.#aim(outer.#view, start, at < 0 ? start : at + outer.#lengthAt(at), outer.#fault);
  }

  #aim(view: DataView, start: number, end: number, fault: Fault): void {
    this.#view = view;
    this.#start = start;
    this.#fault = fault;
    this.#places?.fill(0);
    this.#end = checkedEnd(view, start, end, fault, this.#places);
  }

  has(type: number): boolean {
    return this.#headerOf(type) >= 0;
  }

  nested(type: number): Attributes {
    const at = this.#find(type, 0);
    const start = at < 0 ? this.#end : at;
    const end = at < 0 ? this.#end : at + this.#lengthAt(at);
    return new Attributes({ view: this.#view, start, end }, this.#fault);
  }

  u8(type: number): number {
    const at = this.#find(type, 1);
    return at < 0 ? 0 : this.#view.getUint8(at);
  }

  u16(type: number): number {
    const at = this.#find(type, 2);
    return at < 0 ? 0 : this.#view.getUint16(at, true);
  }

  /** In network byte order, as ports are. */
  u16be(type: number): number {
    const at = this.#find(type, 2);
    return at < 0 ? 0 : this.#view.getUint16(at, false);
  }

  u32(type: number): number {
    const at = this.#find(type, 4);
    return at < 0 ? 0 : this.#view.getUint32(at, true);
  }

  /** In network byte order, as IPv4 addresses are. */
  u32be(type: number): number {
    const at = this.#find(type, 4);
    return at < 0 ? 0 : this.#view.getUint32(at, false);
  }

  /** Exact up to 2^53. */
  u64(type: number): number {
    const at = this.#find(type, 8);
    return at < 0 ? 0 : this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 2 ** 32;
  }

  /** Its first `length` bytes: a view, to be used at once, since the buffer below may be filled anew. */
  bytes(type: number, length: number): Uint8Array {
    const at = this.#find(type, length);
    return at < 0 ? new Uint8Array(length) : this.#part(at, length);
  }

  /** Up to the first zero byte. */
  string(type: number): string {
    const value = this.value(type);
    const end = value.indexOf(0);
    return Buffer.from(end < 0 ? value : value.subarray(0, end)).toString('utf8');
  }

  /** The whole value, whatever its length: a view, as that of `bytes`. */
  value(type: number): Uint8Array {
    const at = this.#find(type, 0);
    return at < 0 ? new Uint8Array(0) : this.#part(at, this.#lengthAt(at));
  }

  /** Where the value of `type` begins; -1, and reported, when it is absent or has less than `least` bytes. */
  #find(type: number, least: number): number {
    const header = this.#headerOf(type);
    if (header < 0) {
      this.#fault.report(`attribute ${type} is missing`);
      return -1;
    }
    const at = header + HEADER;
    const length = this.#lengthAt(at);
    if (length >= least) return at;
    this.#fault.report(`attribute ${type} has ${length} bytes, not ${least}`);
    return -1;
  }

  /** -1 when there is none. */
  #headerOf(type: number): number {
    if (this.#places !== undefined) return (this.#places[type] ?? 0) - 1;
    let found = -1;
    let at = this.#start;
    while (at < this.#end) {
      // Length and type in one.
      const header = this.#view.getUint32(at, true);
      if (((header >>> 16) & TYPE_MASK) === type) found = at;
      at += align(header & 0xffff);
    }
    return found;
  }

  #part(at: number, length: number): Uint8Array {
    return new Uint8Array(this.#view.buffer, at, length);
  }

  /** Bytes of the value that begins at `at`. */
  #lengthAt(at: number): number {
    return this.#view.getUint16(at - HEADER, true) - HEADER;
  }
}

/**
 * Behind the last attribute whose length can be true; what is wrong with the next one is reported. Notes in `places`
 * where each type is.
 */
function checkedEnd(view: DataView, start: number, end: number, fault: Fault, places?: Int32Array): number {
  let at = start;
  while (end - at >= HEADER) {
    // Length and type in one.
    const header = view.getUint32(at, true);
    const length = header & 0xffff;
    if (length < HEADER || length > end - at) {
      fault.report(`attribute at offset ${at - start} claims ${length} of ${end - at} bytes`);
      return at;
    }
    if (places !== undefined) {
      const type = (header >>> 16) & TYPE_MASK;
      if (type < places.length) places[type] = at + 1;
    }
    at += align(length);
  }
  // A last attribute may lack its padding.
  return Math.min(at, end);
}
