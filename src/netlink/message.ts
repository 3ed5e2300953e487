/**
 * Netlink messages (linux/netlink.h). A datagram carries one or several, each padded to four bytes:
 *
 *    0                               32
 *    | length with this header       |
 *    | type          | flags         |
 *    | sequence number               |
 *    | port of the one it is for     |
 *    | length - 16 bytes of payload
 */
import { Attributes } from './attribute.ts';
import { type Malformed, Reader } from './reader.ts';

export const MESSAGE_HEADER = 16;

/** Types below 16 belong to netlink itself. */
export const NLMSG = { noop: 1, error: 2, done: 3, overrun: 4 } as const;

export const NLM_F = {
  request: 0x1,
  multi: 0x2,
  ack: 0x4,
  /** On an answer: what is dumped changed meanwhile, so the dump may lack entries. */
  dumpInterrupted: 0x10,
  /** On a request: NLM_F_ROOT and NLM_F_MATCH. */
  dump: 0x300,
  replace: 0x100,
  /** On a request that creates: refuse it with EEXIST where there is one already. */
  exclusive: 0x200,
  create: 0x400,
  /** On an acknowledgement: the request is quoted by its header only. */
  capped: 0x100,
  /** On an acknowledgement: attributes follow. */
  acknowledgementAttributes: 0x200,
} as const;

/** NLMSGERR_ATTR_MSG: the kernel's own words about an error. */
const NLMSGERR_ATTR_MSG = 1;

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly port: number;
  /** A view into the datagram. */
  readonly payload: Uint8Array;
}

export interface Datagram {
  readonly messages: readonly Message[];
  /** Why nothing after the messages could be read. */
  readonly problem: string | undefined;
}

/** Takes a datagram apart. What comes before the first bad length counts. */
export function splitDatagram(bytes: Uint8Array): Datagram {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const messages: Message[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const left = bytes.length - offset;
    const length = left < MESSAGE_HEADER ? left : view.getUint32(offset, true);
    if (length < MESSAGE_HEADER || length > left)
      return { messages, problem: `message at offset ${offset} claims ${length} of ${left} bytes` };
    messages.push({
      type: view.getUint16(offset + 4, true),
      flags: view.getUint16(offset + 6, true),
      sequence: view.getUint32(offset + 8, true),
      port: view.getUint32(offset + 12, true),
      payload: bytes.subarray(offset + MESSAGE_HEADER, offset + length),
    });
    offset += (length + 3) & ~3;
  }
  return { messages, problem: undefined };
}

/** From port 0, which the kernel fills in. */
export type OutgoingMessage = Omit<Message, 'port'>;

/** One message, padded. */
export const encodeMessage = (
  type: number,
  flags: number,
  sequence: number,
  payload: Uint8Array,
): Uint8Array => encodeMessages([{ type, flags, sequence, payload }]);

/** A datagram of these messages, each padded. */
export function encodeMessages(messages: readonly OutgoingMessage[]): Uint8Array {
  let size = 0;
  for (const { payload } of messages) size += padded(MESSAGE_HEADER + payload.length);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { type, flags, sequence, payload } of messages) {
    const length = MESSAGE_HEADER + payload.length;
    view.setUint32(at, length, true);
    view.setUint16(at + 4, type, true);
    view.setUint16(at + 6, flags, true);
    view.setUint32(at + 8, sequence, true);
    bytes.set(payload, at + MESSAGE_HEADER);
    at += padded(length);
  }
  return bytes;
}

const padded = (length: number): number => (length + 3) & ~3;

/** How a request ended, or a dump. */
export interface Acknowledgement {
  /** 0: done; otherwise a positive errno. */
  readonly errno: number;
  /** The kernel's own words, where it has any. */
  readonly text: string | undefined;
}

/** Of a message of type NLMSG_ERROR: the error, the header of the request, what else the flags say. */
export function decodeError(message: Message): Acknowledgement | Malformed {
  const reader = new Reader(message.payload, 'acknowledgement');
  const errno = errnoOf(reader);
  const quoted = reader.u32();
  reader.skip(MESSAGE_HEADER - 4);
  const whole = errno !== 0 && (message.flags & NLM_F.capped) === 0;
  if (whole && quoted > MESSAGE_HEADER) reader.skip((quoted - MESSAGE_HEADER + 3) & ~3);
  return reader.finish({ errno, text: errorText(message, reader) });
}

/** Of a message of type NLMSG_DONE, which ends a dump with an error of its own. */
export function decodeDone(message: Message): Acknowledgement | Malformed {
  const reader = new Reader(message.payload, 'end of dump');
  const errno = errnoOf(reader);
  return reader.finish({ errno, text: errorText(message, reader) });
}

function errnoOf(reader: Reader): number {
  const value = reader.i32();
  if (value > 0 || value < -4095) reader.fault.report(`${value} is no negative errno`);
  return value === 0 ? 0 : -value;
}

function errorText(message: Message, reader: Reader): string | undefined {
  if ((message.flags & NLM_F.acknowledgementAttributes) === 0) return undefined;
  const attributes = Attributes.from(reader);
  return attributes.has(NLMSGERR_ATTR_MSG) ? attributes.string(NLMSGERR_ATTR_MSG) : undefined;
}
