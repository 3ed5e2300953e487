/** The number in a tracked file; pure. */

/** Bounds of what a priority can be moved by (keepalived clamps the same). */
const LARGEST = 254;

export type FileContent =
  | { readonly kind: 'number'; readonly value: number }
  /** Nothing in it, or nothing there: 0, as in keepalived. But it may just be being written. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'nonsense'; readonly text: string };

/** `text`: the beginning of the file. Decimal or 0x hexadecimal, with or without a sign; clamped to -254 to 254. */
export function fileContent(text: string): FileContent {
  const word = text.trim();
  if (word === '') return { kind: 'empty' };
  if (!/^[+-]?(\d+|0x[0-9a-f]+)$/i.test(word)) return { kind: 'nonsense', text: word.slice(0, 20) };
  const size = Number(word.replace(/^[+-]/, ''));
  const value = word.startsWith('-') ? -size : size;
  // + 0: there is no negative zero in a file.
  return { kind: 'number', value: Math.max(-LARGEST, Math.min(LARGEST, value)) + 0 };
}
