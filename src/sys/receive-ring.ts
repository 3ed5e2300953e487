import { ERRNO, SystemError } from './errors.ts';
import { Arena, errno, libc, MSG_DONTWAIT } from './libc.ts';

// struct mmsghdr: a msghdr of 56 bytes, then msg_len; struct iovec: address and length. The same on all 64-bit Linux.
const MESSAGE_SIZE = 64;
const VECTOR_OFFSET = 16;
const VECTOR_COUNT_OFFSET = 24;
const RECEIVED_OFFSET = 56;
const VECTOR_SIZE = 16;

/**
 * Buffers for receiving many datagrams with one system call (recvmmsg), made once: nothing is allocated per packet.
 * Names and control data are not asked for, since a raw IP packet brings its own header. One ring may serve many
 * sockets, as what it holds is handled before the next receive.
 */
export class ReceiveRing {
  readonly #arena: Arena;
  readonly #view: DataView;
  readonly #count: number;
  readonly #size: number;
  readonly #dataOffset: number;

  /** Room for `count` datagrams of up to `size` bytes; longer ones are cut. */
  constructor(count: number, size: number) {
    this.#count = count;
    this.#size = size;
    this.#dataOffset = count * (MESSAGE_SIZE + VECTOR_SIZE);
    this.#arena = new Arena(this.#dataOffset + count * size);
    this.#view = new DataView(this.#arena.bytes.buffer);
    const pointer = (offset: number) => this.#arena.address + BigInt(offset);
    for (let i = 0; i < count; i++) {
      const vector = count * MESSAGE_SIZE + i * VECTOR_SIZE;
      this.#view.setBigUint64(vector, pointer(this.#dataOffset + i * size), true);
      this.#view.setBigUint64(vector + 8, BigInt(size), true);
      this.#view.setBigUint64(i * MESSAGE_SIZE + VECTOR_OFFSET, pointer(vector), true);
      this.#view.setBigUint64(i * MESSAGE_SIZE + VECTOR_COUNT_OFFSET, 1n, true);
    }
  }

  /**
   * Hands what the socket has queued to `handler`, up to `limit` datagrams and rounded up to a whole ring, and returns
   * their number. The bytes are a view, overwritten by the next receive. Throws SystemError for a pending error.
   */
  receive(fd: number, handler: (bytes: Uint8Array) => void, limit: number): number {
    let total = 0;
    while (total < limit) {
      const count = this.#fill(fd);
      for (let i = 0; i < count; i++) {
        const length = this.#view.getUint32(i * MESSAGE_SIZE + RECEIVED_OFFSET, true);
        const start = this.#dataOffset + i * this.#size;
        handler(this.#arena.bytes.subarray(start, start + length));
      }
      total += count;
      if (count < this.#count) break;
    }
    return total;
  }

  #fill(fd: number): number {
    for (;;) {
      const count = libc.recvmmsg(fd, this.#arena.address, this.#count, MSG_DONTWAIT, null);
      if (count >= 0) return count;
      const error = errno();
      if (error === ERRNO.EAGAIN) return 0;
      if (error !== ERRNO.EINTR) throw new SystemError('recvmmsg', error);
    }
  }
}
