import { ERRNO, SystemError } from './errors.ts';
import { errno, libc, MSG_DONTWAIT, MSG_NOSIGNAL } from './libc.ts';
import { MessageHeaders, type MessageSizes } from './message-headers.ts';

/** A datagram with where it goes (a socket address) and how (control messages). */
export interface Outgoing {
  readonly data: Uint8Array;
  readonly name: Uint8Array;
  readonly control: Uint8Array;
}

/** Buffers for sending many datagrams with one system call (sendmmsg). One ring may serve many sockets. */
export class SendRing {
  readonly #messages: MessageHeaders;

  /** `count` datagrams for each system call, with room for so many bytes of each part. */
  constructor(count: number, sizes: MessageSizes) {
    this.#messages = new MessageHeaders(count, sizes);
  }

  /**
   * Sends them in this order. One that the kernel has no room for (EAGAIN, ENOBUFS) keeps none of the others back;
   * after any other error nothing more is tried. Throws SystemError, of the first that was not sent.
   * `what` names the socket in the error.
   */
  send(fd: number, outgoing: readonly Outgoing[], what: string): void {
    let refusal: SystemError | undefined;
    const { count: room } = this.#messages;
    for (let first = 0; first < outgoing.length; first += room) {
      const part = outgoing.slice(first, first + room);
      part.forEach(({ data, name, control }, i) => {
        this.#messages.fill(i, data, name, control);
      });
      for (let at = 0; at < part.length; ) {
        const sent = this.#flush(fd, at, part.length - at);
        if (sent > 0) at += sent;
        else {
          const error = new SystemError('sendmmsg', -sent, place(what, first + at, outgoing.length));
          if (-sent !== ERRNO.EAGAIN && -sent !== ERRNO.ENOBUFS) throw refusal ?? error;
          refusal ??= error;
          at++;
        }
      }
    }
    if (refusal) throw refusal;
  }

  /** How many were sent, at least one, or the negative errno of the first. */
  #flush(fd: number, from: number, count: number): number {
    for (;;) {
      const sent = libc.sendmmsg(fd, this.#messages.address(from), count, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent > 0) return sent;
      const error = errno();
      if (error !== ERRNO.EINTR) return -error;
    }
  }
}

const place = (what: string, index: number, count: number): string =>
  count === 1 ? what : `${what}, ${index + 1} of ${count}`;
