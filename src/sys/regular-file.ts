/** Files that are read by whoever holds addresses: nothing that stands in their place may stop it. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

/**
 * The bytes of the file, of which there may be `limit` at most. Throws for whatever else the name stands for: a pipe
 * that nobody writes to, or a device that never ends, would stop the reader for ever.
 */
export function readRegularFile(file: string, limit: number): Uint8Array {
  // Nonblocking, since the mere opening of a pipe waits for a writer; it means nothing for a file.
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const about = fstatSync(fd);
    if (about.isDirectory()) throw new Error(`${file} is a directory`);
    if (!about.isFile()) throw new Error(`${file} is a pipe or a device, not a file`);
    if (about.size > limit) throw new Error(`${file} has ${about.size} bytes: it may have ${limit} at most`);
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}
