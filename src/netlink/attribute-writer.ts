/** Netlink attributes to be sent; their layout is told in attribute.ts. */
import { align, HEADER, NESTED, TYPE_MASK } from './attribute.ts';

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
