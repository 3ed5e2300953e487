/**
 * Netlink attributes (linux/netlink.h, struct nlattr), each padded to four bytes:
 *
 *    0               16              32
 *    | length, 4 up  | N |O|  type   | length - 4 bytes of value
 *
 * N says that the value is itself attributes, O that it is in network byte order; neither belongs to the type.
 */
import type { Fault, Reader, Span } from './reader.ts';

const HEADER = 4;
const NESTED = 0x8000;
const TYPE_MASK = 0x3fff;
const align = (length: number): number => (length + 3) & ~3;

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

/** Bytes that the payload of a change of the IPVS table fits into. */
const ROOM = 256;
const NOTHING = Buffer.alloc(0);

/** Builds a payload: a fixed header, then attributes. Throws RangeError for a value that does not fit: our own mistake. */
export class AttributeWriter {
  // From Node's pool: ten thousand changes of a table are ten thousand of these.
  #bytes = Buffer.allocUnsafe(ROOM);
  #length = 0;

  /** Bytes as they are, such as the fixed header that comes before the attributes. */
  raw(bytes: Uint8Array | readonly number[]): this {
    const at = this.#grow(align(bytes.length));
    this.#bytes.set(bytes, at);
    return this;
  }

  attribute(type: number, value: Uint8Array | readonly number[]): this {
    const at = this.#begin(type, value.length);
    this.#bytes.set(value, at);
    return this;
  }

  u8(type: number, value: number): this {
    checkRange(type, value, 0xff);
    const at = this.#begin(type, 1);
    this.#bytes.writeUInt8(value, at);
    return this;
  }

  u16(type: number, value: number): this {
    checkRange(type, value, 0xffff);
    const at = this.#begin(type, 2);
    this.#bytes.writeUInt16LE(value, at);
    return this;
  }

  /** In network byte order, as ports are. */
  u16be(type: number, value: number): this {
    checkRange(type, value, 0xffff);
    const at = this.#begin(type, 2);
    this.#bytes.writeUInt16BE(value, at);
    return this;
  }

  u32(type: number, value: number): this {
    checkRange(type, value, 0xffffffff);
    const at = this.#begin(type, 4);
    this.#bytes.writeUInt32LE(value, at);
    return this;
  }

  /** With the zero byte at its end that the kernel asks for. */
  string(type: number, value: string): this {
    return this.attribute(type, Buffer.from(`${value}\0`, 'utf8'));
  }

  nested(type: number, fill: (writer: this) => void): this {
    const at = this.#grow(HEADER);
    fill(this);
    this.#header(at, this.#length - at, type | NESTED);
    return this;
  }

  /** What was written, without a copy: nothing can be written any more. */
  finish(): Uint8Array {
    const { buffer, byteOffset } = this.#bytes;
    const written = new Uint8Array(buffer, byteOffset, this.#length);
    this.#bytes = NOTHING;
    return written;
  }

  /** An attribute's header and room for its value: gives where that begins. It may replace the bytes. */
  #begin(type: number, length: number): number {
    const at = this.#grow(align(HEADER + length));
    this.#header(at, HEADER + length, type);
    return at + HEADER;
  }

  #header(at: number, length: number, type: number): void {
    if (length > 0xffff) throw new RangeError(`attribute ${type & TYPE_MASK}: ${length} bytes`);
    this.#bytes.writeUInt16LE(length, at);
    this.#bytes.writeUInt16LE(type, at + 2);
  }

  /** Makes room for `length` bytes, a multiple of 4, at the end, the last four of them zero, and gives their offset. */
  #grow(length: number): number {
    if (this.#bytes === NOTHING) throw new Error('the payload is finished');
    const at = this.#length;
    this.#length += length;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(2 * this.#length);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    // A value that does not fill its last four bytes is padded with zeros.
    if (length > 0) this.#bytes.writeUInt32LE(0, this.#length - 4);
    return at;
  }
}

/** Four bytes in host order; `what` names the value in the error. */
export function u32Bytes(value: number, what: string | number): number[] {
  checkRange(what, value, 0xffffffff);
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
}

function checkRange(what: string | number, value: number, most: number): void {
  if (!Number.isInteger(value) || value < 0 || value > most)
    throw new RangeError(`${what}: ${value} is not a whole number from 0 to ${most}`);
}
