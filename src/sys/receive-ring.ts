import { ERRNO, SystemError } from './errors.ts';
import { errno, libc, MSG_DONTWAIT } from './libc.ts';
import { MessageHeaders } from './message-headers.ts';

/** What the kernel told beside a datagram, as far as the ring asked for it. Views that the next receive overwrites. */
export interface Envelope {
  /** The sender's socket address. */
  readonly name: Uint8Array;
  /** Control messages, for `findControl`. */
  readonly control: Uint8Array;
}

export interface EnvelopeSizes {
  readonly name: number;
  readonly control: number;
}

const NONE: Envelope = { name: new Uint8Array(0), control: new Uint8Array(0) };

/**
 * Buffers for receiving many datagrams with one system call (recvmmsg), made once: nothing is allocated per packet.
 * One ring may serve many sockets, as what it holds is handled before the next receive.
 */
export class ReceiveRing {
  readonly #messages: MessageHeaders;
  readonly #hasEnvelope: boolean;

  /**
   * Room for `count` datagrams of up to `size` bytes; longer ones are cut. Names and control data are asked for only
   * where `envelope` gives them room: a raw IPv4 packet brings its own header.
   */
  constructor(count: number, size: number, envelope: EnvelopeSizes = { name: 0, control: 0 }) {
    this.#messages = new MessageHeaders(count, { data: size, ...envelope });
    this.#hasEnvelope = envelope.name > 0 || envelope.control > 0;
  }

  /**
   * Hands what the socket has queued to `handler`, up to `limit` datagrams and rounded up to a whole ring, and returns
   * their number. The bytes are a view, overwritten by the next receive. Throws SystemError for a pending error.
   */
  receive(fd: number, handler: (bytes: Uint8Array, envelope: Envelope) => void, limit: number): number {
    const messages = this.#messages;
    let total = 0;
    while (total < limit) {
      const count = this.#fill(fd);
      for (let i = 0; i < count; i++) {
        const envelope = this.#hasEnvelope ? { name: messages.name(i), control: messages.control(i) } : NONE;
        handler(messages.data(i, messages.lengthOf(i)), envelope);
      }
      total += count;
      if (count < messages.count) break;
    }
    return total;
  }

  #fill(fd: number): number {
    for (;;) {
      this.#messages.makeRoom();
      const count = libc.recvmmsg(fd, this.#messages.address(0), this.#messages.count, MSG_DONTWAIT, null);
      if (count >= 0) return count;
      const error = errno();
      if (error === ERRNO.EAGAIN) return 0;
      if (error !== ERRNO.EINTR) throw new SystemError('recvmmsg', error);
    }
  }
}
