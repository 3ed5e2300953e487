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
import { type Malformed, Reader, type Span, viewOf } from './reader.ts';

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
  const walk = new MessageWalk();
  walk.begin(bytes);
  const messages: Message[] = [];
  while (walk.next()) {
    const { type, flags, sequence, port, payload } = walk;
    messages.push({ type, flags, sequence, port, payload });
  }
  return { messages, problem: walk.problem };
}

/**
 * The messages of a datagram one after the other, the walk itself being the present one, and the place of its payload.
 * It allocates nothing: a listing may have ten thousand.
 */
export class MessageWalk implements Message, Span {
  #view: DataView = NO_BYTES;
  #first = 0;
  /** Of the present message and of the next. */
  #at = 0;
  #next = 0;
  /** Of the datagram. */
  #last = 0;
  #length = 0;
  #problem: string | undefined;

  begin(bytes: Uint8Array): void {
    this.#view = viewOf(bytes);
    this.#first = bytes.byteOffset;
    this.#next = bytes.byteOffset;
    this.#last = bytes.byteOffset + bytes.byteLength;
    this.#problem = undefined;
  }

  /** Goes on to the next message; false: there is none, or `problem` says why it cannot be read. */
  next(): boolean {
    const left = this.#last - this.#next;
    if (left <= 0) return false;
    const length = left < MESSAGE_HEADER ? left : this.#view.getUint32(this.#next, true);
    if (length < MESSAGE_HEADER || length > left) {
      this.#problem = `message at offset ${this.#next - this.#first} claims ${length} of ${left} bytes`;
      return false;
    }
    this.#at = this.#next;
    this.#length = length;
    this.#next += padded(length);
    return true;
  }

  /** Why nothing after the messages could be read. */
  get problem(): string | undefined {
    return this.#problem;
  }

  get type(): number {
    return this.#view.getUint16(this.#at + 4, true);
  }

  get flags(): number {
    return this.#view.getUint16(this.#at + 6, true);
  }

  get sequence(): number {
    return this.#view.getUint32(this.#at + 8, true);
  }

  get port(): number {
    return this.#view.getUint32(this.#at + 12, true);
  }

  get payload(): Uint8Array {
    return new Uint8Array(this.#view.buffer, this.start, this.end - this.start);
  }

  get view(): DataView {
    return this.#view;
  }

  /** Of the payload. */
  get start(): number {
    return this.#at + MESSAGE_HEADER;
  }

  /** Of the payload. */
  get end(): number {
    return this.#at + this.#length;
  }
}

const NO_BYTES = new DataView(new ArrayBuffer(0));

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
  // From Node's pool where it fits: a listing is a thousand requests.
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const { type, flags, sequence, payload } of messages) {
    const length = MESSAGE_HEADER + payload.length;
    bytes.writeUInt32LE(length, at);
    bytes.writeUInt16LE(type, at + 4);
    bytes.writeUInt16LE(flags, at + 6);
    bytes.writeUInt32LE(sequence, at + 8);
    bytes.writeUInt32LE(0, at + 12);
    bytes.set(payload, at + MESSAGE_HEADER);
    const end = at + length;
    at += padded(length);
    // Seldom: payloads are whole words as a rule, and `fill` takes its time over nothing, too.
    if (end < at) bytes.fill(0, end, at);
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
