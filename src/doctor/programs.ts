/** Other programs that know something of this host. */
import { execFile } from 'node:child_process';

const LIMIT_MS = 10_000;
const MOST_BYTES = 64 * 1024 * 1024;

export type ProgramAnswer =
  | { readonly kind: 'said'; readonly text: string }
  | { readonly kind: 'missing' }
  /** `why`: the last line of what it complained about, or how it ended. */
  | { readonly kind: 'failed'; readonly why: string };

/** All by which a program is started here. */
const SETTLED = {
  timeout: LIMIT_MS,
  maxBuffer: MOST_BYTES,
  encoding: 'utf8',
  env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
} as const;

/**
 * What the program prints for `input`; what it complains about, as of one of many lines, does not matter. Rejects where
 * it is not there, or does not end.
 */
export function runWithInput(input: string, program: string, ...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, SETTLED, (error, text) => {
      if (error === null || (typeof error.code === 'number' && error.killed !== true)) resolve(text);
      else if (error.code === 'ENOENT') reject(new Error(`${program} is not installed`, { cause: error }));
      else reject(new Error(`${program} cannot tell: ${whyOf(error, '')}`, { cause: error }));
    });
    // It may have ended before it has read all.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

/** What the program prints. Never rejects. */
export function run(program: string, ...args: readonly string[]): Promise<ProgramAnswer> {
  return new Promise((resolve) => {
    execFile(program, args, SETTLED, (error, text, complaint) => {
      if (error === null) resolve({ kind: 'said', text });
      else if (error.code === 'ENOENT') resolve({ kind: 'missing' });
      else resolve({ kind: 'failed', why: whyOf(error, complaint) });
    });
  });
}

function whyOf(error: { readonly message: string; readonly killed?: boolean }, complaint: string): string {
  if (error.killed === true) return `it did not end within ${LIMIT_MS / 1000} seconds`;
  return complaint.trim().split('\n').at(-1) || error.message;
}

/** As `run`, where it does not matter why there is nothing. */
export async function ask(program: string, ...args: readonly string[]): Promise<string | undefined> {
  const answer = await run(program, ...args);
  return answer.kind === 'said' ? answer.text : undefined;
}
