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

export interface ReceivingSocket {
  readonly fd: number;
  readonly closed: () => boolean;
}

const NONE: Envelope = { name: new Uint8Array(0), control: new Uint8Array(0) };

/**
 * Buffers for receiving many datagrams with one system call (recvmmsg), made once: nothing is allocated per packet.
 * One ring may serve many sockets, as what it holds is handled before the next receive.
 */
export class ReceiveRing {
  readonly #messages: MessageHeaders;
  readonly #hasEnvelope: boolean;
  #handling = false;

  /**
   * Room for `count` datagrams of up to `size` bytes; longer ones are cut. Names and control data are asked for only
   * where `envelope` gives them room: a raw IPv4 packet brings its own header.
   */
  constructor(count: number, size: number, envelope: EnvelopeSizes = { name: 0, control: 0 }) {
    this.#messages = new MessageHeaders(count, { data: size, ...envelope });
    this.#hasEnvelope = envelope.name > 0 || envelope.control > 0;
  }

  /**
   * Hands what the socket has queued to `handler`, up to `limit` datagrams and rounded up to a whole ring. The bytes are
   * a view, overwritten by the next receive. A socket that a handler closes hears no more: its number may be another's
   * already. Throws SystemError for a pending error, and Error when a handler of this ring calls it: what is still to
   * be handled would be overwritten.
   */
  receive(
    socket: ReceivingSocket,
    handler: (bytes: Uint8Array, envelope: Envelope) => void,
    limit: number,
  ): void {
    if (this.#handling) throw new Error('receive was called by a handler of the same ring');
    this.#handling = true;
    try {
      for (let total = 0; total < limit && !socket.closed(); ) {
        const count = this.#fill(socket.fd);
        this.#handle(count, socket, handler);
        total += count;
        // While a burst comes in there is more by now, and to be woken for it takes far longer than to look.
        if (count === 0) return;
      }
    } finally {
      this.#handling = false;
    }
  }

  #handle(
    count: number,
    socket: ReceivingSocket,
    handler: (bytes: Uint8Array, envelope: Envelope) => void,
  ): void {
    const messages = this.#messages;
    for (let i = 0; i < count && !socket.closed(); i++) {
      const envelope = this.#hasEnvelope ? { name: messages.name(i), control: messages.control(i) } : NONE;
      handler(messages.data(i, messages.lengthOf(i)), envelope);
    }
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
