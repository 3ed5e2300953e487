/** What a command is given to read: files by name, and standard input. */
import { createReadStream } from 'node:fs';

/**
 * The bytes of a file, a pipe (`<(…)` of the shell) or a device. Rejects where there are more than `limit`, which a
 * command may not take of the memory of a host that holds addresses, and with what the kernel says.
 */
export const readAtMost = (file: string, limit: number): Promise<Uint8Array> =>
  // One byte more than there may be tells that there are more.
  takeAtMost(createReadStream(file, { end: limit }), limit);

/** The same of what is open already; no more is read of it once it is too much. */
export async function takeAtMost(parts: AsyncIterable<Buffer>, limit: number): Promise<Uint8Array> {
  const taken: Buffer[] = [];
  let length = 0;
  for await (const part of parts) {
    taken.push(part);
    length += part.length;
    if (length > limit) throw new Error(`it has more than ${limit} bytes`);
  }
  return Buffer.concat(taken);
}
