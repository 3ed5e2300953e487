/** Long lines for a narrow terminal: broken between words, and what follows stands under the last column, or further in. */
import { stripVTControlCharacters } from 'node:util';

/** How much further in than its beginning a line goes on. */
const INDENT = 4;

/** Lines of at most `width` columns each, as far as words allow that. Colours stay with their words. */
export function wrapLine(line: string, width: number): readonly string[] {
  if (widthOf(line) <= width) return [line];
  const hang = ' '.repeat(hangOf(stripVTControlCharacters(line), width));
  const lines: string[] = [];
  let current = '';
  for (const word of line.match(/\s*\S+/g) ?? []) {
    const isEmpty = current.trim() === '';
    if (!isEmpty && widthOf(current + word) > width) {
      lines.push(current);
      current = hang + word.trimStart();
    } else current += word;
  }
  return [...lines, current];
}

const widthOf = (text: string): number => stripVTControlCharacters(text).length;

/** Under the last column, where that leaves a third of the width. */
function hangOf(text: string, width: number): number {
  const indent = text.search(/\S/) + INDENT;
  const columns = [...text.matchAll(/\S {2,}(?=\S)/g)].map(({ index, 0: gap }) => index + gap.length);
  const last = columns.at(-1) ?? width;
  return last <= (width * 2) / 3 ? last : Math.min(indent, Math.floor(width / 2));
}
