/** Small pieces of text: aligned columns, counts with their noun, and what came from elsewhere made safe to print. */
import { stripVTControlCharacters } from 'node:util';

const GAP = '  ';

/**
 * Rows with their columns aligned, the last one ragged; the columns of `numbers`, counted from 0, stand to the right.
 * Styled cells are as wide as they look.
 */
export function alignColumns(
  rows: readonly (readonly string[])[],
  numbers: readonly number[] = [],
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, visibleLength(cell));
    });
  }
  const pad = (cell: string, column: number): string => {
    const blanks = ' '.repeat((widths[column] ?? 0) - visibleLength(cell));
    return numbers.includes(column) ? blanks + cell : cell + blanks;
  };
  return rows.map((row) => row.map(pad).join(GAP).trimEnd());
}

const visibleLength = (cell: string): number => stripVTControlCharacters(cell).length;

/** `1 error`, `2 errors`, `no errors` for 0. */
export const countOf = (count: number, singular: string, plural = `${singular}s`): string =>
  `${count === 0 ? 'no' : count} ${count === 1 ? singular : plural}`;

/**
 * The text with every control character as a blank, so that columns still count right. What a real server answers,
 * and what stands in a file, must not steer the terminal of the person who looks at it.
 */
export const printable = (text: string): string => text.replaceAll(/\p{Cc}/gu, ' ');

export const indent = (lines: readonly string[], by: number): string[] =>
  lines.map((line) => ' '.repeat(by) + line);
