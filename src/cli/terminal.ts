/** Where a command writes, and whether people look at it. */

/** Exit codes of every command. 0 is success and nothing else. */
export const EXIT = { success: 0, failure: 1, usage: 2 } as const;

export interface Terminal {
  /** Writes to standard output: what was asked for. */
  out(text: string): void;
  /** Writes to standard error: what is wrong. */
  err(text: string): void;
  /** Whether standard output, and standard error, take colours. */
  readonly colours: { readonly out: boolean; readonly err: boolean };
  /** How wide standard output is; undefined where nobody looks: lines are left whole for programs. */
  readonly columns?: number | undefined;
}

/** The process's own streams. */
export function processTerminal(): Terminal {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (isBrokenPipe(error)) return;
    process.stderr.write(`vipward: cannot write the output: ${error.message}\n`);
    process.exit(EXIT.failure);
  });
  // What cannot be said here cannot be said at all.
  process.stderr.on('error', () => undefined);
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    colours: { out: takesColours(process.stdout), err: takesColours(process.stderr) },
    // Serial consoles say that they have no column at all.
    columns: (process.stdout.isTTY && process.stdout.columns) || undefined,
  };
}

/** https://no-color.org: any value but the empty one turns colours off. */
const takesColours = (stream: NodeJS.WriteStream): boolean =>
  stream.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb';

/** `vipward status | head -1`: the reader has what it wanted, and the exit code is the command's own as ever. */
const isBrokenPipe = ({ code }: NodeJS.ErrnoException): boolean =>
  code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED';

export function printLines(write: (text: string) => void, lines: readonly string[]): void {
  if (lines.length > 0) write(`${lines.join('\n')}\n`);
}

export const printJson = (terminal: Terminal, document: unknown): void =>
  terminal.out(`${JSON.stringify(document, null, 2)}\n`);
