/** Reading the configuration file for a command. */
import { MAX_LENGTH } from '../conf/text.ts';
import { reasonOf } from '../model/reason.ts';
import { readAtMost } from './read-file.ts';

/** The bytes of the file, as the daemon would read them; rejects with what to do when it cannot be read. */
export async function readConfigFile(file: string): Promise<Uint8Array> {
  try {
    return await readAtMost(file, MAX_LENGTH);
  } catch (error) {
    throw new Error(`cannot read ${file}: ${explain(error)}`, { cause: error });
  }
}

/** The file's text, to show lines of it: without a byte order mark, and with U+FFFD for what is not UTF-8. */
export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function explain(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
      return 'you may not read it';
    case 'EISDIR':
      return 'it is a directory';
    default:
      return reasonOf(error);
  }
}
