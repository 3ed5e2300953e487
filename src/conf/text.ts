/** From the bytes of a file to its text, or where it is no text. Columns count UTF-16 units, as editors do. */

/** A place in the text: the offset of a UTF-16 unit. */
export interface TextProblem {
  readonly offset: number;
  readonly message: string;
  /** Whether nothing more can be asked of the file. */
  readonly fatal?: true;
}

export interface DecodedText {
  /** Without a byte order mark. What is not UTF-8 reads as U+FFFD. */
  readonly text: string;
  readonly problems: readonly TextProblem[];
}

/** Far more than any configuration needs: what is longer is a wrong file, and parsing it would only take time. */
export const MAX_LENGTH = 4 * 1024 * 1024;

const BYTE_ORDER_MARK = /^\ufeff/;
/** What YAML 1.2 (section 5.1) keeps out of a file; a lone surrogate can only come from a string. */
const FORBIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff\ud800-\udfff]/u;

/** Text and bytes alike; of each kind of trouble the first place is reported, since the rest follows from it. */
export function decodeText(input: string | Uint8Array): DecodedText {
  if (input.length > MAX_LENGTH) {
    const message = `the file has ${input.length} bytes: a configuration has at most ${MAX_LENGTH}`;
    return { text: '', problems: [{ offset: 0, message }] };
  }
  const decoded = typeof input === 'string' ? { text: input, problems: [] } : decodeBytes(input);
  const text = decoded.text.replace(BYTE_ORDER_MARK, '');
  if (decoded.problems.length > 0) return { text, problems: decoded.problems };
  const found = FORBIDDEN.exec(text);
  if (found === null) return { text, problems: [] };
  const code = (found[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return {
    text,
    problems: [{ offset: found.index, message: `character U+${code} is not allowed: remove it` }],
  };
}

function decodeBytes(bytes: Uint8Array): DecodedText {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), problems: [] };
  } catch {
    const before = validStart(bytes);
    const byte = (bytes[Buffer.byteLength(before)] ?? 0).toString(16).toUpperCase().padStart(2, '0');
    const offset = before.replace(BYTE_ORDER_MARK, '').length;
    const message = `byte 0x${byte} is not UTF-8: save the file as UTF-8`;
    return { text: new TextDecoder('utf-8').decode(bytes), problems: [{ offset, message }] };
  }
}

/** The longest start that is valid, without a character that was only begun, and with its byte order mark. */
function validStart(bytes: Uint8Array): string {
  let valid = 0;
  let invalid = bytes.length;
  while (valid < invalid) {
    const middle = Math.ceil((valid + invalid) / 2);
    if (decodeStart(bytes.subarray(0, middle)) === undefined) invalid = middle - 1;
    else valid = middle;
  }
  return decodeStart(bytes.subarray(0, valid)) ?? '';
}

/** `stream` leaves out a character that is cut at the end, instead of refusing it. */
function decodeStart(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: true });
  } catch {
    return undefined;
  }
}
