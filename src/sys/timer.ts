import type { Instant } from '../model/units.ts';
import { ERRNO, SystemError } from './errors.ts';
import { check, closeDescriptor, errno, libc } from './libc.ts';
import { READABLE, type Reactor } from './reactor.ts';

const CLOCK_MONOTONIC = 1;
const TFD_NONBLOCK = 0o4000;
const TFD_CLOEXEC = 0o2000000;
const TFD_TIMER_ABSTIME = 1;

/**
 * One deadline on the monotonic clock, by timerfd. Node's own setTimeout counts whole milliseconds from a cached time
 * and fires up to one early; this one never fires early, and late only by what the scheduler makes of it.
 */
export class DeadlineTimer {
  readonly #reactor: Reactor;
  readonly #fd: number;
  /** struct itimerspec: it_interval, which stays zero, and it_value, each seconds and nanoseconds. */
  readonly #value = new BigInt64Array(4);
  readonly #valueBytes = new Uint8Array(this.#value.buffer);
  readonly #expirations = new Uint8Array(8);
  /** When the kernel wakes us: at the deadline, or before. */
  #armed: Instant | undefined;
  #deadline: Instant | undefined;
  #closed = false;

  constructor(reactor: Reactor, onDeadline: () => void) {
    this.#reactor = reactor;
    this.#fd = check(libc.timerCreate(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), 'timerfd_create');
    reactor.add(this.#fd, READABLE, () => {
      // Nothing to read: armed anew since epoll reported it.
      if (!this.#consume()) return;
      const woken = this.#armed;
      this.#armed = undefined;
      if (woken !== undefined && this.#deadline !== undefined && this.#deadline > woken)
        this.#set(this.#deadline);
      else this.#expire(onDeadline);
    });
  }

  /**
   * Calls back once at `at`, or at once when that has passed; replaces what was armed. undefined: never.
   * The kernel is not told of a later deadline before it has woken us at the former: each of thousands of adverts a
   * second puts off a backup's deadline.
   */
  arm(at: Instant | undefined): void {
    if (this.#closed) return;
    this.#deadline = at;
    if (at === this.#armed || (at !== undefined && this.#armed !== undefined && at > this.#armed)) return;
    this.#set(at);
  }

  #expire(onDeadline: () => void): void {
    this.#deadline = undefined;
    onDeadline();
  }

  #set(at: Instant | undefined): void {
    const whole = at === undefined ? 0 : Math.floor(at / 1e3);
    // All zero would disarm: a deadline at or before the clock's start is its first nanosecond.
    const nanoseconds = at === undefined ? 0 : Math.max(1, Math.ceil((at - whole * 1e3) * 1e6));
    this.#value[2] = BigInt(whole) + (nanoseconds >= 1e9 ? 1n : 0n);
    this.#value[3] = BigInt(nanoseconds % 1e9);
    check(libc.timerSet(this.#fd, TFD_TIMER_ABSTIME, this.#valueBytes, null), 'timerfd_settime');
    this.#armed = at;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reactor.remove(this.#fd);
    closeDescriptor(this.#fd);
  }

  #consume(): boolean {
    const count = libc.read(this.#fd, this.#expirations, 8);
    if (count >= 0) return true;
    const error = errno();
    if (error === ERRNO.EAGAIN || error === ERRNO.EINTR) return false;
    throw new SystemError('read', error, 'timerfd');
  }
}
