/** The directories that the program makes for itself, and what it leaves in them. */
import { closeSync, fsyncSync, mkdirSync, openSync, rmSync } from 'node:fs';

/**
 * Makes `directory` unless it is there. Its parent must exist: Node's recursive mkdir never returns where the kernel
 * answers ENOENT whatever is made above, as in /proc. Throws what the kernel says.
 */
export function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o755 });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
  }
}

/**
 * What was renamed in `directory` has its new name after a power cut, too (fsync(2)). Filesystems that answer EINVAL
 * know no such thing of directories. Throws what the kernel says otherwise.
 */
export function flushDirectory(directory: string): void {
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EINVAL') throw cause;
  } finally {
    closeSync(fd);
  }
}

/** Removes a file that was begun and could not be finished. Never throws: what the kernel refuses, stays. */
export function removeFile(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Nobody reads it.
  }
}
