/** Names of users, from the file of passwd(5): whoever asks must not wait for a directory server. */
import { readRegularFile } from './regular-file.ts';

/** In bytes: a hundred thousand users. */
const SIZE_LIMIT = 16 * 1024 * 1024;

/** undefined where the file has none of that number, or cannot be read. */
export function userName(uid: number, file = '/etc/passwd'): string | undefined {
  let text: string;
  try {
    text = Buffer.from(readRegularFile(file, SIZE_LIMIT)).toString();
  } catch {
    return undefined;
  }
  return text
    .split('\n')
    .map((line) => line.split(':'))
    .find(([name, , number]) => name !== '' && number === String(uid))?.[0];
}
