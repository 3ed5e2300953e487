/**
 * The C library's system calls, bound once. This file and `reactor.ts` are the only ones that know koffi, so that
 * another way to call C (`node:ffi`, an addon) can take its place.
 *
 * Every descriptor but the ends of pipes is nonblocking and every call but one synchronous: koffi's own asynchronous
 * calls sit in Node's thread pool, where four of them stop the file system and one keeps the process from ending.
 */
import koffi from 'koffi';
import { ERRNO, SystemError } from './errors.ts';

/** Memory that a call reads or writes: a view, an address in an `Arena`, or NULL. */
export type Pointer = Uint8Array | bigint | null;

// NULL means the process image itself, which holds glibc or musl, whichever this Node is linked to.
const image = koffi.load(null);
const bind = <Call extends (...parameters: never[]) => number>(definition: string): Call =>
  image.func(definition) as unknown as Call;

/** The calls as they are: a negative result means that `errno()` must be read in the very next expression. */
export const libc = {
  socket: bind<(domain: number, type: number, protocol: number) => number>('int socket(int, int, int)'),
  bind: bind<(fd: number, address: Pointer, length: number) => number>(
    'int bind(int, const void *, uint32_t)',
  ),
  connect: bind<(fd: number, address: Pointer, length: number) => number>(
    'int connect(int, const void *, uint32_t)',
  ),
  setsockopt: bind<(fd: number, level: number, name: number, value: Pointer, length: number) => number>(
    'int setsockopt(int, int, int, const void *, uint32_t)',
  ),
  getsockopt: bind<(fd: number, level: number, name: number, value: Pointer, length: Pointer) => number>(
    'int getsockopt(int, int, int, void *, void *)',
  ),
  ioctl: bind<(fd: number, request: number, argument: Pointer) => number>('int ioctl(int, ulong, void *)'),
  flock: bind<(fd: number, operation: number) => number>('int flock(int, int)'),
  send: bind<(fd: number, data: Pointer, length: number, flags: number) => number>(
    'intptr send(int, const void *, size_t, int)',
  ),
  sendto: bind<
    (fd: number, data: Pointer, length: number, flags: number, to: Pointer, toLength: number) => number
  >('intptr sendto(int, const void *, size_t, int, const void *, uint32_t)'),
  recv: bind<(fd: number, data: Pointer, length: number, flags: number) => number>(
    'intptr recv(int, void *, size_t, int)',
  ),
  recvmmsg: bind<(fd: number, messages: Pointer, count: number, flags: number, timeout: Pointer) => number>(
    'int recvmmsg(int, void *, uint32_t, int, void *)',
  ),
  sendmmsg: bind<(fd: number, messages: Pointer, count: number, flags: number) => number>(
    'int sendmmsg(int, void *, uint32_t, int)',
  ),
  read: bind<(fd: number, data: Pointer, length: number) => number>('intptr read(int, void *, size_t)'),
  close: bind<(fd: number) => number>('int close(int)'),
  /** Does not return. */
  exit: bind<(code: number) => number>('int _exit(int)'),
  pipe: bind<(descriptors: Pointer, flags: number) => number>('int pipe2(void *, int)'),
  epollCreate: bind<(flags: number) => number>('int epoll_create1(int)'),
  epollControl: bind<(epoll: number, operation: number, fd: number, event: Pointer) => number>(
    'int epoll_ctl(int, int, int, void *)',
  ),
  epollWait: bind<(epoll: number, events: Pointer, count: number, timeout: number) => number>(
    'int epoll_wait(int, void *, int, int)',
  ),
  timerCreate: bind<(clock: number, flags: number) => number>('int timerfd_create(int, int)'),
  timerSet: bind<(fd: number, flags: number, value: Pointer, old: Pointer) => number>(
    'int timerfd_settime(int, int, const void *, void *)',
  ),
  setScheduler: bind<(pid: number, policy: number, parameter: Pointer) => number>(
    'int sched_setscheduler(int, int, const void *)',
  ),
} as const;

interface Asynchronous {
  readonly async: (
    fd: number,
    data: bigint,
    length: number,
    flags: number,
    done: (error: Error | null, sent: number) => void,
  ) => void;
}

const sender = image.func('intptr send(int, const void *, size_t, int)') as unknown as Asynchronous;

/**
 * `send` in a thread of Node's pool, for what may wait inside the kernel (rtnetlink: for its one lock). `done` is told
 * the bytes sent, or a negative number; the errno is that thread's and lost. `data`, and the descriptor, must last
 * until then, and the process cannot end before.
 */
export function sendInBackground(
  fd: number,
  data: Arena,
  length: number,
  done: (sent: number) => void,
): void {
  sender.async(fd, data.address, length, MSG_DONTWAIT | MSG_NOSIGNAL, (error, sent) => {
    // Exceptions must not leave a native callback, and promises do not run after one: a turn of the loop of its own.
    setImmediate(() => done(error === null ? Number(sent) : -1));
  });
}

/** The errno of the last call. Anything that allocates in between may overwrite it. */
export const errno = (): number => koffi.errno();

/** The result of a call that is not expected to fail: throws SystemError otherwise. */
export function check(result: number, syscall: string, what?: string): number {
  if (result < 0) throw new SystemError(syscall, errno(), what);
  return Number(result);
}

/** Closes a descriptor. Never retried: on Linux it is gone even after EINTR, and its number may be another's already. */
export function closeDescriptor(fd: number): void {
  libc.close(fd);
}

/** `close` for as often as anybody likes: the number of a closed descriptor may be another's already. */
export function closing(fd: number): { readonly closed: () => boolean; readonly close: () => void } {
  let closed = false;
  return {
    closed: () => closed,
    close() {
      if (closed) return;
      closed = true;
      closeDescriptor(fd);
    },
  };
}

/**
 * Bytes sent, or -1 when the socket's queue is full (EAGAIN); throws SystemError for everything else.
 * `to` is a socket address, null on a connected socket; `what` names the socket in the error.
 */
export function sendTo(fd: number, bytes: Uint8Array, to: Uint8Array | null, what?: string): number {
  for (;;) {
    const sent = libc.sendto(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL, to, to?.length ?? 0);
    if (sent >= 0) return Number(sent);
    const error = errno();
    if (error === ERRNO.EAGAIN) return -1;
    if (error !== ERRNO.EINTR) throw new SystemError('sendto', error, what);
  }
}

/** Sets an option whose value is a C int, or bytes for a structure. */
export function setOption(
  fd: number,
  level: number,
  name: number,
  value: number | Uint8Array,
  what: string,
): void {
  const bytes = typeof value === 'number' ? new Uint8Array(Int32Array.of(value).buffer) : value;
  check(libc.setsockopt(fd, level, name, bytes, bytes.length), 'setsockopt', what);
}

/** Opens a nonblocking, close-on-exec socket. `what` names it in the error: `raw IP protocol 112`. */
export const openSocket = (domain: number, type: number, protocol: number, what: string): number =>
  check(libc.socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol), 'socket', what);

/** Off the JavaScript heap, so that addresses into it stay true for as long as the arena is referenced. */
export class Arena {
  readonly bytes: Uint8Array;
  readonly address: bigint;

  constructor(size: number) {
    this.bytes = new Uint8Array(new ArrayBuffer(size));
    this.address = koffi.address(this.bytes);
  }
}

// <sys/socket.h>, <fcntl.h>: the same on every architecture that Node runs on, MIPS excepted.
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;
export const SOL_SOCKET = 1;
export const SO_PRIORITY = 12;
export const SO_BINDTODEVICE = 25;
