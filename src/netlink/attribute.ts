/**
 * Netlink attributes (linux/netlink.h, struct nlattr), each padded to four bytes:
 *
 *    0               16              32
 *    | length, 4 up  | N |O|  type   | length - 4 bytes of value
 *
 * N says that the value is itself attributes, O that it is in network byte order; neither belongs to the type.
 */
import type { Fault, Reader } from './reader.ts';

const HEADER = 4;
const NESTED = 0x8000;
const TYPE_MASK = 0x3fff;
const align = (length: number): number => (length + 3) & ~3;

/** Attributes by type. A getter for one that is absent or too short reports to the reader's fault and gives zeros. */
export class Attributes {
  readonly #values: ReadonlyMap<number, Uint8Array>;
  readonly #fault: Fault;

  private constructor(bytes: Uint8Array, fault: Fault) {
    this.#values = split(bytes, fault);
    this.#fault = fault;
  }

  /** Takes everything that is left of `reader` as attributes. */
  static from(reader: Reader): Attributes {
    return new Attributes(reader.rest(), reader.fault);
  }

  has(type: number): boolean {
    return this.#values.has(type);
  }

  nested(type: number): Attributes {
    return new Attributes(this.#value(type, 0), this.#fault);
  }

  u16(type: number): number {
    return view(this.#value(type, 2)).getUint16(0, true);
  }

  /** In network byte order, as ports are. */
  u16be(type: number): number {
    return view(this.#value(type, 2)).getUint16(0, false);
  }

  u32(type: number): number {
    return view(this.#value(type, 4)).getUint32(0, true);
  }

  /** At least `least` bytes; a copy, since the buffer below may be used again. */
  bytes(type: number, least: number): Uint8Array {
    return new Uint8Array(this.#value(type, least));
  }

  /** Up to the first zero byte. */
  string(type: number): string {
    const value = this.#value(type, 0);
    const end = value.indexOf(0);
    return Buffer.from(end < 0 ? value : value.subarray(0, end)).toString('utf8');
  }

  #value(type: number, least: number): Uint8Array {
    const value = this.#values.get(type);
    if (value !== undefined && value.length >= least) return value;
    this.#fault.report(
      value === undefined
        ? `attribute ${type} is missing`
        : `attribute ${type} has ${value.length} bytes, not ${least}`,
    );
    return new Uint8Array(least);
  }
}

/** As the kernel's own parser does, the last of several attributes of a type counts. */
function split(bytes: Uint8Array, fault: Fault): ReadonlyMap<number, Uint8Array> {
  const values = new Map<number, Uint8Array>();
  const header = view(bytes);
  let offset = 0;
  while (bytes.length - offset >= HEADER) {
    const length = header.getUint16(offset, true);
    if (length < HEADER || length > bytes.length - offset) {
      fault.report(`attribute at offset ${offset} claims ${length} of ${bytes.length - offset} bytes`);
      break;
    }
    const type = header.getUint16(offset + 2, true) & TYPE_MASK;
    values.set(type, bytes.subarray(offset + HEADER, offset + length));
    offset += align(length);
  }
  return values;
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Builds a payload: a fixed header, then attributes. Throws RangeError for a value that does not fit: our own mistake. */
export class AttributeWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  /** Bytes as they are, such as the fixed header that comes before the attributes. */
  raw(bytes: Uint8Array | readonly number[]): this {
    this.#bytes.set(bytes, this.#grow(align(bytes.length)));
    return this;
  }

  attribute(type: number, value: Uint8Array | readonly number[]): this {
    if (value.length > 0xffff - HEADER) throw new RangeError(`attribute ${type}: ${value.length} bytes`);
    const at = this.#grow(align(HEADER + value.length));
    this.#header(at, HEADER + value.length, type);
    this.#bytes.set(value, at + HEADER);
    return this;
  }

  u16(type: number, value: number): this {
    checkRange(type, value, 0xffff);
    return this.attribute(type, [value & 0xff, value >> 8]);
  }

  /** In network byte order, as ports are. */
  u16be(type: number, value: number): this {
    checkRange(type, value, 0xffff);
    return this.attribute(type, [value >> 8, value & 0xff]);
  }

  u32(type: number, value: number): this {
    return this.attribute(type, u32Bytes(value, type));
  }

  /** With the zero byte at its end that the kernel asks for. */
  string(type: number, value: string): this {
    return this.attribute(type, Buffer.from(`${value}\0`, 'utf8'));
  }

  nested(type: number, fill: (writer: this) => void): this {
    const at = this.#grow(HEADER);
    fill(this);
    if (this.#length - at > 0xffff) throw new RangeError(`attribute ${type}: ${this.#length - at} bytes`);
    this.#header(at, this.#length - at, type | NESTED);
    return this;
  }

  /** What was written so far: a copy. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #header(at: number, length: number, type: number): void {
    this.#bytes.set([length & 0xff, length >> 8, type & 0xff, type >> 8], at);
  }

  /** Makes room for `length` zero bytes at the end and gives their offset. */
  #grow(length: number): number {
    const at = this.#length;
    this.#length += length;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#length);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
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
    throw new RangeError(`attribute ${what}: ${value} is not a whole number from 0 to ${most}`);
}
