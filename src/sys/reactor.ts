/**
 * Readiness of descriptors that Node cannot open itself: an epoll set of our own, seen by Node's loop through one
 * poll handle. The set in between is what makes it safe: libuv's poll goes deaf for ever on EPOLLERR (a netlink
 * socket's ENOBUFS) and aborts the process on a descriptor that cannot be polled, where epoll_ctl just says so.
 */
import koffi, { type node } from 'koffi';
import { ERRNO, SystemError } from './errors.ts';
import { check, closeDescriptor, errno, libc } from './libc.ts';

/** Bit of <sys/epoll.h>. Errors and hang-ups are always watched for. */
export const READABLE = 0x001;

/** Told the events that are ready. Level-triggered: it is called again until it has read everything. */
export type ReadyHandler = (events: number) => void;

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CLOEXEC = 0o2000000;
// struct epoll_event is packed on x86-64 alone, for the sake of 32-bit programs there.
const EVENT_SIZE = process.arch === 'x64' ? 12 : 16;
const DATA_OFFSET = process.arch === 'x64' ? 4 : 8;
const BATCH = 64;

interface Entry {
  /** Tells an event for a descriptor from one for its closed predecessor of the same number. */
  readonly serial: number;
  readonly handler: ReadyHandler;
}

// What nothing references is collected, and then silent: open reactors are kept here.
const open = new Set<Reactor>();
const noop = (): void => undefined;

/** Keeps the process alive until it is closed. */
export class Reactor {
  readonly #epoll: number;
  readonly #handle: node.PollHandle;
  readonly #events = new DataView(new ArrayBuffer(EVENT_SIZE * BATCH));
  readonly #eventBytes = new Uint8Array(this.#events.buffer);
  readonly #request = new DataView(new ArrayBuffer(16));
  readonly #requestBytes = new Uint8Array(this.#request.buffer);
  readonly #entries = new Map<number, Entry>();
  #serial = 0;
  #closed = false;

  constructor() {
    this.#epoll = check(libc.epollCreate(EPOLL_CLOEXEC), 'epoll_create1');
    this.#handle = koffi.node.poll(this.#epoll, { readable: true, writable: false }, () => this.#turn());
    open.add(this);
  }

  /** Watches `fd`, which must not be watched yet. Throws SystemError where epoll cannot watch it. */
  add(fd: number, events: number, handler: ReadyHandler): void {
    this.#serial = (this.#serial + 1) >>> 0;
    this.#control(EPOLL_CTL_ADD, fd, events, this.#serial);
    this.#entries.set(fd, { serial: this.#serial, handler });
  }

  /** Stops watching; must come before the descriptor is closed. Does nothing for one that is not watched. */
  remove(fd: number): void {
    if (this.#entries.delete(fd)) this.#control(EPOLL_CTL_DEL, fd, 0, 0);
  }

  /** Descriptors that are still watched stay open: they belong to those who added them. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#entries.clear();
    open.delete(this);
    this.#handle.close();
    closeDescriptor(this.#epoll);
  }

  #control(operation: number, fd: number, events: number, serial: number): void {
    if (this.#closed) return;
    this.#request.setUint32(0, events, true);
    this.#request.setInt32(DATA_OFFSET, fd, true);
    this.#request.setUint32(DATA_OFFSET + 4, serial, true);
    const result = libc.epollControl(this.#epoll, operation, fd, this.#requestBytes);
    if (result < 0) throw new SystemError('epoll_ctl', errno(), `descriptor ${fd}`);
  }

  #turn(): void {
    // An exception must not leave this callback: it would surface in some later, unrelated native call.
    try {
      this.#dispatch();
    } catch (error) {
      rethrowOutside(error);
    }
    // Promises and process.nextTick do not run after a native callback by themselves; they do after an immediate.
    setImmediate(noop);
  }

  #dispatch(): void {
    if (this.#closed) return;
    const count = libc.epollWait(this.#epoll, this.#eventBytes, BATCH, 0);
    if (count < 0) {
      const error = errno();
      if (error === ERRNO.EINTR) return;
      throw new SystemError('epoll_wait', error);
    }
    for (let at = 0; at < count * EVENT_SIZE; at += EVENT_SIZE) {
      const entry = this.#entries.get(this.#events.getInt32(at + DATA_OFFSET, true));
      // Removed by an earlier handler of this very batch, and perhaps opened anew.
      if (entry?.serial !== this.#events.getUint32(at + DATA_OFFSET + 4, true)) continue;
      try {
        entry.handler(this.#events.getUint32(at, true));
      } catch (error) {
        rethrowOutside(error);
      }
    }
  }
}

function rethrowOutside(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
