/** Files that are read by whoever holds addresses: nothing that stands in their place may stop it. */
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';

/**
 * The bytes of the file, of which there may be `limit` at most. Throws for whatever else the name stands for: a pipe
 * that nobody writes to, or a device that never ends, would stop the reader for ever.
 */
export const readRegularFile = (file: string, limit: number): Uint8Array =>
  readFile(file, limit, 0, () => undefined);

/** As readRegularFile, of a file that is this user's own and that nobody else may read or write. Follows no link. */
export const readOwnFile = (file: string, limit: number): Uint8Array =>
  readFile(file, limit, constants.O_NOFOLLOW, (about) => {
    if (about.uid !== process.geteuid?.() || (about.mode & OTHERS) !== 0)
      throw new Error(`${file} is not for its owner alone, or not ours`);
  });

/** Group's and others' rights of a file. */
const OTHERS = 0o077;

/** `refuse` throws for a file that is not to be read. */
function readFile(file: string, limit: number, flags: number, refuse: (about: Stats) => void): Uint8Array {
  // Nonblocking, since the mere opening of a pipe waits for a writer; it means nothing for a file.
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | flags);
  try {
    const about = fstatSync(fd);
    refuse(about);
    if (about.isDirectory()) throw new Error(`${file} is a directory`);
    if (!about.isFile()) throw new Error(`${file} is a pipe or a device, not a file`);
    if (about.size > limit) throw new Error(`${file} has ${about.size} bytes: it may have ${limit} at most`);
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}
