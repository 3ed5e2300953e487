import { check, libc } from './libc.ts';

/** <fcntl.h>: neither end passes to a program that is started, unless it is handed to it. */
const O_CLOEXEC = 0o2000000;

export interface Pipe {
  /** Descriptors, to be closed by whoever opened the pipe. */
  readonly readEnd: number;
  readonly writeEnd: number;
}

/**
 * A pipe as pipe(2) makes it. Node gives its children socket pairs instead, which a shell cannot open again by name:
 * `echo … > /dev/stderr` fails there. Throws SystemError: EMFILE, ENFILE.
 */
export function openPipe(): Pipe {
  const ends = new Int32Array(2);
  check(libc.pipe(new Uint8Array(ends.buffer), O_CLOEXEC), 'pipe2');
  const [readEnd = -1, writeEnd = -1] = ends;
  return { readEnd, writeEnd };
}
