import { constants } from 'node:os';
import { getSystemErrorMessage } from 'node:util';

const NAMES: ReadonlyMap<number, string> = new Map(
  // Aliases (EWOULDBLOCK for EAGAIN, EOPNOTSUPP for ENOTSUP) come later in the list: the first name of a number stays.
  Object.entries(constants.errno)
    .map(([name, number]): [number, string] => [number, name])
    .reverse(),
);

/** The numbers that the code decides by; all others are only told to people. */
export const ERRNO = constants.errno;

/** The errno's name as C has it (`ENOENT`), or `errno 133` for one that has none here. */
export const errnoName = (errno: number): string => NAMES.get(errno) ?? `errno ${errno}`;

/** A system call that the kernel refused. `code` follows Node's own errors, so that both are caught alike. */
export class SystemError extends Error {
  readonly syscall: string;
  /** Positive, as in errno.h. */
  readonly errno: number;
  readonly code: string;

  /** `what` says on what the call was made, for the message: `bind eth0: no such device (ENODEV)`. */
  constructor(syscall: string, errno: number, what?: string) {
    const code = errnoName(errno);
    super(`${syscall}${what === undefined ? '' : ` ${what}`}: ${getSystemErrorMessage(-errno)} (${code})`);
    this.name = 'SystemError';
    this.syscall = syscall;
    this.errno = errno;
    this.code = code;
  }
}

/** Whether `error` is a system call's error with one of these names. */
export const isSystemError = (error: unknown, ...codes: readonly string[]): error is SystemError =>
  error instanceof SystemError && (codes.length === 0 || codes.includes(error.code));
