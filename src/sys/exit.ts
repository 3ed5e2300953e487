/** The end of this process, whatever its threads are about. */
import { libc } from './libc.ts';

/**
 * Ends the process within this call. `process.exit` waits for the calls that Node's thread pool is in the midst of, and
 * a write to a pipe that nobody reads lasts for ever.
 */
export function exitAtOnce(code: number): never {
  libc.exit(code);
  throw new Error('_exit(2) has returned');
}
