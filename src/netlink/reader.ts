/**
 * A bounded reader for what a kernel, or something that claims to be one, sent. Lengths on the wire lie: no read goes
 * past the end, the first thing wrong sticks, later reads give zeros, and the decoder asks once, at its end.
 *
 * Netlink is in host byte order. Every machine that Node's packages serve here is little-endian, and so is this.
 */

/** What a decoder gives instead of a value when the bytes are not what they should be. */
export class Malformed {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

/** The first thing that was wrong, shared by a reader and the attributes that are read from it. */
export class Fault {
  reason: string | undefined;
  report(reason: string): void {
    this.reason ??= reason;
  }
}

/** A part of a message: from `start` up to `end` of what `view` shows. */
export interface Span {
  readonly view: DataView;
  readonly start: number;
  readonly end: number;
}

let lastView: DataView = new DataView(new ArrayBuffer(0));

/** Of the whole memory that `bytes` are a part of. The messages of a datagram share one: each costs the collector. */
export function viewOf({ buffer }: Uint8Array): DataView {
  if (lastView.buffer !== buffer) lastView = new DataView(buffer);
  return lastView;
}

/** What a decoder reads: bytes, or where they lie. */
export type Source = Uint8Array | Span;

/** Reads forward from the start of `source`; `subject` begins the reason of a malformed message. */
export class Reader {
  readonly fault = new Fault();
  readonly #subject: string;
  #view = lastView;
  /** Where the bytes begin and end in the view, and how far they are read. */
  #start = 0;
  #end = 0;
  #offset = 0;

  constructor(source: Source, subject: string) {
    this.#subject = subject;
    this.begin(source);
  }

  /** Reads other bytes, as a new reader would: a table of ten thousand entries is read by one. */
  begin(source: Source): void {
    const isBytes = source instanceof Uint8Array;
    this.#view = isBytes ? viewOf(source) : source.view;
    this.#start = isBytes ? source.byteOffset : source.start;
    this.#end = isBytes ? source.byteOffset + source.byteLength : source.end;
    this.#offset = this.#start;
    this.fault.reason = undefined;
  }

  u8(): number {
    const at = this.#take(1);
    return at === undefined ? 0 : this.#view.getUint8(at);
  }

  u16(): number {
    const at = this.#take(2);
    return at === undefined ? 0 : this.#view.getUint16(at, true);
  }

  u32(): number {
    const at = this.#take(4);
    return at === undefined ? 0 : this.#view.getUint32(at, true);
  }

  i32(): number {
    return this.u32() | 0;
  }

  skip(length: number): void {
    this.#take(length);
  }

  /** Everything that is left: a view, not a copy. */
  rest(): Span {
    const start = this.#offset;
    this.#offset = this.#end;
    return { view: this.#view, start, end: this.#end };
  }

  /** The value, or why it cannot be trusted. */
  finish<Value>(value: Value): Value | Malformed {
    const { reason } = this.fault;
    return reason === undefined ? value : new Malformed(`${this.#subject}: ${reason}`);
  }

  #take(length: number): number | undefined {
    const at = this.#offset;
    // A length of the wire beyond 2^31 may have become negative on its way here.
    if (length < 0 || length > this.#end - at) {
      const place = `offset ${at - this.#start} of ${this.#end - this.#start}`;
      this.fault.report(`cut short: ${length} bytes wanted at ${place}`);
      this.#offset = this.#end;
      return undefined;
    }
    this.#offset = at + length;
    return at;
  }
}
