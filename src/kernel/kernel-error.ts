import { getSystemErrorMessage } from 'node:util';
import { errnoName } from '../sys/errors.ts';

/** What was asked of the kernel, in words: `add` `real server 10.1.1.2:80 of tcp 10.1.1.254:80`. */
export interface Attempt {
  readonly operation: string;
  readonly object: string;
}

/** A request that the kernel refused. `code` follows Node's own errors: `ENOENT`. */
export class KernelError extends Error implements Attempt {
  readonly operation: string;
  readonly object: string;
  /** Positive, as in errno.h. */
  readonly errno: number;
  readonly code: string;
  /** The kernel's own words, where it gave any (NLMSGERR_ATTR_MSG). */
  readonly kernelText: string | undefined;

  /** `advice` says what to do about it, where that is known. */
  constructor(attempt: Attempt, errno: number, kernelText?: string, advice?: string) {
    const code = errnoName(errno);
    const words = kernelText === undefined ? '' : `: ${kernelText}`;
    super(
      `${attempt.operation} ${attempt.object}: ${getSystemErrorMessage(-errno)} (${code})${words}${advice === undefined ? '' : `; ${advice}`}`,
    );
    this.name = 'KernelError';
    this.operation = attempt.operation;
    this.object = attempt.object;
    this.errno = errno;
    this.code = code;
    this.kernelText = kernelText;
  }
}

/** An answer that is not what the kernel's headers say: cut short, altered, missing, or without an end. */
export class KernelAnswerError extends Error {
  constructor(attempt: Attempt, reason: string, cause?: unknown) {
    super(`${attempt.operation} ${attempt.object}: ${reason}`, { cause });
    this.name = 'KernelAnswerError';
  }
}

/** Whether `error` is a refusal by the kernel with one of these errno names. */
export const isKernelError = (error: unknown, ...codes: readonly string[]): error is KernelError =>
  error instanceof KernelError && codes.includes(error.code);
