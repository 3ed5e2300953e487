/**
 * The frames on the serial line between a lab and the agent in a kernel:
 *
 *   0..3  length of the payload, big endian
 *   4..7  number of the process that it is about, chosen by the lab; 0 = the agent itself
 *   8     kind
 *   9..   payload: JSON or raw bytes, by kind
 */
export const FRAME_KINDS = [
  'hello', // agent: I am up
  'taken', // agent: 4 bytes, the number of bytes it has read off the line
  'spawn', // lab: JSON SpawnRequest
  'started', // agent: JSON { pid }
  'failed', // agent: JSON { message }; the program could not be started
  'stdin', // lab: bytes
  'end', // lab: no more standard input
  'signal', // lab: JSON { signal, group }
  'stdout', // agent: bytes
  'stderr', // agent: bytes
  'exit', // agent: JSON { code }; all output was sent before
] as const;

export type FrameKind = (typeof FRAME_KINDS)[number];

export interface Frame {
  readonly kind: FrameKind;
  readonly id: number;
  readonly payload: Buffer;
}

export interface SpawnRequest {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

const HEADER = 9;

export function encodeFrame(
  kind: FrameKind,
  id: number,
  payload: Uint8Array | object = Buffer.alloc(0),
): Buffer {
  const body = payload instanceof Uint8Array ? payload : Buffer.from(JSON.stringify(payload));
  const header = Buffer.alloc(HEADER);
  header.writeUInt32BE(body.length, 0);
  header.writeUInt32BE(id, 4);
  header.writeUInt8(FRAME_KINDS.indexOf(kind), 8);
  return Buffer.concat([header, body]);
}

/** Takes pieces as they come off the line and gives the frames that are complete. */
export class FrameReader {
  #pieces: Buffer[] = [];
  #length = 0;
  #wanted = HEADER;

  push(piece: Buffer): Frame[] {
    this.#pieces.push(piece);
    this.#length += piece.length;
    const frames: Frame[] = [];
    while (this.#length >= this.#wanted) {
      const all = this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces);
      const total = HEADER + all.readUInt32BE(0);
      this.#wanted = total;
      if (all.length >= total) {
        const kind = FRAME_KINDS[all.readUInt8(8)];
        if (kind === undefined)
          throw new Error(`a frame of unknown kind ${all.readUInt8(8)} on the serial line`);
        frames.push({ kind, id: all.readUInt32BE(4), payload: all.subarray(HEADER, total) });
        this.#wanted = HEADER;
      }
      const rest = this.#wanted === HEADER ? all.subarray(total) : all;
      this.#pieces = [rest];
      this.#length = rest.length;
    }
    return frames;
  }
}
