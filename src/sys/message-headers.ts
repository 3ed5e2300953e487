/**
 * struct mmsghdr as recvmmsg and sendmmsg take it, an array of them with their buffers in one arena: a msghdr of 56
 * bytes (name and its length, vectors and their number, control data and its length, flags), then msg_len; struct
 * iovec: address and length. The same on all 64-bit Linux. Of lengths in 64 bits only the lower half is ever written.
 */
import { Arena } from './libc.ts';

const MESSAGE_SIZE = 64;
const NAME_LENGTH_OFFSET = 8;
const VECTOR_OFFSET = 16;
const VECTOR_COUNT_OFFSET = 24;
const CONTROL_OFFSET = 32;
const CONTROL_LENGTH_OFFSET = 40;
const LENGTH_OFFSET = 56;
const VECTOR_SIZE = 16;

/** Bytes of the buffers of each message; names and control data round up to multiples of 8. 0: none. */
export interface MessageSizes {
  readonly data: number;
  readonly name: number;
  readonly control: number;
}

const roundUp = (bytes: number): number => Math.ceil(bytes / 8) * 8;

export class MessageHeaders {
  readonly count: number;
  readonly sizes: MessageSizes;
  readonly #arena: Arena;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #buffers: number;
  readonly #stride: number;

  constructor(count: number, sizes: MessageSizes) {
    this.count = count;
    this.sizes = { data: sizes.data, name: roundUp(sizes.name), control: roundUp(sizes.control) };
    this.#stride = this.sizes.name + this.sizes.control + roundUp(sizes.data);
    this.#buffers = count * (MESSAGE_SIZE + VECTOR_SIZE);
    this.#arena = new Arena(this.#buffers + count * this.#stride);
    this.#bytes = this.#arena.bytes;
    this.#view = new DataView(this.#bytes.buffer);
    for (let i = 0; i < count; i++) this.#link(i);
  }

  /** The address of message `i`, for the system call. */
  address(i: number): bigint {
    return this.#pointer(i * MESSAGE_SIZE);
  }

  /** Says how much room each part has before receiving: the kernel overwrites that with what it used. */
  makeRoom(): void {
    const { name, control } = this.sizes;
    if (name === 0 && control === 0) return;
    for (let i = 0; i < this.count; i++) this.#setLengths(i, name, control);
  }

  /** Bytes received or sent of message `i`. */
  lengthOf(i: number): number {
    return this.#view.getUint32(i * MESSAGE_SIZE + LENGTH_OFFSET, true);
  }

  /** Views that the next use overwrites. */
  data(i: number, length: number): Uint8Array {
    return this.#part(this.#dataAt(i), Math.min(length, this.sizes.data));
  }

  name(i: number): Uint8Array {
    const length = this.#view.getUint32(i * MESSAGE_SIZE + NAME_LENGTH_OFFSET, true);
    return this.#part(this.#nameAt(i), Math.min(length, this.sizes.name));
  }

  control(i: number): Uint8Array {
    const length = this.#view.getUint32(i * MESSAGE_SIZE + CONTROL_LENGTH_OFFSET, true);
    return this.#part(this.#controlAt(i), Math.min(length, this.sizes.control));
  }

  /** Lays message `i` out for sending. Throws RangeError where it does not fit. */
  fill(i: number, data: Uint8Array, name: Uint8Array, control: Uint8Array): void {
    const { sizes } = this;
    if (data.length > sizes.data || name.length > sizes.name || control.length > sizes.control) {
      throw new RangeError(`message of ${data.length} bytes is longer than its buffer of ${sizes.data}`);
    }
    this.#bytes.set(data, this.#dataAt(i));
    this.#bytes.set(name, this.#nameAt(i));
    this.#bytes.set(control, this.#controlAt(i));
    this.#view.setUint32(this.#vectorAt(i) + 8, data.length, true);
    this.#setLengths(i, name.length, control.length);
  }

  #link(i: number): void {
    const message = i * MESSAGE_SIZE;
    const { name, control, data } = this.sizes;
    const set = (at: number, value: bigint): void => this.#view.setBigUint64(at, value, true);
    if (name > 0) set(message, this.#pointer(this.#nameAt(i)));
    if (control > 0) set(message + CONTROL_OFFSET, this.#pointer(this.#controlAt(i)));
    set(message + VECTOR_OFFSET, this.#pointer(this.#vectorAt(i)));
    set(message + VECTOR_COUNT_OFFSET, 1n);
    set(this.#vectorAt(i), this.#pointer(this.#dataAt(i)));
    set(this.#vectorAt(i) + 8, BigInt(data));
  }

  #setLengths(i: number, name: number, control: number): void {
    this.#view.setUint32(i * MESSAGE_SIZE + NAME_LENGTH_OFFSET, name, true);
    this.#view.setUint32(i * MESSAGE_SIZE + CONTROL_LENGTH_OFFSET, control, true);
  }

  #pointer(offset: number): bigint {
    return this.#arena.address + BigInt(offset);
  }

  #part(at: number, length: number): Uint8Array {
    return this.#bytes.subarray(at, at + length);
  }

  #vectorAt(i: number): number {
    return this.count * MESSAGE_SIZE + i * VECTOR_SIZE;
  }

  #nameAt(i: number): number {
    return this.#buffers + i * this.#stride;
  }

  #controlAt(i: number): number {
    return this.#nameAt(i) + this.sizes.name;
  }

  #dataAt(i: number): number {
    return this.#controlAt(i) + this.sizes.control;
  }
}
