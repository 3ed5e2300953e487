/** Other programs that know something of this host. */
import { execFile } from 'node:child_process';

const LIMIT_MS = 10_000;
const MOST_BYTES = 32 * 1024 * 1024;

/** What the program prints; undefined where it is not installed, fails or does not end. */
export function ask(program: string, ...args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(
      program,
      args,
      {
        timeout: LIMIT_MS,
        maxBuffer: MOST_BYTES,
        encoding: 'utf8',
        env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
      },
      (error, out) => resolve(error === null ? out : undefined),
    );
  });
}
