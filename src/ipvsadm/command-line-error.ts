/** How `vipward ipvsadm` ends: the exit codes of ipvsadm itself. */
export const IPVSADM_EXIT = {
  done: 0,
  /** A listing could not be made. */
  unlisted: 1,
  /** An option that cannot be, or does not go together with another. */
  invalid: 2,
  /** The kernel refused, or the line is none at all. */
  refused: 255,
} as const;

/** A command line that means nothing. The message says why, and what would. */
export class CommandLineError extends Error {
  override readonly name = 'CommandLineError';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = IPVSADM_EXIT.invalid) {
    super(message);
    this.exitCode = exitCode;
  }
}
