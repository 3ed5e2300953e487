/** Files that a command is given by name. */
import { createReadStream } from 'node:fs';

/**
 * The bytes of a file, a pipe (`<(…)` of the shell) or a device. Rejects where there are more than `limit`, which a
 * command may not take of the memory of a host that holds addresses, and with what the kernel says.
 */
export async function readAtMost(file: string, limit: number): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let length = 0;
  // One byte more than there may be tells that there are more.
  for await (const part of createReadStream(file, { end: limit }) as AsyncIterable<Buffer>) {
    parts.push(part);
    length += part.length;
  }
  if (length > limit) throw new Error(`it has more than ${limit} bytes`);
  return Buffer.concat(parts);
}
