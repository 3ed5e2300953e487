/** Frames on one interface (packet(7)): the kernel writes and strips the Ethernet header. */
import type { MacAddress } from '../model/address.ts';
import { ERRNO, SystemError } from './errors.ts';
import { AF_PACKET, check, closing, libc, openSocket, SOCK_DGRAM } from './libc.ts';
import { ReceiveRing } from './receive-ring.ts';
import { type Outgoing, SendRing } from './send-ring.ts';
import { linkAddress } from './socket-address.ts';
import { setBuffer } from './socket-buffer.ts';
import { attachFilter, type FilterInstruction } from './socket-filter.ts';

export interface Frame {
  readonly etherType: number;
  readonly destination: MacAddress;
  /** What follows the Ethernet header: up to 128 bytes. */
  readonly payload: Uint8Array;
}

/** Sends frames on one interface, from its own Ethernet address; hears nothing. */
export interface PacketSender {
  /** All of them, many with each system call. Throws SystemError: ENETDOWN, ENXIO and the like; see `SendRing.send`. */
  send(frames: readonly Frame[]): void;
  /** Makes ahead of time what `send` needs for these very objects. */
  makeReady(frames: readonly Frame[]): void;
  close(): void;
}

/** Hears frames of one EtherType on one interface, as far as its filter lets them through, but none that we send. */
export interface PacketListener {
  /** For a reactor to watch. */
  readonly fd: number;
  /** Takes the place of the filter before. It sees frames from behind the Ethernet header on. Throws SystemError. */
  setFilter(program: readonly FilterInstruction[]): void;
  /**
   * Hands what follows the Ethernet header to `handler`: see `ReceiveRing.receive`. Throws SystemError: ENETDOWN once
   * when the interface was taken down; it hears on when that is up again.
   */
  receive(handler: (payload: Uint8Array) => void, limit: number): void;
  close(): void;
}

// Gratuitous ARP and neighbour advertisements are shorter than this. All sockets share the rings.
const FRAME_SIZE = 128;
const outgoing = new SendRing(64, { data: FRAME_SIZE, name: 20, control: 0 });
const incoming = new ReceiveRing(16, FRAME_SIZE);
const NO_CONTROL = new Uint8Array(0);
/** Bytes, some 768 for each short frame: a thousand and more announcements at once. */
const SEND_BUFFER = 1024 * 1024;

/** Opens a socket to send on the interface of this index; throws SystemError. */
export function openPacketSender(interfaceIndex: number): PacketSender {
  const what = `packet socket on interface ${interfaceIndex}`;
  // Protocol 0: nothing is ever queued, which a socket that nobody reads would otherwise fill up with.
  const fd = openSocket(AF_PACKET, SOCK_DGRAM, 0, what);
  const { closed, close } = closing(fd);
  try {
    setBuffer(fd, 'send', SEND_BUFFER);
  } catch (error) {
    close();
    throw error;
  }
  const messages = new WeakMap<Frame, Outgoing>();
  const messageOf = (frame: Frame): Outgoing => {
    const known = messages.get(frame);
    if (known !== undefined) return known;
    const { etherType, destination, payload } = frame;
    const name = linkAddress(etherType, interfaceIndex, destination);
    const message = { data: payload, name, control: NO_CONTROL };
    messages.set(frame, message);
    return message;
  };
  return {
    send(frames) {
      if (closed()) throw new SystemError('sendmmsg', ERRNO.EBADF, what);
      outgoing.send(fd, frames.map(messageOf), what);
    },
    makeReady: (frames) => frames.forEach(messageOf),
    close,
  };
}

/** Opens a socket that hears this EtherType on the interface of this index, never all; throws SystemError. */
export function openPacketListener(
  etherType: number,
  interfaceIndex: number,
  filter: readonly FilterInstruction[],
): PacketListener {
  const what = `packet socket for EtherType 0x${etherType.toString(16)} on interface ${interfaceIndex}`;
  const fd = openSocket(AF_PACKET, SOCK_DGRAM, 0, what);
  const { closed, close } = closing(fd);
  try {
    // Before it hears anything: nothing unwanted is queued in between.
    attachFilter(fd, filter, what);
    const address = linkAddress(etherType, interfaceIndex);
    check(libc.bind(fd, address, address.length), 'bind', what);
  } catch (error) {
    close();
    throw error;
  }
  return {
    fd,
    setFilter: (program) => attachFilter(fd, program, what),
    receive: (handler, limit) => incoming.receive({ fd, closed }, handler, limit),
    close,
  };
}
