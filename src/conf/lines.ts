/** From an offset in the text to the line and column that editors show, both from 1. */
import { LineCounter } from 'yaml';

export interface Position {
  readonly line: number;
  readonly column: number;
}

export function linesOf(text: string): (offset: number) => Position {
  const counter = new LineCounter();
  counter.addNewLine(0);
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) counter.addNewLine(at + 1);
  return (offset) => {
    const { line, col } = counter.linePos(Math.min(Math.max(offset, 0), text.length));
    return { line, column: col };
  };
}
