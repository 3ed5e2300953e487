/** A lock that the kernel holds for a process: it is gone with its holder, however that ends. */
import { closeSync, constants, openSync } from 'node:fs';
import { isSystemError } from './errors.ts';
import { check, libc } from './libc.ts';

/** sys/file.h */
const LOCK_EX = 2;
const LOCK_NB = 4;

export interface FileLock {
  release(): void;
}

/**
 * Takes the lock of the file `path`, which is made where there is none and stays; undefined while another holds it.
 * Throws what opening says (ENOENT without the directory, EACCES), and SystemError.
 */
export function tryFileLock(path: string): FileLock | undefined {
  // Not through a link that somebody else has laid there.
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    check(libc.flock(fd, LOCK_EX | LOCK_NB), 'flock', path);
  } catch (error) {
    closeSync(fd);
    if (isSystemError(error, 'EAGAIN')) return undefined;
    throw error;
  }
  return { release: () => closeSync(fd) };
}
