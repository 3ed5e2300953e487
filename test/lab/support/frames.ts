/** What passes a link, seen by a packet socket. */
import {
  AF_PACKET,
  bindSocket,
  framesLost,
  lastStamp,
  openSocket,
  packetAddress,
  receive,
  SOCK_RAW,
  sendTo,
  setReceiveBuffer,
  waitReadable,
} from './libc.ts';

/** Bytes: a busy machine may not let this program run for seconds, in which nothing must be missed. */
const BUFFER = 16 * 1024 * 1024;

/** One frame, from its Ethernet header on: a view, which the next one overwrites. */
export interface SeenFrame {
  readonly frame: Buffer;
  /** When the kernel received it, in ms since the epoch. */
  readonly time: number;
}

export class FrameSocket {
  readonly #fd = openSocket(AF_PACKET, SOCK_RAW, 0);
  readonly #link: Buffer;
  readonly #buffer = Buffer.alloc(2_048);

  /** `room` in bytes, for what comes while nobody reads. */
  constructor(device: string, room = BUFFER) {
    this.#link = packetAddress(device);
    // Time stamps are kept from the first question on.
    lastStamp(this.#fd);
    setReceiveBuffer(this.#fd, room);
    bindSocket(this.#fd, this.#link);
  }

  /** Frames that found no room, since this was asked last. */
  lost(): number {
    return framesLost(this.#fd);
  }

  send(frame: Buffer): void {
    sendTo(this.#fd, frame, this.#link);
  }

  /** What comes within `ms`: waits, and keeps the process from anything else, until something does. */
  *within(ms: number): Generator<SeenFrame> {
    waitReadable(this.#fd, ms);
    for (
      let length = receive(this.#fd, this.#buffer);
      length !== undefined;
      length = receive(this.#fd, this.#buffer)
    ) {
      const time = lastStamp(this.#fd);
      if (time !== undefined) yield { frame: this.#buffer.subarray(0, length), time };
    }
  }
}

/** Prints what `decode` makes of each frame, a JSON line each, until the process ends. */
export async function printFrames(
  socket: FrameSocket,
  decode: (frame: Buffer, time: number) => object | undefined,
): Promise<never> {
  for (;;) {
    for (const { frame, time } of socket.within(50)) {
      const seen = decode(frame, time);
      if (seen !== undefined) process.stdout.write(`${JSON.stringify(seen)}\n`);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}
