import { ERRNO, isSystemError, SystemError } from './errors.ts';
import {
  AF_NETLINK,
  Arena,
  check,
  closeDescriptor,
  errno,
  libc,
  MSG_DONTWAIT,
  MSG_TRUNC,
  openSocket,
  SOCK_RAW,
  sendInBackground,
  sendTo,
  setOption,
} from './libc.ts';
import { MessageHeaders } from './message-headers.ts';
import { setBuffer } from './socket-buffer.ts';
import { attachFilter, type FilterInstruction } from './socket-filter.ts';

// <linux/netlink.h>
export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;
export const NETLINK_GENERIC = 16;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
const SOCKADDR_NL_LENGTH = 12;
// The kernel makes the parts of a dump as large as the reader's buffer, up to 32 KiB; notices are smaller.
const BUFFER_SIZE = 64 * 1024;
const BACKGROUND_SIZE = 16 * 1024;

export interface NetlinkSocket {
  /** For a reactor to watch. */
  readonly fd: number;
  /**
   * Sends one or several messages to the kernel. Routing and generic netlink answer inside this call: when it returns,
   * the replies (of a dump, its first part) can be received. Throws SystemError.
   */
  send(messages: Uint8Array): void;
  /**
   * As `send`, in another thread: the kernel may wait there for others. `done` is told whether it was sent; until then
   * nothing else may be sent here, and a `close` is put off. Throws SystemError: EBUSY, EMSGSIZE beyond 16 KiB.
   */
  sendInBackground(messages: Uint8Array, done: (sent: boolean) => void): void;
  /**
   * What is queued next, undefined when nothing is; the bytes are overwritten by the next call. Throws SystemError:
   * ENOBUFS means that notices were lost and whatever they told must be read anew.
   */
  receive(): Uint8Array | undefined;
  close(): void;
}

export interface NetlinkOptions {
  /** Multicast groups (RTNLGRP_*) to hear notices of. */
  readonly groups?: readonly number[];
  /** Bytes that the kernel may queue for us: more than its default where many notices come at once. */
  readonly receiveBuffer?: number;
  /**
   * Fetches a dump's last part and its end in one system call, where thousands of short dumps are made. Only for a
   * socket that is read until nothing is left: what was fetched ahead wakes no reactor.
   */
  readonly readAhead?: boolean;
  /** Drops notices before they are queued. Each is seen from its message header on. */
  readonly filter?: readonly FilterInstruction[];
}

/** Opens a netlink socket of the protocol NETLINK_ROUTE, NETLINK_NETFILTER or NETLINK_GENERIC; throws SystemError. */
export function openNetlinkSocket(protocol: number, options: NetlinkOptions = {}): NetlinkSocket {
  const fd = openSocket(AF_NETLINK, SOCK_RAW, protocol, `netlink protocol ${protocol}`);
  try {
    prepare(fd, options);
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
  const receive = options.readAhead === true ? receiveAhead(fd) : receiveOne(fd);
  let outgoing: Arena | undefined;
  let busy = false;
  let closed = false;
  return {
    fd,
    send(messages) {
      if (closed) throw new SystemError('sendto', ERRNO.EBADF, 'netlink');
      if (busy) throw new SystemError('sendto', ERRNO.EBUSY, 'netlink');
      if (sendTo(fd, messages, null, 'netlink') < 0) throw new SystemError('sendto', ERRNO.EAGAIN, 'netlink');
    },
    sendInBackground(messages, done) {
      if (closed) throw new SystemError('send', ERRNO.EBADF, 'netlink');
      if (busy) throw new SystemError('send', ERRNO.EBUSY, 'netlink');
      if (messages.length > BACKGROUND_SIZE) throw new SystemError('send', ERRNO.EMSGSIZE, 'netlink');
      outgoing ??= new Arena(BACKGROUND_SIZE);
      outgoing.bytes.set(messages);
      busy = true;
      sendInBackground(fd, outgoing, messages.length, (sent) => {
        busy = false;
        // The descriptor's number could have become another's while the call was under way.
        if (closed) closeDescriptor(fd);
        done(sent === messages.length);
      });
    },
    receive() {
      if (closed) throw new SystemError('recv', ERRNO.EBADF, 'netlink');
      return receive();
    },
    close() {
      if (closed) return;
      closed = true;
      if (!busy) closeDescriptor(fd);
    },
  };
}

function prepare(fd: number, options: NetlinkOptions): void {
  const kernel = new Uint8Array(SOCKADDR_NL_LENGTH);
  new Uint16Array(kernel.buffer)[0] = AF_NETLINK;
  check(libc.bind(fd, kernel, SOCKADDR_NL_LENGTH), 'bind', 'netlink');
  // Connected to port 0, the kernel's, so that no other process can send us what looks like its answer.
  check(libc.connect(fd, kernel, SOCKADDR_NL_LENGTH), 'connect', 'netlink');
  for (const [name, what] of [
    [NETLINK_EXT_ACK, 'NETLINK_EXT_ACK'], // the kernel's own words with an error; Linux 4.12
    [NETLINK_CAP_ACK, 'NETLINK_CAP_ACK'], // errors without the whole request behind them; 4.3
    [NETLINK_GET_STRICT_CHK, 'NETLINK_GET_STRICT_CHK'], // dumps filtered by the kernel; 4.20
  ] as const) {
    try {
      setOption(fd, SOL_NETLINK, name, 1, what);
    } catch (error) {
      // Conveniences all three: an older kernel goes without.
      if (!isSystemError(error, 'ENOPROTOOPT')) throw error;
    }
  }
  if (options.receiveBuffer !== undefined) setBuffer(fd, 'receive', options.receiveBuffer);
  // Before the groups are joined: nothing unwanted is queued in between.
  if (options.filter !== undefined) attachFilter(fd, options.filter, 'netlink');
  for (const group of options.groups ?? []) {
    setOption(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group, `NETLINK_ADD_MEMBERSHIP ${group}`);
  }
}

type Receive = () => Uint8Array | undefined;

// MSG_TRUNC: the message's real length, even where the buffer was too small for it.
const RECEIVE_FLAGS = MSG_DONTWAIT | MSG_TRUNC;

function receiveOne(fd: number): Receive {
  const buffer = new Uint8Array(new ArrayBuffer(BUFFER_SIZE));
  return () => {
    const length = retried('recv', () => libc.recv(fd, buffer, buffer.length, RECEIVE_FLAGS));
    return length === undefined ? undefined : buffer.subarray(0, checkedLength('recv', length));
  };
}

/** The kernel makes the next part of a dump as one is fetched: the second is there when the first has been. */
function receiveAhead(fd: number): Receive {
  const headers = new MessageHeaders(2, { data: BUFFER_SIZE, name: 0, control: 0 });
  let fetched = 0;
  let given = 0;
  return () => {
    if (given === fetched) {
      given = 0;
      fetched = 0;
      const call = (): number => libc.recvmmsg(fd, headers.address(0), headers.count, RECEIVE_FLAGS, null);
      fetched = retried('recvmmsg', call) ?? 0;
      if (fetched === 0) return undefined;
    }
    const i = given++;
    return headers.data(i, checkedLength('recvmmsg', headers.lengthOf(i)));
  };
}

/** What the call gives, undefined where nothing is queued; throws SystemError. */
function retried(syscall: string, call: () => number): number | undefined {
  for (;;) {
    const result = call();
    if (result >= 0) return Number(result);
    const error = errno();
    if (error === ERRNO.EAGAIN) return undefined;
    if (error !== ERRNO.EINTR) throw new SystemError(syscall, error, 'netlink');
  }
}

function checkedLength(syscall: string, length: number): number {
  if (length > BUFFER_SIZE) throw new SystemError(syscall, ERRNO.EMSGSIZE, 'netlink');
  return length;
}
